#include "pipeline/kafka/kafka_appender.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "pipeline/base/hash.h"
#include "pipeline/kafka/records.h"

namespace echoloop::kafka {
namespace {

constexpr int kServe_ms = 100;
constexpr const char* kDelivery_ms = "30000";  // then a request is told that the broker is away

Properties producer_properties(const MemberOptions& options) {
  Properties out = common_properties(options);
  const Properties own{{"enable.idempotence", "true"},
                       {"compression.type", "lz4"},
                       {"linger.ms", "1"},
                       {"delivery.timeout.ms", kDelivery_ms},
                       {"queue.buffering.max.kbytes", "65536"}};
  out.insert(out.end(), own.begin(), own.end());
  return out;
}

// The records of one call, until the broker has spoken of each.
struct Call {
  std::mutex mutex;
  std::condition_variable spoken;
  std::size_t open = 0;
  rd_kafka_resp_err_t failed = RD_KAFKA_RESP_ERR_NO_ERROR;

  void speak(rd_kafka_resp_err_t code) {
    std::lock_guard hold{mutex};
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) failed = code;
    if (--open == 0) spoken.notify_all();
  }
  rd_kafka_resp_err_t wait() {
    std::unique_lock hold{mutex};
    spoken.wait(hold, [this] { return open == 0; });
    return failed;
  }
};

void delivered(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  static_cast<Call*>(message->_private)->speak(message->err);
}

}  // namespace

struct KafkaAppender::Serving {
  std::atomic<bool> stopping{false};
  std::thread thread;
};

KafkaAppender::KafkaAppender(const MemberOptions& options, int partitions)
    : options_(options), partitions_(partitions), topic_(topic_name(options.topics, stage::Topic::events)) {}

Result<std::unique_ptr<KafkaAppender>> KafkaAppender::open(const MemberOptions& options, int partitions) {
  std::unique_ptr<KafkaAppender> out{new KafkaAppender(options, partitions)};
  auto producer = make_client(RD_KAFKA_PRODUCER, producer_properties(options), {.delivered = delivered});
  if (!producer) return tl::make_unexpected(producer.error());
  out->producer_ = std::move(*producer);
  out->serving_ = std::make_unique<Serving>();
  out->serving_->thread = std::thread([client = out->producer_.get(), serving = out->serving_.get()] {
    while (!serving->stopping) rd_kafka_poll(client, kServe_ms);
  });
  return out;
}

KafkaAppender::~KafkaAppender() {
  if (!serving_) return;
  serving_->stopping = true;
  serving_->thread.join();
}

Result<stage::Appended> KafkaAppender::append(std::span<const stage::Append> records) {
  if (records.empty()) return stage::Appended::durable;
  const Time latest = options_.latest ? options_.latest() : Time::max();
  Call call;
  call.open = records.size();
  bool full = false;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const stage::Append& record = records[i];
    const Outgoing out = outgoing(stage::Topic::events, record.kind, std::string(record.value), options_.topics.prefix);
    const auto code = produce(producer_.get(), {.topic = topic_.c_str(),
                                                .partition = partition_of(record.key, partitions_),
                                                .key = record.key,
                                                .value = *out.value,
                                                .at = std::min(record.at, latest),
                                                .headers = &out.headers,
                                                .opaque = &call});
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    full = code == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    // What is already on its way is duplicates when the caller comes again.
    for (; i < records.size(); ++i) call.speak(full ? RD_KAFKA_RESP_ERR_NO_ERROR : code);
  }
  const auto failed = call.wait();
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) return away("appending events", failed);
  return full ? stage::Appended::full : stage::Appended::durable;
}

}  // namespace echoloop::kafka
