#include "pipeline/kafka/event_reader.h"

#include "pipeline/kafka/records.h"

namespace echoloop::kafka {
namespace {

constexpr Duration kSilence{10'000};  // then the broker is away: the end of a partition is told at once

}  // namespace

Result<void> EventReader::seek(int partition, std::int64_t from) {
  if (!consumer_) {
    Properties properties = reader_properties(options_, "reader");
    properties.emplace_back("enable.partition.eof", "true");
    properties.emplace_back("auto.offset.reset", "earliest");
    properties.emplace_back("queued.max.messages.kbytes", "4096");
    auto consumer = make_client(RD_KAFKA_CONSUMER, properties);
    if (!consumer) return tl::make_unexpected(consumer.error());
    consumer_ = std::move(*consumer);
    rd_kafka_poll_set_consumer(consumer_.get());
  }
  const PartitionsPtr list{rd_kafka_topic_partition_list_new(1)};
  const auto topic = (from & stage::kMisplaced) != 0 ? stage::Topic::misplaced : stage::Topic::events;
  rd_kafka_topic_partition_list_add(list.get(), topic_name(options_.topics, topic).c_str(), partition)->offset =
      from & ~stage::kMisplaced;
  if (auto code = rd_kafka_assign(consumer_.get(), list.get())) return away("reading events", code);
  partition_ = partition;
  next_ = from;
  return {};
}

Result<stage::Slice> EventReader::read(int partition, std::int64_t from, const stage::PollLimits& limits) {
  std::lock_guard hold{mutex_};
  stage::Slice slice;
  slice.partition = {stage::Topic::events, partition};
  auto held = std::make_shared<Held>();
  slice.keep = held;
  if (partition != partition_ || from != next_) {
    if (auto sought = seek(partition, from); !sought) return tl::make_unexpected(sought.error());
  }
  std::size_t bytes = 0;
  while (slice.records.size() < limits.records_max && (slice.records.empty() || bytes < limits.bytes_max)) {
    MessagePtr message{rd_kafka_consumer_poll(consumer_.get(), milliseconds(kSilence))};
    if (!message) return away("reading events", "no answer");
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      partition_ = -1;  // the next question looks again
      break;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      partition_ = -1;
      return away("reading events", rd_kafka_message_errstr(message.get()));
    }
    const bool misplaced = (from & stage::kMisplaced) != 0;
    slice.records.push_back(
        record_of(*message, misplaced ? stage::Topic::misplaced : stage::Topic::events, Time::max(), held->texts));
    slice.records.back().offset = slice.records.back().place();
    bytes += message->key_len + message->len;
    next_ = slice.records.back().offset + 1;
    held->messages.push_back(std::move(message));
  }
  return slice;
}

}  // namespace echoloop::kafka
