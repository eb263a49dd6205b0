#include "pipeline/sample/dice.h"

namespace echoloop::sample {
namespace {

// exp(sigma · z) × 1024 at the quantiles 0.005, 1/32, 2/32, …, 31/32, 0.99 of the normal distribution. Written out, as
// exp() may differ in its last bit from machine to machine.
constexpr std::int64_t kSmallSpread[33] = {  // sigma 0.6
    218,  335,  408,  464,  514,  559,  601,  643,  683,  723,  764,  804,  846,  888,  932,  977, 1024,
    1073, 1125, 1181, 1240, 1304, 1373, 1449, 1535, 1632, 1744, 1877, 2042, 2258, 2571, 3131, 4135};
constexpr std::int64_t kLargeSpread[33] = {  // sigma 1.0
    78,   159,  221,  274,  324,  373,  422,  471,  522,  574,  628,  685,  745,  808,  875,  947,  1024,
    1108, 1198, 1298, 1408, 1531, 1669, 1827, 2010, 2226, 2486, 2811, 3235, 3826, 4749, 6596, 10486};

}  // namespace

std::int64_t Dice::around(std::int64_t median, bool large_spread) {
  const std::int64_t* table = large_spread ? kLargeSpread : kSmallSpread;
  const std::int64_t step = below(32);
  const std::int64_t part = below(1024);
  const std::int64_t factor = table[step] + (table[step + 1] - table[step]) * part / 1024;
  return median * factor / 1024;
}

}  // namespace echoloop::sample
