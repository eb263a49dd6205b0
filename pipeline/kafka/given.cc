#include "pipeline/kafka/given.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "pipeline/kafka/topics.h"

namespace echoloop::kafka {

Result<std::map<int, std::int64_t>> epochs_of(const std::vector<Given>& given, int partitions) {
  std::map<int, std::int64_t> epochs;
  std::map<int, std::size_t> inputs;
  for (const Given& one : given) {
    const int shard = one.partition.number;
    epochs[shard] = std::max(epochs[shard], one.epoch);
    ++inputs[shard];
    if (auto same = counted_with(one.partitions, partitions); !same) return tl::make_unexpected(same.error());
  }
  for (const auto& [shard, n] : inputs) {
    if (n == std::size(kInputs)) continue;
    return away("kafka", fmt::format("the group gave {} of the {} partitions of shard {}: it needs all", n,
                                     std::size(kInputs), shard));
  }
  return epochs;
}

Result<void> counted_with(int then, int now) {
  if (then == 0 || then == now) return {};
  return broken_world("kafka", fmt::format("the state was written with {} partitions of each topic, and there are {} "
                                           "now: keys lie in others. To count anew use another --kafka.prefix",
                                           then, now));
}

std::vector<stage::Partition> made_anew(const std::vector<Given>& given) {
  std::set<int> committed;  // all inputs of these shards
  for (const Given& one : given) {
    if (one.partitions != 0) committed.insert(one.partition.number);
  }
  std::vector<stage::Partition> out;
  for (const Given& one : given) {
    if (one.next_offset < 0 && committed.contains(one.partition.number)) out.push_back(one.partition);
  }
  return out;
}

Result<void> go_on_from_begin(stage::Partition partition, const MemberOptions& options) {
  const std::string name = topic_name(options.topics, partition.topic);
  if (partition.topic != stage::Topic::events)
    return away(fmt::format("topic {}", name),
                fmt::format("it was deleted and made anew: what members had written there and had not counted yet is "
                            "gone. To go on without it stop all members and set the group's offsets of that "
                            "topic (kafka-consumer-groups --group {} --topic {} --reset-offsets --to-earliest "
                            "--execute); to count anew use another --kafka.prefix",
                            options.group, name));
  spdlog::warn("topic {}, partition {}: it was deleted and made anew, and is read from its beginning", name,
               partition.number);
  return {};
}

}  // namespace echoloop::kafka
