// Rings after every commit, so that whoever waits for a row to appear looks at the right moment. Safe from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "pipeline/base/time.h"

namespace echoloop::stage {

class CommitBell {
 public:
  void ring() {
    {
      std::lock_guard lock{mutex_};
      ++rings_;
    }
    rung_.notify_all();
  }

  // Asks `ready` now and after each ring until it says yes or the time is over; answers what it said last. `ready` runs
  // without the bell's lock.
  template <class Ready>
  bool wait(Duration timeout, const Ready& ready) {
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (true) {
      std::uint64_t seen = count();
      if (ready()) return true;
      std::unique_lock lock{mutex_};
      if (!rung_.wait_until(lock, end, [&] { return rings_ != seen; })) {
        lock.unlock();
        return ready();
      }
    }
  }

 private:
  std::uint64_t count() {
    std::lock_guard lock{mutex_};
    return rings_;
  }

  std::mutex mutex_;
  std::condition_variable rung_;
  std::uint64_t rings_ = 0;
};

}  // namespace echoloop::stage
