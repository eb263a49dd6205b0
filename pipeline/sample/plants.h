// What is planted in the sample, and on which of its days. docs/sample.md says what for.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace echoloop::sample {

// Days of the sample count from 1; both ends belong to it.
struct Days {
  std::int64_t from, to;
  bool hold(std::int64_t day) const { return day >= from && day <= to; }
};

// A sample that ends earlier lacks what comes later.
struct Plants {
  Days failure;                // delivery in the east
  Days attitude;               // in one group, from nothing to one in two
  std::int64_t misroute_from;  // routing version 2
  std::int64_t shock_day;      // the red line
  std::int64_t survey_change;  // chat-csat version 2
  std::int64_t mended_from;    // late parcels become rare
};

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
inline constexpr Plants kMonth{{10, 13}, {8, 22}, 15, 17, 20, kNever};
// There are six weeks before a cause and six after the work on it, so that verification has something to compare. What
// changes for good, and would change what is compared, comes after them; and the attitude problem begins on the Monday
// of the week that opens its task, so that its rise is not among the weeks before.
inline constexpr Plants kLong{{52, 55}, {58, 64}, 110, 59, 113, 63};
constexpr std::int64_t kLong_days = 110;  // a sample of so many days is long

constexpr const Plants& plants_of(std::int64_t days) { return days < kLong_days ? kMonth : kLong; }

inline constexpr std::string_view kFailureEntity = "hongtu-east", kAttitudeGroup = "hotline-2",
                                  kMisrouteGroup = "web-retail";

}  // namespace echoloop::sample
