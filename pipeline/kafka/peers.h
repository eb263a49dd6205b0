// Who of the group holds which shards, and where to ask him: each member says so of itself in the compacted topic
// `members`, under its name, again and again. Of two who say that they hold a shard the one who began to say so last
// does; the other has not noticed yet.
#pragma once

#include <atomic>
#include <chrono>
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

// Whom to ask.
struct Owner {
  std::string address, secret;
};

// What a record of topic members says.
struct Standing {
  std::string address;  // "http://host:port"
  std::string secret;   // whoever may read the topic may ask him
  std::vector<int> shards;
};
std::string encode(const Standing& standing);
std::optional<Standing> decode_standing(std::string_view text);

struct Claim {
  std::string member;
  Owner owner;
};
using Claims = std::map<int, std::vector<Claim>>;  // by shard, in the order in which they began
// A member says what it holds; saying it again changes no order.
void take_claims(Claims& claims, const std::string& member, const Standing& standing);

// All functions are safe from any thread.
class Peers {
 public:
  // `held`: shards of this member; `tick` is called some twenty times a second. Errors: configuration, away.
  static Result<std::unique_ptr<Peers>> open(const MemberOptions& options, std::function<std::vector<int>()> held,
                                             std::function<void()> tick);
  ~Peers();  // takes back what it said

  // From now on this member tells others where to ask.
  void announce(std::string address);
  // Another member that holds the shard, as far as is known.
  std::optional<Owner> owner_of(int shard) const;
  // All that have told where to ask them, by name.
  std::map<std::string, Owner> others() const;
  // What those must show who ask this one.
  const std::string& secret() const { return secret_; }

 private:
  Peers(const MemberOptions& options, std::function<std::vector<int>()> held, std::function<void()> tick);
  void run();
  void hear(const rd_kafka_message_t& message);
  void tell(const std::optional<Standing>& standing);
  void complain(const rd_kafka_message_t& message);

  const MemberOptions options_;
  const std::string topic_;
  const std::function<std::vector<int>()> held_;
  const std::function<void()> tick_;
  ClientPtr producer_, consumer_;
  QueuePtr queue_;
  const std::string secret_;
  std::optional<std::string> told_;  // by this member, last
  std::chrono::steady_clock::time_point told_at_{};
  std::string complaint_;  // the last one about reading

  mutable std::mutex mutex_;
  std::string address_;
  Claims claims_;
  std::map<std::string, Owner> known_;  // by name, this one too
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace echoloop::kafka
