// Takes from the changelog what is not needed any more. In the background: what fails is tried again with the next
// turn.
#pragma once

#include <chrono>
#include <map>

#include "pipeline/kafka/member.h"

namespace echoloop::kafka {

// One thread.
class Trim {
 public:
  // Error (configuration): a property that librdkafka does not take.
  static Result<std::unique_ptr<Trim>> open(const MemberOptions& options);

  // Records of that shard before the offset may go.
  void before(int shard, std::int64_t offset);

 private:
  explicit Trim(std::string topic) : topic_(std::move(topic)) {}
  void hear();

  struct Done {
    std::int64_t offset = 0;
    std::chrono::steady_clock::time_point at;
  };
  const std::string topic_;
  ClientPtr client_;
  QueuePtr answers_;
  std::map<int, Done> done_;  // by shard
};

}  // namespace echoloop::kafka
