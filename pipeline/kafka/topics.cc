#include "pipeline/kafka/topics.h"

#include <array>

namespace echoloop::kafka {
namespace {

constexpr stage::Topic kTopics[] = {stage::Topic::events,   stage::Topic::misplaced, stage::Topic::deltas,
                                    stage::Topic::cases,    stage::Topic::tasks,     stage::Topic::dead,
                                    stage::Topic::customers};

using NewTopicPtr = std::unique_ptr<rd_kafka_NewTopic_t, Ends<rd_kafka_NewTopic_destroy>>;

// What a topic is made with; the rest is the broker's default. Deltas and cases are used up within seconds, the rest
// stays: events for those who explain, the changelog because it is the state.
Properties settings_of(const TopicOptions& options, const std::string& name) {
  const bool of_events = name == topic_name(options, stage::Topic::events);
  Properties out{{"max.message.bytes", std::to_string(of_events ? kEvent_bytes_max : kRecord_bytes_max)}};
  if (is_compacted(options, name)) out.emplace_back("cleanup.policy", "compact");
  if (name == changelog_name(options)) {
    out.emplace_back("retention.ms", "-1");
    out.emplace_back("retention.bytes", "-1");
  }
  return out;
}

Result<void> create(rd_kafka_t* client, const TopicOptions& options, const std::vector<std::string>& names) {
  std::array<char, 512> why{};
  std::vector<NewTopicPtr> topics;
  std::vector<rd_kafka_NewTopic_t*> raw;
  for (const std::string& name : names) {
    topics.emplace_back(
        rd_kafka_NewTopic_new(name.c_str(), options.partitions, options.replication, why.data(), why.size()));
    if (!topics.back()) return bad_configuration("kafka", fmt::format("topic {}: {}", name, why.data()));
    for (const auto& [property, value] : settings_of(options, name))
      rd_kafka_NewTopic_set_config(topics.back().get(), property.c_str(), value.c_str());
    raw.push_back(topics.back().get());
  }
  const QueuePtr queue{rd_kafka_queue_new(client)};
  rd_kafka_CreateTopics(client, raw.data(), raw.size(), nullptr, queue.get());
  const EventPtr event{rd_kafka_queue_poll(queue.get(), kAdmin_timeout_ms)};
  if (!event) return away("making topics", "no answer");
  if (auto code = rd_kafka_event_error(event.get())) return away("making topics", code);
  std::size_t n = 0;
  const auto* results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto code = rd_kafka_topic_result_error(results[i]);
    // Another member was quicker.
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    return bad_configuration("kafka", fmt::format("topic {} cannot be made: {}", rd_kafka_topic_result_name(results[i]),
                                                  rd_kafka_topic_result_error_string(results[i])));
  }
  return {};
}

}  // namespace

std::string topic_name(const TopicOptions& options, stage::Topic topic) {
  return options.prefix + std::string(stage::name_of(topic));
}

std::string members_name(const TopicOptions& options) { return options.prefix + "members"; }

std::string changelog_name(const TopicOptions& options) { return options.prefix + "changelog"; }

bool is_compacted(const TopicOptions& options, std::string_view name) {
  return name == members_name(options) || name == topic_name(options, stage::Topic::customers);
}

std::optional<stage::Topic> input_topic(const TopicOptions& options, std::string_view name) {
  for (stage::Topic topic : kInputs) {
    if (name == topic_name(options, topic)) return topic;
  }
  return std::nullopt;
}

std::vector<std::string> all_topics(const TopicOptions& options) {
  std::vector<std::string> out{changelog_name(options), members_name(options)};
  for (stage::Topic topic : kTopics) out.push_back(topic_name(options, topic));
  return out;
}

Result<std::map<std::string, Shape>> shapes_of_topics(rd_kafka_t* client) {
  const rd_kafka_metadata_t* metadata = nullptr;
  if (auto code = rd_kafka_metadata(client, 1, nullptr, &metadata, kAdmin_timeout_ms))
    return away("asking for topics", code);
  std::map<std::string, Shape> out;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
    if (topic.err == RD_KAFKA_RESP_ERR_NO_ERROR && topic.partition_cnt > 0)
      out.emplace(topic.topic, Shape{topic.partition_cnt, topic.partitions[0].replica_cnt});
  }
  rd_kafka_metadata_destroy(metadata);
  return out;
}

Result<int> make_topics(rd_kafka_t* client, const TopicOptions& options) {
  const std::vector<std::string> names = all_topics(options);
  auto known = shapes_of_topics(client);
  if (!known) return tl::make_unexpected(known.error());

  std::vector<std::string> missing;
  for (const std::string& name : names) {
    if (!known->contains(name)) missing.push_back(name);
  }
  // Topics that are there say how many partitions the others get: the events come from elsewhere.
  TopicOptions wanted = options;
  if (auto events = known->find(topic_name(options, stage::Topic::events)); events != known->end())
    wanted.partitions = events->second.partitions;
  if (!missing.empty()) {
    if (auto made = create(client, wanted, missing); !made) return tl::make_unexpected(made.error());
    // Other members may have made some meanwhile, and in their way.
    known = shapes_of_topics(client);
    if (!known) return tl::make_unexpected(known.error());
    if (auto events = known->find(topic_name(options, stage::Topic::events)); events != known->end())
      wanted.partitions = events->second.partitions;
  }
  for (const std::string& name : names) {
    auto found = known->find(name);
    if (found == known->end() || found->second.partitions == wanted.partitions) continue;
    return bad_configuration(
        "kafka", fmt::format("topic {} has {} partitions, {} has {}: a shard needs one of each", name,
                             found->second.partitions, topic_name(options, stage::Topic::events), wanted.partitions));
  }
  return wanted.partitions;
}

Result<void> all_there(rd_kafka_t* client, const TopicOptions& options) {
  auto known = shapes_of_topics(client);
  if (!known) return tl::make_unexpected(known.error());
  for (const std::string& name : all_topics(options)) {
    const auto found = known->find(name);
    if (found == known->end())
      return away(fmt::format("topic {}", name),
                  "it is not there: it was deleted, and is waited for (a member that starts makes it anew)");
    if (found->second.partitions != options.partitions)
      return broken_world("kafka", fmt::format("topic {} had {} partitions when this member started, and has {} now",
                                               name, options.partitions, found->second.partitions));
  }
  return {};
}

}  // namespace echoloop::kafka
