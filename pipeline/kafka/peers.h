// Who of the group holds which shards, and where to ask him: each member says so of itself in the compacted topic
// `members`, under its name, again and again. Of two who say that they hold a shard the one who began to say so last
// does; the other has not noticed yet. Of two processes under one name the one that began last goes on.
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
  Time since{};  // when its process began, by its clock
};
std::string encode(const Standing& standing);
std::optional<Standing> decode_standing(std::string_view text);
// Both say that they are the same member; whichever says so, the other or this one, the answer is the same.
bool is_succeeded(const Standing& own, const Standing& other);

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
  struct Parts {
    std::function<std::vector<int>()> held;  // shards of this member
    std::function<void()> tick;              // some twenty times a second
    std::function<void()> succeeded;         // once, when another process runs as this member
  };
  // Errors: configuration, away.
  static Result<std::unique_ptr<Peers>> open(const MemberOptions& options, Parts parts);
  ~Peers();  // takes back what it said, unless it was succeeded

  // From now on this member tells others where to ask.
  void announce(std::string address);
  // Another member that holds the shard, as far as is known.
  std::optional<Owner> owner_of(int shard) const;
  // All that have told where to ask them, by name.
  std::map<std::string, Owner> others() const;
  // What those must show who ask this one.
  const std::string& secret() const { return secret_; }

 private:
  Peers(const MemberOptions& options, Parts parts);
  void run();
  void hear(const rd_kafka_message_t& message);
  void hear_of_itself(const Standing& standing);
  void tell(const std::optional<Standing>& standing);
  void complain(const rd_kafka_message_t& message);

  const MemberOptions options_;
  const std::string topic_;
  const Parts parts_;
  ClientPtr producer_, consumer_;
  QueuePtr queue_;
  const std::string secret_;
  const Time since_;
  bool heard_itself_ = false, succeeded_ = false;
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
