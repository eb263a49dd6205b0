// One endpoint and its thread: reads the task events that it has not been told yet, in order, and tells them; what
// fails is tried again, later each time, and what comes behind it waits, so that changes of one task never overtake
// each other. Each endpoint has its own place in the topic: a dead one holds up nobody else. At least once: the place
// is written after the answer, and a repetition carries the same id.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/delivery/attempt.h"
#include "pipeline/delivery/pace.h"
#include "pipeline/stage/link.h"
#include "pipeline/stage/store.h"
#include "schemas/state.pb.h"

namespace echoloop::delivery {

std::string endpoint_key(std::string_view id);
std::string delivery_key(const state::Delivery& delivery);
std::string delivery_prefix(std::string_view endpoint);

class EndpointTeller {
 public:
  EndpointTeller(Endpoint endpoint, std::shared_ptr<const Domain> domain, const DeliveryParts& parts);
  ~EndpointTeller();  // stop_soon(), and waits
  // Tells nothing more, and gives up what is under way: it comes again at the next start.
  void stop_soon();

  const Endpoint& endpoint() const { return endpoint_; }
  void start();
  // There may be something to tell.
  void wake();
  // Tells once more what that attempt told.
  void tell_again(const state::Delivery& delivery);

  struct Counts {
    std::int64_t delivered = 0, failed = 0, attempts = 0, waiting = 0;
    bool gone = false;
  };
  Counts counts() const;

 private:
  // An event that was read, in the order read. Its text is read again when it is told.
  struct Item {
    int partition = 0;
    std::int64_t offset = 0;
    std::string id, word;
    bool safety = false;
    bool done = false;  // told, or not wanted
  };

  Result<void> load();
  void run();
  Result<void> read_on();
  // What is told next; empty: nothing now, and how long to wait.
  std::vector<std::size_t> choose(Time now, Duration& wait);
  Result<void> tell(const std::vector<std::size_t>& chosen);
  Result<std::vector<Told>> texts_of(const std::vector<std::size_t>& chosen);
  Result<void> settle(const std::vector<std::size_t>& chosen, state::Delivery log);
  Result<void> tell_those_again();
  state::Delivery attempt_and_place(const std::vector<Told>& told, const std::vector<Item>& items);
  Result<void> keep(state::Delivery log);
  bool is_awake(Time now) const;

  const Endpoint endpoint_;
  const std::shared_ptr<const Domain> domain_;
  const DeliveryParts& parts_;
  Client client_;
  Pace pace_;
  std::mt19937_64 dice_{std::random_device{}()};
  state::EndpointState state_;
  std::vector<std::int64_t> read_to_;  // per partition
  std::deque<Item> items_;
  std::set<std::string> ahead_;
  bool loaded_ = false, sleeps_ = false;  // sleeps_: what waits, waits for its hours
  int refusals_ = 0;                      // of the event under way
  Time trimmed_at_{};

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable woken_;
  bool news_ = true, stopping_ = false;
  std::vector<state::Delivery> again_;
  Counts counts_;
  std::thread thread_;
};

}  // namespace echoloop::delivery
