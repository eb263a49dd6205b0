#include "pipeline/program/embedded.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "pipeline/base/hash.h"
#include "pipeline/intake/shares.h"
#include "processors/casework/casework.h"
#include "processors/insight/insight.h"
#include "processors/sessions/sessions.h"
#include "schemas/domain_load.h"

namespace echoloop::program {
namespace {

class LogAppender final : public stage::Appender {
 public:
  // `clock`: no record is later than it; null: they say their times themselves.
  LogAppender(local::LocalHouse& house, BelievedClock* clock, std::uint64_t backlog_max)
      : house_(house), clock_(clock), shares_(static_cast<std::int64_t>(backlog_max)) {}

  int partitions() const override { return house_.partitions(); }

  Result<stage::Appended> append(std::span<const stage::Append> records) override {
    if (!shares_.admit(records, house_.backlog())) return stage::Appended::full;
    std::vector<local::Append> out;
    out.reserve(records.size());
    const Time latest = clock_ == nullptr ? Time::max() : clock_->now();
    for (const stage::Append& record : records)
      out.push_back({record.kind, record.key, record.value, std::min(record.at, latest)});
    auto done = house_.log().append(out);
    if (!done) return tl::make_unexpected(done.error());
    shares_.entered(records);
    return stage::Appended::durable;
  }

