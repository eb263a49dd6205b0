#include "pipeline/delivery/pace.h"

#include <algorithm>

namespace echoloop::delivery {
namespace {

constexpr std::int64_t kMinute_ms = 60'000, kBack_off_max_ms = 15 * kMinute_ms;

}  // namespace

Duration Pace::take(Time now, Pauses pauses) {
  if (pauses == Pauses::kept && now < paused_until_) return paused_until_ - now;
  if (per_minute_ <= 0) return Duration{0};
  const double room = std::max(1.0, per_minute_ / 10.0);
  if (filled_at_ != Time{} && now > filled_at_)
    tokens_ = std::min(room, tokens_ + static_cast<double>((now - filled_at_).count()) * per_minute_ /
                                           static_cast<double>(kMinute_ms));
  if (filled_at_ == Time{}) tokens_ = room;
  filled_at_ = std::max(filled_at_, now);
  if (tokens_ >= 1) {
    tokens_ -= 1;
    return Duration{0};
  }
  return Duration{static_cast<std::int64_t>((1 - tokens_) * static_cast<double>(kMinute_ms) / per_minute_) + 1};
}

Duration back_off(int attempt, std::mt19937_64& dice) {
  const std::int64_t most = std::min(kBack_off_max_ms, kSecond_ms << std::clamp(attempt - 1, 0, 20));
  return Duration{most / 2 + static_cast<std::int64_t>(dice() % static_cast<std::uint64_t>(most / 2 + 1))};
}

}  // namespace echoloop::delivery
