#include <spdlog/spdlog.h>

#include <numeric>

#include "pipeline/intake/shares.h"
#include "pipeline/local/local_link.h"
#include "pipeline/program/ground.h"

namespace echoloop::program {
namespace {

class LogAppender final : public stage::Appender {
 public:
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

class LocalGround final : public Ground {
 public:
  LocalGround(const Settings& settings, std::unique_ptr<local::LocalHouse> house, BelievedClock* clock)
      : outbox_(settings.data / "outbox" / "tasks.ndjson"),
        house_(std::move(house)),
        appender_(*house_, clock, settings.backlog_max) {}

  int partitions() const override { return house_->partitions(); }
  const stage::View& rows() const override { return house_->store(); }
  std::shared_ptr<const stage::View> snapshot() const override { return house_->store().snapshot(); }
  std::vector<int> shards() const override {
    std::vector<int> out(static_cast<std::size_t>(partitions()));
    std::iota(out.begin(), out.end(), 0);
    return out;
  }
  Result<stage::Slice> read_events(int partition, std::int64_t from, const stage::PollLimits& limits) override {
    return house_->log().read(partition, from, limits);
  }
  Result<stage::Slice> read_event(int partition, std::int64_t offset) override {
    return house_->log().read_one(partition, offset);
  }
  std::int64_t backlog() const override { return house_->backlog(); }
  std::uint64_t log_bytes() const override { return static_cast<std::uint64_t>(house_->log().disk_bytes()); }
  bool settled() const override { return house_->settled(); }
  stage::Appender& appender() override { return appender_; }
  Result<std::unique_ptr<stage::Link>> link(int worker, int workers) override { return house_->link(worker, workers); }
  void on_commit(std::function<void()> listener) override { house_->on_commit(std::move(listener)); }
  Result<std::unique_ptr<delivery::TaskFile>> task_file(delivery::TaskFileParts parts) override {
    parts.partitions = house_->partitions();
    parts.rows = &house_->store();
    parts.read = [this](int partition, std::int64_t from) {
      return house_->read_topic(stage::Topic::tasks, partition, from, {});
    };
    parts.write = [this](const std::vector<stage::Row>& rows) { return house_->write(rows); };
    return delivery::TaskFile::open(outbox_, std::move(parts));
  }
  delivery::DeliveryParts deliveries(std::function<Time()>) override {
    delivery::DeliveryParts parts;
    parts.partitions = house_->partitions();
    parts.rows = &house_->store();
    parts.write = [this](const std::vector<stage::Row>& rows) { return house_->write(rows); };
    parts.add = [this](const stage::Row& row) -> Result<void> {
      auto there = house_->store().get(row.table, row.shard, row.key);
      if (!there) return tl::make_unexpected(there.error());
      return *there ? Result<void>{} : house_->write({row});
    };
    parts.read = [this](int partition, std::int64_t from, const stage::PollLimits& limits) {
      return house_->read_topic(stage::Topic::tasks, partition, from, limits);
    };
    parts.ends = [this]() -> Result<std::vector<std::int64_t>> {
      std::vector<std::int64_t> out;
      for (int partition = 0; partition < house_->partitions(); ++partition)
        out.push_back(house_->topic_end(stage::Topic::tasks, partition));
      return out;
    };
    return parts;
  }

 private:
  const std::filesystem::path outbox_;
  std::unique_ptr<local::LocalHouse> house_;
  LogAppender appender_;
};

}  // namespace

Result<std::unique_ptr<Ground>> local_ground(const Settings& settings, BelievedClock* clock) {
  auto house = local::LocalHouse::open(settings.data, house_options(settings));
  if (!house) return tl::make_unexpected(house.error());
  for (const std::string& repair : (*house)->repairs()) spdlog::warn("{}", repair);
  return std::make_unique<LocalGround>(settings, std::move(*house), clock);
}

}  // namespace echoloop::program
