#include "pipeline/kafka/source.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

#include "pipeline/kafka/records.h"

namespace echoloop::kafka {
namespace {

constexpr int kCommitted_ms = 60'000;  // for transactions under way of whoever held the partitions before
constexpr std::size_t kBatch = 1024;   // messages taken from librdkafka at a time

Properties consumer_properties(const MemberOptions& options, int worker) {
  Properties out = common_properties(options);
  const Properties own{
      {"group.id", options.group},
      {"group.instance.id", worker_name(options, worker)},
      // Shard n of each stage needs partition n of each topic in one hand: range gives them so.
      {"partition.assignment.strategy", "range"},
      {"isolation.level", "read_committed"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "earliest"},
      {"enable.partition.eof", "true"},
      {"session.timeout.ms", std::to_string(options.session_timeout.count())},
      {"heartbeat.interval.ms", std::to_string(std::max<std::int64_t>(options.session_timeout.count() / 5, 100))},
      {"queued.max.messages.kbytes", std::to_string(std::max<std::size_t>(options.fetch_bytes >> 10, 1024))},
      {"queued.min.messages", "1000000"},
      {"fetch.wait.max.ms", "50"}};
  out.insert(out.end(), own.begin(), own.end());
  return out;
}

}  // namespace

Result<std::unique_ptr<Source>> Source::open(const MemberOptions& options, int worker) {
  std::unique_ptr<Source> out{new Source(options)};
  auto consumer = make_client(RD_KAFKA_CONSUMER, consumer_properties(options, worker),
                              {.opaque = out.get(), .rebalance = &Source::rebalance, .failed = &Source::failed});
  if (!consumer) return tl::make_unexpected(consumer.error());
  out->consumer_ = std::move(*consumer);
  rd_kafka_poll_set_consumer(out->consumer_.get());
  out->queue_.reset(rd_kafka_queue_get_consumer(out->consumer_.get()));
  const PartitionsPtr topics{rd_kafka_topic_partition_list_new(static_cast<int>(std::size(kInputs)))};
  for (stage::Topic topic : kInputs)
    rd_kafka_topic_partition_list_add(topics.get(), topic_name(options.topics, topic).c_str(), RD_KAFKA_PARTITION_UA);
  if (auto code = rd_kafka_subscribe(out->consumer_.get(), topics.get())) return away("joining the group", code);
  return out;
}

Source::~Source() {
  if (!consumer_) return;
  closing_ = true;
  rd_kafka_assign(consumer_.get(), nullptr);  // closing waits for an answer that the group may still be owed
  rd_kafka_consumer_close(consumer_.get());
  queue_.reset();
}

// Called while this worker polls. It answers the group by yield() and take_over(), when its epoch has ended.
void Source::rebalance(rd_kafka_t* consumer, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list,
                       void* self) {
  auto& source = *static_cast<Source*>(self);
  if (!source.closing_) source.wake();  // or the poll goes on waiting for a record; closing must not be woken
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !source.closing_) {
    source.offered_.reset(rd_kafka_topic_partition_list_copy(list));
    return;
  }
  source.offered_.reset();
  if (source.closing_) {
    rd_kafka_assign(consumer, nullptr);
  } else {
    source.taken_ = true;
  }
}

// Called while this worker polls. What librdkafka says of a topic the brokers have confirmed.
void Source::failed(rd_kafka_t* consumer, int code, const char* reason, void* self) {
  note_error(consumer, code, reason, self);
  if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) static_cast<Source*>(self)->missing_ = reason;
}

Result<Brokers::News> Source::poll(Duration timeout, const stage::PollLimits& limits,
                                   std::vector<stage::Slice>& slices) {
  std::map<stage::Partition, stage::Slice> found;
  auto held = std::make_shared<Held>();
  std::size_t records = 0, bytes = 0;
  std::vector<rd_kafka_message_t*> batch(kBatch);
  const Time latest = options_.latest ? options_.latest() : Time::max();
  for (bool first = true; first || (records < limits.records_max && bytes < limits.bytes_max); first = false) {
    // librdkafka waits until it has all that it was asked for: one, then what else there is.
    const std::size_t wanted = first ? 1 : std::min(kBatch, limits.records_max - records);
    const auto n = rd_kafka_consume_batch_queue(queue_.get(), first ? milliseconds(timeout) : 0, batch.data(), wanted);
    if (n < 0) return away("reading", rd_kafka_last_error());
    for (std::ptrdiff_t i = 0; i < n; ++i) held->messages.emplace_back(batch[static_cast<std::size_t>(i)]);
    for (std::size_t i = held->messages.size() - static_cast<std::size_t>(n); i < held->messages.size(); ++i) {
      const MessagePtr& message = held->messages[i];
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (auto noted = note(*message); !noted) return tl::make_unexpected(noted.error());
        continue;
      }
      const auto topic = input_topic(options_.topics, rd_kafka_topic_name(message->rkt));
      if (!topic) continue;
      const stage::Partition partition{*topic, message->partition};
      stage::Slice& slice = found[partition];
      slice.partition = partition;
      slice.records.push_back(record_of(*message, *topic, latest, held->texts));
      bytes += slice.records.back().key.size() + slice.records.back().value.size();
      ++records;
      reading_.insert(partition);
    }
    if (n == 0 || offered_ || taken_) break;
  }
  if (!missing_.empty()) return away("reading", missing_);
  for (auto& [partition, slice] : found) {
    slice.keep = held;
    slices.push_back(std::move(slice));
  }
  Brokers::News news;
  news.taken = taken_ && held_;
  if (taken_ && !held_) {
    if (auto done = yield(); !done) return tl::make_unexpected(done.error());
  }
  if (offered_ && !taken_) {
    auto given = take_over();
    if (!given) return tl::make_unexpected(given.error());
    news.given = std::move(*given);
  }
  return news;
}

