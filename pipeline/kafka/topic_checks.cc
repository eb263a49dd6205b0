#include "pipeline/kafka/topic_checks.h"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <map>

#include "pipeline/kafka/given.h"
#include "pipeline/kafka/records.h"

namespace echoloop::kafka {
namespace {

constexpr int kGroup_ms = 5'000;
constexpr int kSafe_replicas = 3;  // from here on one broker may be lost without losing what was acknowledged

using ConfigPtr = std::unique_ptr<rd_kafka_ConfigResource_t, Ends<rd_kafka_ConfigResource_destroy>>;
using Settings = std::map<std::string, std::string, std::less<>>;

std::int64_t number(const Settings& settings, std::string_view name, std::int64_t otherwise) {
  auto found = settings.find(name);
  std::int64_t out = otherwise;
  if (found != settings.end()) std::from_chars(found->second.data(), found->second.data() + found->second.size(), out);
  return out;
}

Result<std::map<std::string, Settings>> settings_of(rd_kafka_t* client, const std::vector<std::string>& names) {
  std::vector<ConfigPtr> asked;
  std::vector<rd_kafka_ConfigResource_t*> raw;
  for (const std::string& name : names) {
    asked.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
    raw.push_back(asked.back().get());
  }
  const QueuePtr queue{rd_kafka_queue_new(client)};
  rd_kafka_DescribeConfigs(client, raw.data(), raw.size(), nullptr, queue.get());
  const EventPtr event{rd_kafka_queue_poll(queue.get(), kAdmin_timeout_ms)};
  if (!event) return away("asking for settings of topics", "no answer");
  if (auto code = rd_kafka_event_error(event.get())) return away("asking for settings of topics", code);
  std::size_t n = 0;
  const auto* answers =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &n);
  std::map<std::string, Settings> out;
  for (std::size_t i = 0; i < n; ++i) {
    const std::string name = rd_kafka_ConfigResource_name(answers[i]);
    if (rd_kafka_ConfigResource_error(answers[i]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      spdlog::warn("kafka: the settings of topic {} are not checked: {}", name,
                   rd_kafka_ConfigResource_error_string(answers[i]));
      continue;
    }
    std::size_t entries = 0;
    const auto* configs = rd_kafka_ConfigResource_configs(answers[i], &entries);
    for (std::size_t k = 0; k < entries; ++k) {
      const char* value = rd_kafka_ConfigEntry_value(configs[k]);
      if (value != nullptr) out[name].emplace(rd_kafka_ConfigEntry_name(configs[k]), value);
    }
  }
  return out;
}

tl::unexpected<Error> unfit(const std::string& topic, std::string_view setting, std::string_view value,
                            std::string_view why) {
  return bad_configuration("kafka", fmt::format("topic {} has {}={}: {}", topic, setting, value, why));
}

Result<void> check(const std::string& topic, const Settings& settings, int replicas, const TopicOptions& options) {
  const auto policy = settings.find("cleanup.policy");
  if (policy == settings.end()) {
    spdlog::warn("kafka: the settings of topic {} are not told", topic);
    return {};
  }
  const bool compacted = policy->second.find("compact") != std::string::npos;
  if (is_compacted(options, topic)) {
    if (!compacted)
      return unfit(topic, "cleanup.policy", policy->second,
                   "it must be compact, or what nobody changed for a while is forgotten");
  } else if (compacted) {
    return unfit(topic, "cleanup.policy", policy->second,
                 "compaction would drop records that are needed; it must be delete");
  }
  if (topic == changelog_name(options)) {
    for (const char* setting : {"retention.ms", "retention.bytes"}) {
      if (const auto value = number(settings, setting, -1); value != -1)
        return unfit(
            topic, setting, std::to_string(value),
            "state that nobody changed for so long would be lost; it must be -1, members delete what is not needed");
    }
  }
  if (const auto in_sync = number(settings, "min.insync.replicas", 1); in_sync > replicas) {
    return unfit(topic, "min.insync.replicas", std::to_string(in_sync),
                 fmt::format("of {} replicas, so nothing can be written", replicas));
  } else if (replicas >= kSafe_replicas && in_sync == 1) {
    spdlog::warn(
        "kafka: topic {} has {} replicas and min.insync.replicas=1: with one broker may go what was acknowledged; "
        "set 2",
        topic, replicas);
  }
  const auto bytes = number(settings, "max.message.bytes", kRecord_bytes_max);
  if (topic != topic_name(options, stage::Topic::events)) {
    if (bytes < kRecord_bytes_max)
      return unfit(topic, "max.message.bytes", std::to_string(bytes),
                   fmt::format("records that follow from large documents may be as large as {}", kRecord_bytes_max));
  } else if (bytes > kEvent_bytes_max) {
    return unfit(topic, "max.message.bytes", std::to_string(bytes),
                 fmt::format("larger ones than {} cannot be handed on", kEvent_bytes_max));
  } else if (bytes < kEvent_bytes_max) {
    spdlog::warn("kafka: topic {} has max.message.bytes={}: intake cannot take larger documents", topic, bytes);
  }
  return {};
}

}  // namespace

Result<void> check_group(const MemberOptions& options) {
  Properties properties = common_properties(options);
  properties.emplace_back("group.id", options.group);
  properties.emplace_back("isolation.level", "read_uncommitted");  // transactions under way are not waited for
  auto client = make_client(RD_KAFKA_CONSUMER, properties);
  if (!client) return tl::make_unexpected(client.error());
  const PartitionsPtr list{rd_kafka_topic_partition_list_new(options.topics.partitions)};
  for (int number = 0; number < options.topics.partitions; ++number)
    rd_kafka_topic_partition_list_add(list.get(), topic_name(options.topics, stage::Topic::events).c_str(), number);
  // A coordinator that is only just beginning; what the group gives is judged in any case.
  if (rd_kafka_committed(client->get(), list.get(), kGroup_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& entry = list->elems[i];
    if (entry.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const std::string_view text{static_cast<const char*>(entry.metadata), entry.metadata_size};
    if (auto same = counted_with(partitions_of_metadata(text), options.topics.partitions); !same) return same;
  }
  return {};
}

Result<void> check_topics(rd_kafka_t* client, const TopicOptions& options) {
  const std::vector<std::string> names = all_topics(options);
  auto settings = settings_of(client, names);
  if (!settings) return tl::make_unexpected(settings.error());
  auto shapes = shapes_of_topics(client);
  if (!shapes) return tl::make_unexpected(shapes.error());
  for (const std::string& name : names) {
    auto found = settings->find(name);
    auto shape = shapes->find(name);
    // What was made a moment ago not every broker knows yet.
    if (found == settings->end() || shape == shapes->end()) continue;
    if (auto fits = check(name, found->second, shape->second.replicas, options); !fits) return fits;
  }
  return {};
}

}  // namespace echoloop::kafka
