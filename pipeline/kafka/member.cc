#include "pipeline/kafka/member.h"

namespace echoloop::kafka {

std::string member_name(const MemberOptions& options) { return fmt::format("{}.{}", options.group, options.name); }

std::string worker_name(const MemberOptions& options, int worker) {
  return fmt::format("{}.{}", member_name(options), worker);
}

Properties common_properties(const MemberOptions& options) {
  Properties out{{"bootstrap.servers", options.brokers},
                 {"client.id", fmt::format("echoloop-{}", options.name)},
                 {"message.max.bytes", std::to_string(kRecord_bytes_max)},
                 // A broker that comes back is found at once.
                 {"reconnect.backoff.ms", "50"},
                 {"reconnect.backoff.max.ms", "1000"}};
  out.insert(out.end(), options.properties.begin(), options.properties.end());
  return out;
}

Properties reader_properties(const MemberOptions& options, std::string_view name) {
  Properties out = common_properties(options);
  out.emplace_back("group.id", fmt::format("{}.{}", options.group, name));  // librdkafka wants one; nobody joins it
  out.emplace_back("isolation.level", "read_committed");
  out.emplace_back("enable.auto.commit", "false");
  return out;
}

}  // namespace echoloop::kafka
