#include "pipeline/kafka/standby_plan.h"

#include <algorithm>

namespace echoloop::kafka {
namespace {

constexpr int kAnswer_ms = 10'000;

using AdminOptionsPtr = std::unique_ptr<rd_kafka_AdminOptions_t, Ends<rd_kafka_AdminOptions_destroy>>;

// worker_name without its number; a worker that is no static member is its own.
std::string member_of(const char* instance, const std::string& id) {
  if (instance == nullptr) return id;
  const std::string_view name = instance;
  return std::string(name.substr(0, name.rfind('.')));
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

Result<std::vector<GroupWorker>> ask_for_workers(rd_kafka_t* client, const std::string& group) {
  constexpr std::string_view kAsking = "asking who is in the group";
  const QueuePtr answers{rd_kafka_queue_new(client)};
  const AdminOptionsPtr options{rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS)};
  char said[256];
  if (auto code = rd_kafka_AdminOptions_set_request_timeout(options.get(), kAnswer_ms, said, sizeof said))
    return away(kAsking, code);
  const char* groups[] = {group.c_str()};
  rd_kafka_DescribeConsumerGroups(client, groups, 1, options.get(), answers.get());
  const EventPtr event{rd_kafka_queue_poll(answers.get(), 2 * kAnswer_ms)};
  if (!event) return away(kAsking, "no answer");
  if (auto code = rd_kafka_event_error(event.get())) return away(kAsking, code);
  std::size_t n = 0;
  const auto* const* described =
      rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event.get()), &n);
  std::vector<GroupWorker> out;
  for (std::size_t i = 0; i < n; ++i) {
    if (const auto* error = rd_kafka_ConsumerGroupDescription_error(described[i]);
        error != nullptr && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR)
      return away(kAsking, rd_kafka_error_code(error));
    for (std::size_t k = 0; k < rd_kafka_ConsumerGroupDescription_member_count(described[i]); ++k) {
      const auto* worker = rd_kafka_ConsumerGroupDescription_member(described[i], k);
      std::string id = rd_kafka_MemberDescription_consumer_id(worker);
      std::string member = member_of(rd_kafka_MemberDescription_group_instance_id(worker), id);
      out.push_back({std::move(id), std::move(member)});
    }
  }
  return out;
}

}  // namespace echoloop::kafka
