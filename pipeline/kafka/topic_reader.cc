#include "pipeline/kafka/topic_reader.h"

#include "pipeline/kafka/records.h"

namespace echoloop::kafka {
namespace {

constexpr std::string_view kReading_topic = "reading a topic";
constexpr Duration kNo_answer{10'000};  // then the broker is away: the end of a partition is told at once

}  // namespace

Result<ClientPtr> TopicReader::open() const {
  Properties properties = reader_properties(options_, "reader");
  properties.emplace_back("enable.partition.eof", "true");
  properties.emplace_back("auto.offset.reset", "earliest");
  properties.emplace_back("queued.max.messages.kbytes", "4096");
  // A question to a broker waits for those before it: no long polls.
  properties.emplace_back("fetch.wait.max.ms", "10");
  auto consumer = make_client(RD_KAFKA_CONSUMER, properties);
  if (consumer) rd_kafka_poll_set_consumer(consumer->get());
  return consumer;
}

Result<std::vector<std::int64_t>> TopicReader::ends(int partitions) {
  std::lock_guard hold{asking_mutex_};
  if (!asking_) {
    auto opened = open();
    if (!opened) return tl::make_unexpected(opened.error());
    asking_ = std::move(*opened);
  }
  const std::string topic = topic_name(options_.topics, topic_);
  const PartitionsPtr list{rd_kafka_topic_partition_list_new(partitions)};
  for (int partition = 0; partition < partitions; ++partition)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = RD_KAFKA_OFFSET_END;
  // Asked for "the end" instead of a time, brokers answer where readers of what is committed stand then.
  if (auto code = rd_kafka_offsets_for_times(asking_.get(), list.get(), milliseconds(kNo_answer)))
    return away(kReading_topic, code);
  std::vector<std::int64_t> out;
  for (int i = 0; i < list->cnt; ++i) {
    if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) return away(kReading_topic, list->elems[i].err);
    out.push_back(list->elems[i].offset);
  }
  return out;
}

Result<void> TopicReader::seek(int partition, std::int64_t from) {
  if (!consumer_) {
    auto opened = open();
    if (!opened) return tl::make_unexpected(opened.error());
    consumer_ = std::move(*opened);
  }
  const PartitionsPtr list{rd_kafka_topic_partition_list_new(1)};
  const auto topic = (from & stage::kMisplaced) != 0 ? stage::Topic::misplaced : topic_;
  rd_kafka_topic_partition_list_add(list.get(), topic_name(options_.topics, topic).c_str(), partition)->offset =
      from & ~stage::kMisplaced;
  if (auto code = rd_kafka_assign(consumer_.get(), list.get())) return away(kReading_topic, code);
  partition_ = partition;
  next_ = from;
  return {};
}

Result<stage::Slice> TopicReader::read(int partition, std::int64_t from, const stage::PollLimits& limits) {
  std::lock_guard hold{mutex_};
  return read_here(partition, from, limits);
}

Result<stage::Slice> TopicReader::read_one(int partition, std::int64_t offset) {
  std::lock_guard hold{mutex_};
  auto slice = read_here(partition, offset, {.records_max = 1, .bytes_max = 1});
  if (!slice && ends_before_) slice = stage::Slice{};
  if (slice && !slice->records.empty() && slice->records.front().offset != offset) slice->records.clear();
  return slice;
}

Result<stage::Slice> TopicReader::read_here(int partition, std::int64_t from, const stage::PollLimits& limits) {
  stage::Slice slice;
  slice.partition = {topic_, partition};
  ends_before_ = false;
  auto held = std::make_shared<Held>();
  slice.keep = held;
  const bool going_on = partition == partition_ && from == next_;
  if (!going_on) {
    if (auto sought = seek(partition, from); !sought) return tl::make_unexpected(sought.error());
  }
  std::size_t bytes = 0;
  while (slice.records.size() < limits.records_max && (slice.records.empty() || bytes < limits.bytes_max)) {
    MessagePtr message{rd_kafka_consumer_poll(consumer_.get(), milliseconds(kNo_answer))};
    if (!message) return away(kReading_topic, "no answer");
    if (message->partition >= 0 && message->partition != partition) continue;  // left over from another question
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      partition_ = -1;                            // the next question looks again
      rd_kafka_assign(consumer_.get(), nullptr);  // and until then nobody asks the broker
      // It may have been found some time ago, while reading ahead: what came since is not left out.
      if (going_on && slice.records.empty()) return read_here(partition, from, limits);
      break;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      partition_ = -1;
      return away(kReading_topic, rd_kafka_message_errstr(message.get()));
    }
    const bool misplaced = (from & stage::kMisplaced) != 0;
    slice.records.push_back(
        record_of(*message, misplaced ? stage::Topic::misplaced : topic_, Time::max(), held->texts));
    slice.records.back().offset = slice.records.back().place();
    if (slice.records.back().offset < from) {  // the topic ends before, and the reader was sent to its begin
      partition_ = -1;
      ends_before_ = true;
      return away(kReading_topic, "it ends before");
    }
    bytes += message->key_len + message->len;
    next_ = slice.records.back().offset + 1;
    held->messages.push_back(std::move(message));
  }
  return slice;
}

}  // namespace echoloop::kafka
