// One endpoint and its thread: reads the task events that it has not been told yet, in order, and tells them; what
// fails is tried again, later each time, and what comes behind it waits, so that changes of one task never overtake
// each other. Each endpoint has its own place in the topic: a dead one holds up nobody else. At least once: the place
// is written after the answer, and a repetition carries the same id.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pipeline/delivery/attempt.h"
#include "pipeline/delivery/keys.h"
#include "pipeline/delivery/pace.h"
#include "schemas/current_domain.h"
#include "schemas/state.pb.h"

namespace echoloop::delivery {

class EndpointTeller {
 public:
  // `events` and `parts` outlive it.
  EndpointTeller(Endpoint endpoint, std::shared_ptr<const CurrentDomain> domain, TaskEvents& events,
                 const DeliveryParts& parts);
  ~EndpointTeller();  // stop_soon(), and waits
  // Tells nothing more, and gives up what is under way: it comes again at the next start.
  void stop_soon();

  const Endpoint& endpoint() const { return endpoint_; }
  void start();
  // There may be something to tell.
  void wake();
  // There may be something to tell once more.
  void wake_to_repeat();

  struct Counts {
    std::int64_t delivered = 0, failed = 0, attempts = 0, waiting = 0;
    bool knows_place = false, gone = false;
  };
  Counts counts() const;

 private:
  // An event that waits to be told. Its text is read again when it is.
  struct Item {
    int partition = 0;
    std::int64_t offset = 0;
    std::string id;
    bool safety = false;
  };
  using Trying = state::EndpointState::Trying;

  Result<void> load();
  void run();
  // Tells what can be told now; answers whether there may be more at once, else for how long there is not.
  Result<bool> step(Duration& wait);
  Result<void> read_on();
  // What is told next; empty: nothing now, and how long to wait.
  std::vector<std::size_t> choose(Time now, Duration& wait);
  Result<void> tell(const std::vector<std::size_t>& chosen);
  Result<bool> repeat(Duration& wait);
  Result<void> settle(const std::vector<std::size_t>& chosen, state::Delivery log);
  // Answers whether it is over with them.
  bool judge(Trying& trying, state::Delivery& log, Time now);
  Trying& trying(const std::string& event, Time now);
  state::Delivery attempt_and_place(const std::vector<Told>& told, const std::vector<Item>& items);
  // The place moves up to the first of each partition that waits.
  void move_place();
  stage::Row place_row() const;
  bool is_awake(Time now) const;

  const Endpoint endpoint_;
  const std::shared_ptr<const CurrentDomain> domain_;
  TaskEvents& events_;
  const DeliveryParts& parts_;
  Client client_;
  Pace pace_;
  std::mt19937_64 dice_{std::random_device{}()};
  state::EndpointState state_;
  std::vector<std::int64_t> read_to_;  // per partition
  std::deque<Item> items_;             // in the order read
  std::set<std::pair<int, std::int64_t>> ahead_;
  std::set<std::string> repeated_;  // their rows are about to go
  bool loaded_ = false;
  bool sleeps_ = false;  // what waits, waits for its hours
  Time placed_at_{};

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable woken_;
  bool news_ = true, asked_ = true, stopping_ = false;
  Counts counts_;
  std::thread thread_;
};

}  // namespace echoloop::delivery