Result<void> Source::note(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    if (const auto topic = input_topic(options_.topics, rd_kafka_topic_name(message.rkt)))
      reading_.erase({*topic, message.partition});
    return {};
  }
  // A fenced consumer too: another one joined under this name. That may have been the former one of this process, whose
  // request a slow broker took late; whether another process is there topic members tells.
  if (message.err == RD_KAFKA_RESP_ERR__FATAL) {
    std::array<char, 512> why{};
    rd_kafka_fatal_error(consumer_.get(), why.data(), why.size());
    return away("reading", why.data());
  }
  if (message.err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) return away("reading", message.err);
  if (message.err == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED) return away("reading", rd_kafka_message_errstr(&message));
  if (message.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return away("reading", rd_kafka_message_errstr(&message));
  spdlog::warn("kafka: reading: {}", rd_kafka_message_errstr(&message));
  return {};
}

Result<std::vector<Given>> Source::take_over() {
  PartitionsPtr list = std::move(offered_);
  // isolation.level makes the broker answer only when no transaction of an earlier holder is under way.
  if (auto code = rd_kafka_committed(consumer_.get(), list.get(), kCommitted_ms))
    return away("asking for committed offsets", code);
  std::vector<Given> out;
  reading_.clear();
  for (int i = 0; i < list->cnt; ++i) {
    rd_kafka_topic_partition_t& entry = list->elems[i];
    const auto topic = input_topic(options_.topics, entry.topic);
    if (!topic) return broken_world("kafka", fmt::format("the group gave {}, which was not asked for", entry.topic));
    Given given{{*topic, entry.partition}, -1, 0, 0};
    if (entry.err != RD_KAFKA_RESP_ERR_NO_ERROR) return away("asking for committed offsets", entry.err);
    if (entry.offset >= 0) {
      given.next_offset = entry.offset;
      const std::string_view text{static_cast<const char*>(entry.metadata), entry.metadata_size};
      given.epoch = epoch_of_metadata(text);
      given.partitions = partitions_of_metadata(text);
    } else {
      entry.offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    reading_.insert(given.partition);
    out.push_back(given);
  }
  if (auto code = rd_kafka_assign(consumer_.get(), list.get())) return away("taking partitions over", code);
  // Nothing comes before release(); but the worker goes on polling, so the group does not give it up.
  if (list->cnt > 0) {
    if (auto code = rd_kafka_pause_partitions(consumer_.get(), list.get())) return away("holding records back", code);
  }
  held_ = std::move(list);
  return out;
}

Result<void> Source::release() {
  if (held_ && held_->cnt > 0) {
    if (auto code = rd_kafka_resume_partitions(consumer_.get(), held_.get())) return away("reading on", code);
  }
  return {};
}

Result<void> Source::yield() {
  taken_ = false;
  held_.reset();
  reading_.clear();
  if (auto code = rd_kafka_assign(consumer_.get(), nullptr)) return away("handing partitions over", code);
  return {};
}

bool Source::at_end() const { return held_ && reading_.empty(); }

std::int64_t Source::end_of(stage::Partition partition) const {
  std::int64_t low = 0, high = 0;
  if (rd_kafka_get_watermark_offsets(consumer_.get(), topic_name(options_.topics, partition.topic).c_str(),
                                     partition.number, &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return 0;
  return std::max<std::int64_t>(high, 0);
}

GroupPtr Source::group() const { return GroupPtr{rd_kafka_consumer_group_metadata(consumer_.get())}; }

void Source::wake() { rd_kafka_queue_yield(queue_.get()); }

}  // namespace echoloop::kafka
