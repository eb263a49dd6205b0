#include "pipeline/kafka/standby_plan.h"

#include <algorithm>

namespace echoloop::kafka {
namespace {

constexpr int kAnswer_ms = 5'000;
constexpr std::size_t kUuid = 36;

struct EndList {
  void operator()(const rd_kafka_group_list* list) const { rd_kafka_group_list_destroy(list); }
};
using ListPtr = std::unique_ptr<const rd_kafka_group_list, EndList>;

// Brokers call a static member by its instance id, here worker_name, and a random uuid.
std::string member_of(std::string_view id) {
  if (id.size() > kUuid) id.remove_suffix(kUuid + 1);
  return std::string(id.substr(0, id.rfind('.')));
}

}  // namespace

std::set<int> range_of(const std::string& member, std::vector<GroupWorker> workers, int partitions) {
  std::sort(workers.begin(), workers.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  std::set<int> out;
  const int n = static_cast<int>(workers.size());
  int next = 0;
  for (int i = 0; i < n; ++i) {
    const int end = next + partitions / n + (i < partitions % n ? 1 : 0);
    for (; next < end; ++next) {
      if (workers[static_cast<std::size_t>(i)].member == member) out.insert(next);
    }
  }
  return out;
}

std::set<int> shards_to_follow(const std::string& member, const std::vector<GroupWorker>& workers, int partitions) {
  std::set<std::string> others;
  for (const GroupWorker& worker : workers) others.insert(worker.member);
  others.erase(member);
  std::set<int> out;
  for (const std::string& gone : others) {
    std::vector<GroupWorker> left = workers;
    std::erase_if(left, [&](const GroupWorker& worker) { return worker.member == gone; });
    out.merge(range_of(member, std::move(left), partitions));
  }
  for (int held : range_of(member, workers, partitions)) out.erase(held);
  return out;
}

// Not by DescribeConsumerGroups, which would name instance ids: a question that ran into its time-out stays with
// librdkafka 2.0.2 and ends the process when the broker is back (librdkafka's issue 4605).
Result<std::vector<GroupWorker>> ask_for_workers(rd_kafka_t* client, const std::string& group) {
  const rd_kafka_group_list* answer = nullptr;
  const auto code = rd_kafka_list_groups(client, group.c_str(), &answer, kAnswer_ms);
  if (code) return away("asking who is in the group", code);
  const ListPtr list{answer};
  std::vector<GroupWorker> out;
  for (int i = 0; i < list->group_cnt; ++i) {
    const rd_kafka_group_info& seen = list->groups[i];
    if (seen.err) return away("asking who is in the group", seen.err);
    for (int k = 0; k < seen.member_cnt; ++k) {
      std::string id = seen.members[k].member_id;
      std::string member = member_of(id);
      out.push_back({std::move(id), std::move(member)});
    }
  }
  return out;
}

}  // namespace echoloop::kafka
