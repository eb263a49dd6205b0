#include "pipeline/intake/believed_clock.h"

#include <spdlog/spdlog.h>
#include <time.h>

namespace echoloop {

Time BelievedClock::time_since_boot() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return from_ms(now.tv_sec * 1000 + now.tv_nsec / 1'000'000);
}

BelievedClock::BelievedClock(Clock wall, Clock running)
    : wall_(std::move(wall)), running_(std::move(running)), believed_{wall_(), running_()} {}

Time BelievedClock::now() {
  std::lock_guard lock{mutex_};
  const Pair seen{wall_(), running_()};
  const Time expected = believed_.wall + (seen.running - believed_.running);
  if (seen.wall - expected <= kLeap) {
    if (leapt_) spdlog::info("the wall clock is back at {}", format_time(seen.wall));
    leapt_.reset();
    believed_ = seen;
    return seen.wall;
  }
  if (!leapt_) {
    leapt_ = seen;
    spdlog::warn("the wall clock leapt from {} to {}: not believed until it has kept that for {}",
                 format_time(expected), format_time(seen.wall), format_duration(kProof));
  }
  if (seen.running - leapt_->running < kProof) return expected;
  spdlog::warn("the wall clock has kept its leap: stage time goes on from {}", format_time(seen.wall));
  leapt_.reset();
  believed_ = seen;
  return seen.wall;
}

bool BelievedClock::doubts() {
  std::lock_guard lock{mutex_};
  return leapt_.has_value();
}

}  // namespace echoloop
