// Several ways to do a thing, timed in turn within one run, so that what the machine does meanwhile hits all alike.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace echoloop::bench {

struct Side {
  std::string name;
  std::function<void()> run;  // once over the whole input
  std::vector<double> seconds{};

  double best_s() const { return *std::min_element(seconds.begin(), seconds.end()); }
};

// Runs each side once to warm up, then `rounds` times in turn.
inline void run_in_turn(std::vector<Side>& sides, int rounds) {
  for (Side& side : sides) side.run();
  for (int round = 0; round < rounds; ++round) {
    for (Side& side : sides) {
      const auto begin = std::chrono::steady_clock::now();
      side.run();
      side.seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
  }
}

}  // namespace echoloop::bench
