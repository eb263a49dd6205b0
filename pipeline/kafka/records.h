// How records look on Kafka. Topic events holds what others write: CloudEvents, structured as the value, or in binary
// mode with headers `ce_…`. Those that came in by our own doors have a header `echoloop-kind`; not all of them are
// events. Deltas and cases are ours alone: their value begins with the kind's byte.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/kafka/client.h"
#include "pipeline/stage/record.h"

namespace echoloop::kafka {

inline constexpr const char* kKind_header = "echoloop-kind";
inline constexpr const char* kDead_header = "echoloop-dead-id";  // of a dead letter, as `dead show` takes it

// What the records of a slice view.
struct Held {
  std::vector<MessagePtr> messages;
  std::deque<std::string> texts;  // of records whose message holds another form
};

// Views the message, or a text that is added to `texts` for it: an event in binary mode becomes a structured one. Its
// stage time is the message's, at most `latest`.
stage::Record record_of(const rd_kafka_message_t& message, stage::Topic topic, Time latest,
                        std::deque<std::string>& texts);

// A record on its way out. In topic dead it is the document as it came, with headers that say why and where, named as
// Kafka Streams names them (KIP-1034); `prefix`: of the topic in them.
using Headers = std::vector<std::pair<const char*, std::string>>;
struct Outgoing {
  std::optional<std::string> value;  // none: under this key there is nothing any more
  Headers headers;
};
Outgoing outgoing(stage::Topic topic, stage::Kind kind, std::string value, std::string_view prefix);

// A record for a producer. Everything is copied during the call.
struct Message {
  const char* topic = "";
  int partition = 0;
  std::string_view key;
  std::optional<std::string_view> value;  // none: a tombstone
  std::optional<Time> at;
  const Headers* headers = nullptr;
  void* opaque = nullptr;  // handed to Callbacks::delivered in the message
};
// Error: the queue is full, or what librdkafka says.
rd_kafka_resp_err_t produce(rd_kafka_t* producer, const Message& message);

// What a committed offset carries: the epoch of its shard, and the partitions of each topic. Both are 0 when there are
// none.
std::string offset_metadata(std::int64_t epoch, int partitions);
std::int64_t epoch_of_metadata(std::string_view metadata);
int partitions_of_metadata(std::string_view metadata);

}  // namespace echoloop::kafka
