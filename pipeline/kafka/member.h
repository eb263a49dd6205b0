// What a member of a pipeline on Kafka is: where its brokers are, who it is, what it keeps in memory. Shared by its
// workers, each of which is a member of the consumer group of its own.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "pipeline/base/time.h"
#include "pipeline/kafka/client.h"
#include "pipeline/kafka/topics.h"
#include "pipeline/store/rocks_store.h"

namespace echoloop::kafka {

struct MemberOptions {
  std::string brokers;    // "host:port,host:port"
  Properties properties;  // for every client: security, and what else an operator sets
  TopicOptions topics;
  std::string group = "echoloop";
  std::string name;      // of this member; two that run at once must differ
  bool standby = false;  // keep copies of the shards that would come here if another member went away
  Duration session_timeout{10'000};
  Duration transaction_timeout{60'000};
  std::size_t fetch_bytes = std::size_t{64} << 20;  // of a worker's records on their way to it
  // Of the changelog: the size of its records, well below what brokers take; and the least of other rows that an epoch
  // writes beside its own.
  std::size_t record_bytes = 400'000, slice_bytes_min = 4096;
  // The latest stage time that a record may have; missing: records say their times themselves.
  std::function<Time()> latest;
};

// Name of a member in the group.
std::string member_name(const MemberOptions& options);
// Name of a worker, the same after a restart: its group.instance.id and transactional.id.
std::string worker_name(const MemberOptions& options, int worker);
// What all its clients are told.
Properties common_properties(const MemberOptions& options);
// And its readers that take no part in the group.
Properties reader_properties(const MemberOptions& options, std::string_view name);

}  // namespace echoloop::kafka
