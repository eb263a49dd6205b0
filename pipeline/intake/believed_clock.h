// The wall clock, as far as it can be believed: what makes stage time. A clock that leaps forward (a wrong time server,
// a host that was set by hand) would let every session and every deadline expire at once, and stage time never runs
// backwards. So a leap of more than kLeap is believed only once the clock has kept it for kProof; until then time goes
// on from where it was. A clock that falls back is passed on: the log holds stage time where it was until the clock has
// caught up. docs/decisions/014. Safe from any thread.
#pragma once

#include <functional>
#include <mutex>
#include <optional>

#include "pipeline/base/time.h"

namespace echoloop {

class BelievedClock {
 public:
  static constexpr Duration kLeap{kHour_ms};
  static constexpr Duration kProof{kHour_ms};

  using Clock = std::function<Time()>;
  // `running`: any clock that nobody sets; by default the kernel's time since boot, in which sleep counts.
  explicit BelievedClock(Clock wall = wall_clock, Clock running = time_since_boot);

  Time now();
  // Whether the wall clock stands ahead of what is believed.
  bool doubts();

  static Time time_since_boot();

 private:
  struct Pair {
    Time wall{}, running{};
  };
  const Clock wall_, running_;
  std::mutex mutex_;
  Pair believed_;
  std::optional<Pair> leapt_;  // when the wall clock first stood ahead
};

}  // namespace echoloop
