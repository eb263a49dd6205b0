#include "pipeline/kafka/sink.h"

#include <cstring>

namespace echoloop::kafka {
namespace {

constexpr int kBegin_ms = 60'000, kOffsets_ms = 10'000, kAbort_ms = 5'000, kFull_ms = 100;

Properties producer_properties(const MemberOptions& options, int worker) {
  Properties out = common_properties(options);
  const Properties own{{"transactional.id", worker_name(options, worker)},
                       {"transaction.timeout.ms", std::to_string(options.transaction_timeout.count())},
                       {"compression.type", "lz4"},
                       {"linger.ms", "0"},  // a transaction's end sends what there is
                       {"queue.buffering.max.messages", "1000000"},
                       {"queue.buffering.max.kbytes", "262144"}};
  out.insert(out.end(), own.begin(), own.end());
  return out;
}

}  // namespace

Result<std::unique_ptr<Sink>> Sink::open(const MemberOptions& options, int worker) {
  std::unique_ptr<Sink> out{new Sink(options)};
  out->changelog_ = changelog_name(options.topics);
  auto producer = make_client(RD_KAFKA_PRODUCER, producer_properties(options, worker),
                              {.opaque = out.get(), .delivered = &Sink::delivered});
  if (!producer) return tl::make_unexpected(producer.error());
  out->producer_ = std::move(*producer);
  if (auto known = out->know_topics(); !known) return tl::make_unexpected(known.error());
  if (auto begun = check("beginning to write", rd_kafka_init_transactions(out->producer_.get(), kBegin_ms)); !begun)
    return tl::make_unexpected(begun.error());
  return out;
}

Sink::~Sink() {
  if (producer_ && open_) ErrorPtr{rd_kafka_abort_transaction(producer_.get(), kAbort_ms)};
}

// The first record for a topic that the producer does not know waits a second for it.
Result<void> Sink::know_topics() { return all_there(producer_.get(), options_.topics); }

void Sink::delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    static_cast<Sink*>(self)->lost_ = message->err;
  } else {
    *static_cast<std::int64_t*>(message->_private) = message->offset;
  }
}

Result<void> Sink::begin() {
  lost_.reset();
  offsets_.clear();
  auto begun = check("beginning a transaction", rd_kafka_begin_transaction(producer_.get()));
  open_ = begun.has_value();
  return begun;
}

Result<Sink::Offset> Sink::send(Message message) {
  message.opaque = &offsets_.emplace_back(-1);
  while (true) {
    const auto code = produce(producer_.get(), message);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return &offsets_.back();
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)  // trying again would not help
      return broken_world("kafka", fmt::format("a record of {} is larger than brokers take", message.topic));
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) return away(fmt::format("writing to {}", message.topic), code);
    rd_kafka_poll(producer_.get(), kFull_ms);
  }
}

Result<Sink::Offset> Sink::write(stage::Output output, int partition) {
  const std::string topic = topic_name(options_.topics, output.topic);
  const Outgoing out = outgoing(output.topic, output.kind, std::move(output.value), options_.topics.prefix);
  Message message;
  message.topic = topic.c_str();
  message.partition = partition;
  message.key = output.key;
  if (out.value) message.value = *out.value;
  message.at = output.at;
  message.headers = &out.headers;
  return send(message);
}

Result<Sink::Offset> Sink::write_changelog(int partition, std::string_view record) {
  Message message;
  message.topic = changelog_.c_str();
  message.partition = partition;
  message.value = record;
  return send(message);
}

Result<void> Sink::finish(std::span<const Committed> offsets, const rd_kafka_consumer_group_metadata_t* group) {
  const PartitionsPtr list{rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size()))};
  for (const Committed& committed : offsets) {
    const stage::Partition partition = committed.position.partition;
    rd_kafka_topic_partition_t* entry = rd_kafka_topic_partition_list_add(
        list.get(), topic_name(options_.topics, partition.topic).c_str(), partition.number);
    entry->offset = committed.position.next_offset;
    const std::string metadata = offset_metadata(committed.epoch, committed.partitions);
    entry->metadata = ::strdup(metadata.c_str());  // the list frees it
    entry->metadata_size = metadata.size();
  }
  if (list->cnt > 0) {
    auto sent = check("committing offsets",
                      rd_kafka_send_offsets_to_transaction(producer_.get(), list.get(), group, kOffsets_ms));
    if (!sent) return sent;
  }
  auto done = check("committing", rd_kafka_commit_transaction(producer_.get(), kBegin_ms));
  if (!done) return done;
  open_ = false;
  // A transaction that lost a record does not commit; that it did would be librdkafka's fault, and must not pass.
  if (lost_) return broken_world("kafka", fmt::format("a committed record was lost: {}", rd_kafka_err2str(*lost_)));
  return {};
}

}  // namespace echoloop::kafka
