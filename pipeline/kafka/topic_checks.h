// Whether topics that were made by others can hold what they must: settings that would lose state or make every write
// fail are found at the start, not after a week.
#pragma once

#include "pipeline/kafka/member.h"
#include "pipeline/kafka/topics.h"

namespace echoloop::kafka {

// Error (configuration): names the topic, the setting and what it must be; (away) no broker answers. What is only
// unwise is logged, as is a topic whose settings this client may not see.
Result<void> check_topics(rd_kafka_t* client, const TopicOptions& options);

// Error (world): what the group counted was counted with another number of partitions than options.topics says. No
// error when the group's coordinator does not answer.
Result<void> check_group(const MemberOptions& options);

}  // namespace echoloop::kafka
