// Handles of librdkafka that end by themselves, and its ways to fail as ours. Everything here is safe from any thread
// as far as librdkafka says so of the handle.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/base/time.h"

namespace echoloop::kafka {

template <auto destroy>
struct Ends {
  template <class T>
  void operator()(T* handle) const {
    destroy(handle);
  }
};
// Does not wait for ever, as librdkafka 2.0 does for partitions of a topic that was deleted: then the client is left
// behind, with its threads.
void end_client(rd_kafka_t* client);
using ClientPtr = std::unique_ptr<rd_kafka_t, Ends<end_client>>;
using QueuePtr = std::unique_ptr<rd_kafka_queue_t, Ends<rd_kafka_queue_destroy>>;
using MessagePtr = std::unique_ptr<rd_kafka_message_t, Ends<rd_kafka_message_destroy>>;
using PartitionsPtr = std::unique_ptr<rd_kafka_topic_partition_list_t, Ends<rd_kafka_topic_partition_list_destroy>>;
using EventPtr = std::unique_ptr<rd_kafka_event_t, Ends<rd_kafka_event_destroy>>;
using ErrorPtr = std::unique_ptr<rd_kafka_error_t, Ends<rd_kafka_error_destroy>>;
using GroupPtr = std::unique_ptr<rd_kafka_consumer_group_metadata_t, Ends<rd_kafka_consumer_group_metadata_destroy>>;

// Properties as librdkafka names them (its CONFIGURATION.md); a later one replaces an earlier one of the same name.
using Properties = std::vector<std::pair<std::string, std::string>>;

// What a client calls back; each may be missing. `opaque` is handed to all of them.
struct Callbacks {
  void* opaque = nullptr;
  void (*rebalance)(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void* opaque) = nullptr;
  void (*delivered)(rd_kafka_t*, const rd_kafka_message_t*, void* opaque) = nullptr;
  void (*failed)(rd_kafka_t*, int code, const char* reason, void* opaque) = nullptr;  // none: note_error
};

// To the log: brokers come and go; librdkafka finds them again by itself.
void note_error(rd_kafka_t* client, int code, const char* reason, void*);

// What librdkafka says goes to the log of the process. Error (configuration): a property that it does not take.
Result<ClientPtr> make_client(rd_kafka_type_t type, const Properties& properties, const Callbacks& callbacks = {});

// Error (away): the broker does not answer, or took something back; what was under way is to be begun anew.
tl::unexpected<Error> away(std::string_view doing, std::string_view reason);
tl::unexpected<Error> away(std::string_view doing, rd_kafka_resp_err_t code);
// Success when there is none. Takes the error.
Result<void> check(std::string_view doing, rd_kafka_error_t* error);

int milliseconds(Duration duration);

}  // namespace echoloop::kafka
