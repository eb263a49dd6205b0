// Who of the group holds which shards, and where to ask him: each member says so of itself in the compacted topic
// `members`, under its name. What is said last of a shard holds.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/kafka/member.h"

namespace echoloop::kafka {

// What a record of topic members says.
struct Standing {
  std::string address;  // "http://host:port"
  std::vector<int> shards;
};
std::string encode(const Standing& standing);
std::optional<Standing> decode_standing(std::string_view text);

// All functions are safe from any thread.
class Peers {
 public:
  // `held`: shards of this member; `tick` is called some twenty times a second. Errors: configuration, away.
  static Result<std::unique_ptr<Peers>> open(const MemberOptions& options, std::function<std::vector<int>()> held,
                                             std::function<void()> tick);
  ~Peers();  // takes back what it said

  // From now on this member tells others where to ask.
  void announce(std::string address);
  // Address of another member that holds the shard, as far as is known.
  std::optional<std::string> owner_of(int shard) const;

 private:
  Peers(const MemberOptions& options, std::function<std::vector<int>()> held, std::function<void()> tick);
  void run();
  void hear(const rd_kafka_message_t& message);
  void tell(const std::optional<Standing>& standing);

  const MemberOptions options_;
  const std::string topic_;
  const std::function<std::vector<int>()> held_;
  const std::function<void()> tick_;
  ClientPtr producer_, consumer_;
  QueuePtr queue_;
  std::optional<std::string> told_;  // by this member, last

  struct Claim {
    std::string member, address;
  };
  mutable std::mutex mutex_;
  std::string address_;
  std::map<int, Claim> owners_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace echoloop::kafka
