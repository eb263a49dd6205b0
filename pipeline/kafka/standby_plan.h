// Of which shards a member keeps copies: of those that would come to it if any one other member went away.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "pipeline/kafka/member.h"

namespace echoloop::kafka {

// A worker as the group lists it.
struct GroupWorker {
  std::string id;      // by which the group sorts its workers: "<name>-<random>"
  std::string member;  // whose worker it is
};

// What the workers of `member` would be given by librdkafka's range assignor, which gives each topic's partitions in
// the order of the ids.
std::set<int> range_of(const std::string& member, std::vector<GroupWorker> workers, int partitions);
// The union of that over every other member that might go.
std::set<int> shards_to_follow(const std::string& member, const std::vector<GroupWorker>& workers, int partitions);

// Who is in the group at the moment, by asking its coordinator. Error: away.
Result<std::vector<GroupWorker>> ask_for_workers(rd_kafka_t* client, const std::string& group);

}  // namespace echoloop::kafka
