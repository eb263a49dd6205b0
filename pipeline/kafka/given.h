// What the group says of the partitions that it gives a worker is held to what must be so before anything is read.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "pipeline/kafka/brokers.h"
#include "pipeline/kafka/member.h"

namespace echoloop::kafka {

// The epoch of each shard, as the offsets that were committed last say; 0: none were. Errors: (away) a shard whose
// inputs are not all given, as when a topic is missing; as counted_with() tells.
Result<std::map<int, std::int64_t>> epochs_of(const std::vector<Given>& given, int partitions);

// Error (world): offsets were committed when there were `then` partitions of each topic, and there are `now`: keys lie
// in others now. `then` 0: nobody knows.
Result<void> counted_with(int then, int now);

// Those that lack an offset which was committed with those of the other inputs of their shard: it went with the topic.
std::vector<stage::Partition> made_anew(const std::vector<Given>& given);

// Of a topic that was deleted and made anew: says so in the log. Error (away): it held what members write, and what
// they had not counted yet is gone; numbers would be too low for ever.
Result<void> go_on_from_begin(stage::Partition partition, const MemberOptions& options);

}  // namespace echoloop::kafka
