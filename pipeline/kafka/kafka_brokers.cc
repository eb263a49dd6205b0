#include "pipeline/kafka/kafka_brokers.h"

#include <array>
#include <chrono>
#include <thread>

#include "pipeline/kafka/sink.h"
#include "pipeline/kafka/source.h"
#include "pipeline/kafka/trim.h"

namespace echoloop::kafka {
namespace {

constexpr Duration kPatience{30'000};
constexpr std::chrono::milliseconds kLook_again{20};
constexpr std::string_view kReading_changelog = "reading the changelog";
constexpr std::size_t kRecord_batch = 64;  // records; each may be some hundred kilobytes

// A topic that was just made, or a broker that was just lost.
bool has_no_leader(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
         code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

class KafkaChangelog final : public ChangelogReader {
 public:
  static Result<std::unique_ptr<ChangelogReader>> open(const MemberOptions& options, std::string_view name,
                                                       Duration patience) {
    Properties properties = reader_properties(options, name);
    properties.emplace_back("auto.offset.reset", "error");
    properties.emplace_back("queued.max.messages.kbytes", "65536");
    properties.emplace_back("enable.partition.eof", "true");
    auto consumer = make_client(RD_KAFKA_CONSUMER, properties);
    if (!consumer) return tl::make_unexpected(consumer.error());
    return std::unique_ptr<ChangelogReader>{
        new KafkaChangelog(changelog_name(options.topics), milliseconds(patience), std::move(*consumer))};
  }

  Result<Ends> ends(int shard) override {
    Ends out;
    for (auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{patience_ms_};;) {
      const auto code =
          rd_kafka_query_watermark_offsets(consumer_.get(), topic_.c_str(), shard, &out.low, &out.high, patience_ms_);
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return out;
      if (!has_no_leader(code) || std::chrono::steady_clock::now() > until)
        return away("looking at the changelog", code);
      std::this_thread::sleep_for(kLook_again);
    }
  }

  Result<bool> holds_records(int shard) override {
    if (auto begun = begin({{shard, RD_KAFKA_OFFSET_BEGINNING}}); !begun) return tl::make_unexpected(begun.error());
    const MessagePtr message{rd_kafka_consume_queue(queue_.get(), patience_ms_)};
    rd_kafka_assign(consumer_.get(), nullptr);
    if (!message) return away(kReading_changelog, "no answer");
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return false;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
      return away(kReading_changelog, rd_kafka_message_errstr(message.get()));
    return true;
  }

  Result<void> begin(const std::map<int, std::int64_t>& offsets) override {
    const PartitionsPtr list{rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size()))};
    for (const auto& [shard, offset] : offsets)
      rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), shard)->offset = offset;
    if (auto code = rd_kafka_assign(consumer_.get(), list.get())) return away(kReading_changelog, code);
    return {};
  }

  Result<void> read(Duration timeout, const Visit& visit) override {
    std::array<rd_kafka_message_t*, kRecord_batch> batch{};
    for (bool first = true;; first = false) {
      const auto n = rd_kafka_consume_batch_queue(queue_.get(), first ? milliseconds(timeout) : 0, batch.data(),
                                                  first ? 1 : batch.size());
      if (n < 0) return away(kReading_changelog, rd_kafka_last_error());
      Result<void> visited;
      for (std::ptrdiff_t i = 0; i < n; ++i) {
        const MessagePtr message{batch[static_cast<std::size_t>(i)]};
        if (visited) visited = show(*message, visit);
      }
      if (!visited || n == 0 || !first) return visited;
    }
  }

 private:
  KafkaChangelog(std::string topic, int patience_ms, ClientPtr consumer)
      : topic_(std::move(topic)), patience_ms_(patience_ms), consumer_(std::move(consumer)) {
    rd_kafka_poll_set_consumer(consumer_.get());
    queue_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
  }

  static Result<void> show(const rd_kafka_message_t& message, const Visit& visit) {
    if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return {};
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) return away(kReading_changelog, rd_kafka_message_errstr(&message));
    return visit(message.partition, message.offset, {static_cast<const char*>(message.payload), message.len});
  }

  const std::string topic_;
  const int patience_ms_;
  ClientPtr consumer_;
  QueuePtr queue_;
};

class KafkaBrokers final : public Brokers {
 public:
  static Result<std::unique_ptr<Brokers>> open(const MemberOptions& options, int worker) {
    std::unique_ptr<KafkaBrokers> out{new KafkaBrokers(options)};
    auto sink = Sink::open(options, worker);
    if (!sink) return tl::make_unexpected(sink.error());
    out->sink_ = std::move(*sink);
    auto source = Source::open(options, worker);
    if (!source) return tl::make_unexpected(source.error());
    out->source_ = std::move(*source);
    auto trim = Trim::open(options);
    if (!trim) return tl::make_unexpected(trim.error());
    out->trim_ = std::move(*trim);
    return out;
  }

  Result<News> poll(Duration timeout, const stage::PollLimits& limits, std::vector<stage::Slice>& slices) override {
    return source_->poll(timeout, limits, slices);
  }
  Result<void> release() override { return source_->release(); }
  Result<void> yield() override { return source_->yield(); }
  bool at_end() const override { return source_->at_end(); }
  std::int64_t end_of(stage::Partition partition) const override { return source_->end_of(partition); }
  void wake() override { source_->wake(); }

  Result<void> begin() override { return sink_->begin(); }
  Result<Offset> write(stage::Output output, int partition) override {
    return sink_->write(std::move(output), partition);
  }
  Result<Offset> write_changelog(int shard, std::string_view record) override {
    return sink_->write_changelog(shard, record);
  }
  Result<void> finish(std::span<const Committed> offsets) override {
    const GroupPtr group = source_->group();
    return sink_->finish(offsets, group.get());
  }

  Result<std::unique_ptr<ChangelogReader>> read_changelog() override {
    return open_changelog(options_, "restore", kPatience);
  }
  void trim(int shard, std::int64_t before) override { trim_->before(shard, before); }

 private:
  explicit KafkaBrokers(const MemberOptions& options) : options_(options) {}

  MemberOptions options_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<Source> source_;
  std::unique_ptr<Trim> trim_;
};

}  // namespace

Result<std::unique_ptr<ChangelogReader>> open_changelog(const MemberOptions& options, std::string_view name,
                                                        Duration patience) {
  return KafkaChangelog::open(options, name, patience);
}

Result<std::unique_ptr<Brokers>> connect(const MemberOptions& options, int worker) {
  return KafkaBrokers::open(options, worker);
}

}  // namespace echoloop::kafka
