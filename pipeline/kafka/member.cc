#include "pipeline/kafka/member.h"

namespace echoloop::kafka {

std::string worker_name(const MemberOptions& options, int worker) {
  return fmt::format("{}.{}.{}", options.group, options.name, worker);
}

Properties common_properties(const MemberOptions& options) {
  Properties out{{"bootstrap.servers", options.brokers},
                 {"client.id", fmt::format("echoloop-{}", options.name)},
                 // A broker that comes back is found at once.
                 {"reconnect.backoff.ms", "50"},
                 {"reconnect.backoff.max.ms", "1000"}};
  out.insert(out.end(), options.properties.begin(), options.properties.end());
  return out;
}

}  // namespace echoloop::kafka
