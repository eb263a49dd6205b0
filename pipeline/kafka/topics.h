// The topics of a pipeline on Kafka: their names, and that they are there and fit.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/kafka/client.h"
#include "pipeline/stage/record.h"

namespace echoloop::kafka {

// How long brokers may take to answer what is asked of them about topics.
inline constexpr int kAdmin_timeout_ms = 30'000;

// A document of 16 MiB, the largest that intake takes, with what lies around it; and what may follow from one: topics
// that are made take it.
inline constexpr int kEvent_bytes_max = 20 << 20, kRecord_bytes_max = 24 << 20;

struct TopicOptions {
  std::string prefix = "echoloop.";
  int partitions = 8;    // of every topic, when they are made
  int replication = -1;  // of every topic, when they are made; -1: what the broker has as default
};

// "echoloop.events"
std::string topic_name(const TopicOptions& options, stage::Topic topic);
// Rows of shard p of every stage: partition p.
std::string changelog_name(const TopicOptions& options);
// Who of the group holds what (peers.h).
std::string members_name(const TopicOptions& options);
// Of each key only the last record counts.
bool is_compacted(const TopicOptions& options, std::string_view name);
// What stages read; a worker holds the partitions of one number of all of them.
inline constexpr stage::Topic kInputs[] = {stage::Topic::events, stage::Topic::misplaced, stage::Topic::deltas,
                                           stage::Topic::cases};
// The topic with that name; none: it is no topic that stages read.
std::optional<stage::Topic> input_topic(const TopicOptions& options, std::string_view name);

// Names of all of them.
std::vector<std::string> all_topics(const TopicOptions& options);

// What brokers say of the topics that are there.
struct Shape {
  int partitions = 0, replicas = 0;
};
Result<std::map<std::string, Shape>> shapes_of_topics(rd_kafka_t* client);

// Errors: (away) one is not there; (world) one has not options.partitions.
Result<void> all_there(rd_kafka_t* client, const TopicOptions& options);

// Makes the topics that are missing and answers the partitions that all of them have. Errors: (away) the broker;
// (configuration) topics with different numbers of partitions.
Result<int> make_topics(rd_kafka_t* client, const TopicOptions& options);

}  // namespace echoloop::kafka
