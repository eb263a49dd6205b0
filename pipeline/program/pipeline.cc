#include "pipeline/program/pipeline.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "pipeline/settings/read.h"
#include "processors/casework/casework.h"
#include "processors/insight/insight.h"
#include "processors/sessions/sessions.h"
#include "schemas/domain_load.h"

namespace echoloop::program {
namespace {

// Events that are processed within a second or two.
constexpr std::int64_t kBacklog_of_moments = 10'000;
// Stage time of a shard of SESSIONS, as the engine keeps it.
constexpr std::string_view kStage_time = "sessions/now";

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

Result<std::unique_ptr<Pipeline>> Pipeline::open(const Settings& settings) {
  std::unique_ptr<Pipeline> out{new Pipeline(settings)};
  if (auto built = out->build(); !built) return tl::make_unexpected(built.error());
  return out;
}

Result<void> Pipeline::build() {
  auto configuration = load_configuration(settings_);
  if (!configuration) return tl::make_unexpected(configuration.error());
  domain_ = std::make_shared<CurrentDomain>(*configuration);
  const bool by_wall = settings_.clock == Clock::wall;
  BelievedClock* clock = by_wall ? &clock_ : nullptr;
  auto ground = settings_.kafka.brokers.empty() ? local_ground(settings_, clock) : kafka_ground(settings_, clock);
  if (!ground) return tl::make_unexpected(ground.error());
  ground_ = std::move(*ground);
  ground_->on_commit([this] { bell_.ring(); });

  DoorOptions door;
  door.now = [this] { return clock_.now(); };
  door.retention = settings_.session_retention;
  door.clock = by_wall ? StageClock::wall : StageClock::event;
  if (settings_.strict_tenants) {
    door.knows_tenant = [domain = domain_](std::string_view tenant) {
      return domain->get()->tenants.contains(std::string(tenant));
    };
  }
  door_ = std::make_unique<Door>(ground_->appender(), door);

  sources_ = std::make_shared<serving::Sources>();
  sources_->rows = &ground_->rows();
  sources_->held = &ground_->held_rows();
  sources_->snapshot = [this] { return ground_->snapshot(); };
  sources_->shards = ground_->partitions();
  sources_->domain = domain_;
  sources_->raw_event = [this](int shard, std::int64_t offset) -> Result<std::optional<serving::RawEvent>> {
    auto slice = ground_->read_event(shard, offset);
    if (!slice) return tl::make_unexpected(slice.error());
    if (slice->records.empty()) return std::optional<serving::RawEvent>{};
    const stage::Record& record = slice->records.front();
    return std::optional<serving::RawEvent>{{record.at, std::string(record.value)}};
  };
  sources_->read_events = [this](int shard, std::int64_t from, const stage::PollLimits& limits) {
    return ground_->read_events(shard, from, limits);
  };

  // The house from left to right. To add a stage: a line here.
  std::vector<stage::StageSpec> stages = {sessions::sessions_stage(domain_), insight::insight_stage(domain_),
                                          casework::casework_stage(domain_)};
  engine::EngineOptions options;
  options.workers = static_cast<int>(std::min<std::int64_t>(settings_.workers, ground_->partitions()));
  options.limits.interval = settings_.epoch_interval;
  // Epochs in the making belong to --memory too.
  options.limits.read_bytes_max = std::min<std::size_t>(options.limits.read_bytes_max, settings_.memory_bytes / 32);
  options.limits.written_bytes = std::min<std::size_t>(options.limits.written_bytes, settings_.memory_bytes / 43);
  engine_ = std::make_unique<engine::Engine>(
      std::move(stages), [this](int worker, int workers) { return ground_->link(worker, workers); }, options);

  delivery::TaskFileParts parts;
  parts.bell = &bell_;
  parts.on_failure = [this](const Error& error) { fail(error); };
  parts.on_trouble = [this](const std::optional<Error>& error) { trouble("outbox file", error); };
  auto file = ground_->task_file(std::move(parts));
  if (!file) return tl::make_unexpected(file.error());
  task_file_ = std::move(*file);
  TickerParts ticker;
  ticker.ground = ground_.get();
  ticker.bell = &bell_;
  ticker.sources = sources_;
  ticker.now = [this] { return stage_time(); };
  // By the wall clock what is judged is a day old, and only a large backlog can hold some of it still.
  ticker.caught_up = [this, by_wall] { return by_wall ? ground_->backlog() <= kBacklog_of_moments : settled(); };
  ticker_ = std::make_unique<Ticker>(std::move(ticker));
  return {};
}

Pipeline::~Pipeline() { stop(); }

void Pipeline::start() {
  engine_->start([this](const Error& error) { fail(error); },
                 [this](const std::optional<Error>& error) { trouble("stages", error); });
  if (task_file_) task_file_->start();
  if (ticker_) ticker_->start();
}

Time Pipeline::stage_time() {
  if (settings_.clock == Clock::wall) return clock_.now();
  std::int64_t latest = 0;
  for (int shard : ground_->shards()) {
    auto row = ground_->held_rows().get(stage::Table::counters, shard, kStage_time);
    if (row && *row) latest = std::max(latest, Reader{**row}.signed_varint());
  }
  return from_ms(latest);
}

void Pipeline::start_deliveries() {
  delivery::DeliveryParts parts = ground_->deliveries([this] { return stage_time(); });
  parts.environment = variable_of_process;
  parts.now = wall_clock;
  deliveries_ = std::make_unique<delivery::Deliveries>(std::move(parts), domain_, bell_);
  deliveries_->start();
}

void Pipeline::stop() {
  deliveries_.reset();
  ticker_.reset();
  if (engine_) engine_->stop();
  task_file_.reset();
}

void Pipeline::fail(const Error& error) {
  spdlog::error("stopped: {}", error.text());
  {
    std::lock_guard lock{failure_mutex_};
    if (failure_) return;
    failure_ = error;
  }
  bell_.ring();
  if (failure_listener_) failure_listener_();
}

void Pipeline::trouble(const std::string& who, const std::optional<Error>& error) {
  if (error) {
    spdlog::error("{} wait, and go on by themselves when this is over: {}", who, error->text());
  } else {
    spdlog::info("{} go on", who);
  }
  {
    std::lock_guard lock{failure_mutex_};
    troubles_.erase(who);
    if (error) troubles_.emplace(who, *error);
  }
  bell_.ring();
}

std::optional<Error> Pipeline::failure() const {
  std::lock_guard lock{failure_mutex_};
  return failure_;
}

std::optional<Error> Pipeline::trouble() const {
  std::lock_guard lock{failure_mutex_};
  if (failure_ || troubles_.empty()) return failure_;
  return troubles_.begin()->second;
}

bool Pipeline::settled() const {
  // Recounts first: what the last one of them sent is still under way to the other stages.
  const std::shared_ptr<const Domain> domain = domain_->get();
  for (int shard : ground_->shards()) {
    if (!sessions::recount_done(ground_->held_rows(), shard, *domain).value_or(false)) return false;
  }
  return ground_->settled();
}

Result<void> Pipeline::wait_settled() {
  while (!bell_.wait(Duration{1000}, [&] { return settled() || trouble(); })) {
  }
  if (auto error = trouble()) return tl::make_unexpected(*error);
  return {};
}

Result<std::string> Pipeline::reload() {
  auto configuration = load_configuration(settings_);
  if (!configuration) return tl::make_unexpected(configuration.error());
  if ((*configuration)->hash == domain_->get()->hash) return std::string("unchanged");
  domain_->set(*configuration);
  // One record for every shard of SESSIONS, so that each recounts what other rules counted. Any key that leads there
  // will do.
  std::vector<bool> reached(static_cast<std::size_t>(ground_->partitions()));
  for (int left = ground_->partitions(), i = 0; left > 0; ++i) {
    std::string key = fmt::format("reload-{}", i);
    auto shard = static_cast<std::size_t>(partition_of(key, ground_->partitions()));
    if (reached[shard]) continue;
    reached[shard] = true;
    --left;
    stage::Append wake{stage::Kind::reload, key, "", stage_time()};
    if (auto appended = ground_->appender().append({&wake, 1}); !appended) return tl::make_unexpected(appended.error());
  }
  return std::string("loaded");
}

}  // namespace echoloop::program
