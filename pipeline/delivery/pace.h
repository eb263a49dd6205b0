// When to send: as often as a platform takes, and after a failure later each time. Not thread-safe.
#pragma once

#include <random>

#include "pipeline/base/time.h"

namespace echoloop::delivery {

// A bucket of tokens: `per_minute` of them flow in, at most a tenth of that (at least one) waits. 0: no bound.
class Pace {
 public:
  explicit Pace(int per_minute) : per_minute_(per_minute) {}
  enum class Pauses { kept, passed };
  // How long until one may be sent; nothing: now, and it counts as sent.
  Duration take(Time now, Pauses pauses = Pauses::kept);
  // None is left until then.
  void pause_until(Time then) { paused_until_ = then; }

 private:
  int per_minute_;
  double tokens_ = 1;
  Time filled_at_{};
  Time paused_until_{};
};

// Waits after the attempt-th failure, from 1: up to 1 s, 2 s, 4 s … 15 min, any length between half of that and that,
// so that many do not come at once.
Duration back_off(int attempt, std::mt19937_64& dice);

}  // namespace echoloop::delivery