 private:
  local::LocalHouse& house_;
  BelievedClock* clock_;
  Shares shares_;
};

local::HouseOptions house_options(const Settings& settings) {
  local::HouseOptions out;
  out.partitions = static_cast<int>(settings.shards);
  // Three eighths for RocksDB; the rest for the log's ring and queues, epochs in the making, and requests.
  out.store.memory_bytes = settings.memory_bytes / 8 * 3;
  out.log.sync = settings.log_fsync == Fsync::always ? local::Sync::always : local::Sync::never;
  out.log.compression = settings.log_compression == Compression::none  ? local::Compression::none
                        : settings.log_compression == Compression::lz4 ? local::Compression::lz4
                                                                       : local::Compression::zstd;
  out.log.segment_bytes = settings.log_segment_bytes;
  out.log.ring_bytes = settings.memory_bytes / 16;
  out.log.in_flight_bytes = settings.memory_bytes / 16;
  out.event_retention = settings.event_retention.value_or(settings.session_retention);
  out.queued_bytes_max = settings.memory_bytes / 16;
  return out;
}

}  // namespace

std::filesystem::path config_folder(const Settings& settings) {
  if (settings.config_dir) return *settings.config_dir;
  std::error_code none;
  if (std::filesystem::is_directory(ECHOLOOP_PROJECT_CONFIG, none)) return ECHOLOOP_PROJECT_CONFIG;
  return ECHOLOOP_INSTALLED_CONFIG;
}

Result<std::shared_ptr<const Domain>> load_configuration(const Settings& settings) {
  LoadedDomain loaded = load_domain(config_folder(settings));
  if (!loaded) return bad_configuration("", text_of(loaded.error()));
  auto domain = std::make_shared<Domain>(std::move(*loaded));
  domain->strict_tenants = settings.strict_tenants;
  domain->session_retention = settings.session_retention;
  domain->values_max = settings.values_max;
  return domain;
}

Result<std::unique_ptr<Embedded>> Embedded::open(const Settings& settings) {
  std::unique_ptr<Embedded> out{new Embedded(settings)};
  if (auto built = out->build(); !built) return tl::make_unexpected(built.error());
  return out;
}

Result<void> Embedded::build() {
  auto configuration = load_configuration(settings_);
  if (!configuration) return tl::make_unexpected(configuration.error());
  domain_ = std::make_shared<CurrentDomain>(*configuration);
  auto house = local::LocalHouse::open(settings_.data, house_options(settings_));
  if (!house) return tl::make_unexpected(house.error());
  house_ = std::move(*house);
  for (const std::string& repair : house_->repairs()) spdlog::warn("{}", repair);
  house_->on_commit([this] { bell_.ring(); });

  const bool by_wall = settings_.clock == Clock::wall;
  appender_ = std::make_unique<LogAppender>(*house_, by_wall ? &clock_ : nullptr, settings_.backlog_max);
  DoorOptions door;
  door.now = [this] { return clock_.now(); };
  door.retention = settings_.session_retention;
  door.clock = by_wall ? StageClock::wall : StageClock::event;
  if (settings_.strict_tenants) {
    door.knows_tenant = [domain = domain_](std::string_view tenant) {
      return domain->get()->tenants.contains(std::string(tenant));
    };
  }
  door_ = std::make_unique<Door>(*appender_, door);

  sources_ = std::make_shared<serving::Sources>();
  sources_->rows = &house_->store();
  sources_->snapshot = [this] { return std::shared_ptr<const stage::View>(house_->store().snapshot()); };
  sources_->shards = house_->partitions();
  sources_->domain = domain_;
  sources_->raw_event = [this](int shard, std::int64_t offset) -> Result<std::optional<serving::RawEvent>> {
    auto slice = house_->log().read_one(shard, offset);
    if (!slice) return tl::make_unexpected(slice.error());
    if (slice->records.empty()) return std::optional<serving::RawEvent>{};
    const stage::Record& record = slice->records.front();
    return std::optional<serving::RawEvent>{{record.at, std::string(record.value)}};
  };

  sources_->read_events = [this](int shard, std::int64_t from, const stage::PollLimits& limits) {
    return house_->log().read(shard, from, limits);
  };

  // The house from left to right. To add a stage: a line here.
  std::vector<stage::StageSpec> stages = {sessions::sessions_stage(domain_), insight::insight_stage(domain_),
                                          casework::casework_stage(domain_)};
  engine::EngineOptions options;
  options.workers = static_cast<int>(std::min(settings_.workers, settings_.shards));
  options.limits.interval = settings_.epoch_interval;
  engine_ = std::make_unique<engine::Engine>(
      std::move(stages),
      [this](int worker, int workers) -> Result<std::unique_ptr<stage::Link>> { return house_->link(worker, workers); },
      options);

  delivery::TaskFileParts parts;
  parts.partitions = house_->partitions();
  parts.rows = &house_->store();
  parts.read = [this](int partition, std::int64_t from) {
    return house_->read_topic(stage::Topic::tasks, partition, from, {});
  };
  parts.write = [this](const std::vector<stage::Row>& rows) { return house_->write(rows); };
  parts.bell = &bell_;
  parts.on_failure = [this](const Error& error) { fail(error); };
  parts.on_trouble = [this](const std::optional<Error>& error) { trouble("outbox file", error); };
  auto file = delivery::TaskFile::open(settings_.data / "outbox" / "tasks.ndjson", std::move(parts));
  if (!file) return tl::make_unexpected(file.error());
  task_file_ = std::move(*file);
  return {};
}

Embedded::~Embedded() { stop(); }

void Embedded::start() {
  engine_->start([this](const Error& error) { fail(error); },
                 [this](const std::optional<Error>& error) { trouble("stages", error); });
  task_file_->start();
}

void Embedded::stop() {
  if (engine_) engine_->stop();
  task_file_.reset();
}

void Embedded::fail(const Error& error) {
  spdlog::error("stopped: {}", error.text());
  {
    std::lock_guard lock{failure_mutex_};
    if (failure_) return;
    failure_ = error;
  }
  bell_.ring();
  if (failure_listener_) failure_listener_();
}

void Embedded::trouble(const std::string& who, const std::optional<Error>& error) {
  if (error) {
    spdlog::error("{} wait for room on the disk, and go on by themselves then: {}", who, error->text());
  } else {
    spdlog::info("{} go on: the disk has room again", who);
  }
  {
    std::lock_guard lock{failure_mutex_};
    troubles_.erase(who);
    if (error) troubles_.emplace(who, *error);
  }
  bell_.ring();
}

std::optional<Error> Embedded::failure() const {
  std::lock_guard lock{failure_mutex_};
  return failure_;
}

std::optional<Error> Embedded::trouble() const {
  std::lock_guard lock{failure_mutex_};
  if (failure_ || troubles_.empty()) return failure_;
  return troubles_.begin()->second;
}

bool Embedded::settled() const {
  // Recounts first: what the last one of them sent is still under way to the other stages.
  const std::shared_ptr<const Domain> domain = domain_->get();
  for (int shard = 0; shard < house_->partitions(); ++shard) {
    if (!sessions::recount_done(house_->store(), shard, *domain).value_or(false)) return false;
  }
  return house_->settled();
}

Result<void> Embedded::wait_settled() {
  while (!bell_.wait(Duration{1000}, [&] { return settled() || trouble(); })) {
  }
  if (auto error = trouble()) return tl::make_unexpected(*error);
  return {};
}

Result<std::string> Embedded::reload() {
  auto configuration = load_configuration(settings_);
  if (!configuration) return tl::make_unexpected(configuration.error());
  if ((*configuration)->hash == domain_->get()->hash) return std::string("unchanged");
  domain_->set(*configuration);
  // One record for every shard of SESSIONS, so that each recounts what other rules counted. Any key that leads there
  // will do.
  std::vector<bool> reached(static_cast<std::size_t>(house_->partitions()));
  for (int left = house_->partitions(), i = 0; left > 0; ++i) {
    std::string key = fmt::format("reload-{}", i);
    auto shard = static_cast<std::size_t>(partition_of(key, house_->partitions()));
    if (reached[shard]) continue;
    reached[shard] = true;
    --left;
    stage::Append wake{stage::Kind::reload, key, "", wall_clock()};
    if (auto appended = appender_->append({&wake, 1}); !appended) return tl::make_unexpected(appended.error());
  }
  return std::string("loaded");
}

}  // namespace echoloop::program
