// Named places where a test may kill the process: ECHOLOOP_CRASH_POINT("log.after_write"). When
// ECHOLOOP_CRASH_AT="log.after_write:3" stands in the environment at start, the third passing of that name raises
// SIGKILL, as a power cut would; otherwise a passing is one relaxed load. Every name linked into the program is known
// from the start (crash_point_names), so that a harness can try them all. Safe from any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace echoloop {

class CrashPoint {
 public:
  explicit CrashPoint(std::string_view name);  // a literal; registers itself for ever
  CrashPoint(const CrashPoint&) = delete;
  CrashPoint& operator=(const CrashPoint&) = delete;

  void pass() {
    if (left_.load(std::memory_order_relaxed) != 0) [[unlikely]]
      strike();
  }

 private:
  friend std::vector<std::string_view> crash_point_names();
  void strike();

  std::string_view name_;
  std::atomic<std::int64_t> left_{0};  // passings until the kill; 0: not armed
  CrashPoint* next_ = nullptr;
};

// Sorted, each once.
std::vector<std::string_view> crash_point_names();

template <std::size_t N>
struct CrashPointName {
  constexpr CrashPointName(const char (&name)[N]) { std::copy_n(name, N, text); }
  char text[N];
};

template <CrashPointName Name>
struct CrashPointOf {
  static inline CrashPoint point{Name.text};
};

#define ECHOLOOP_CRASH_POINT(name) ::echoloop::CrashPointOf<name>::point.pass()

}  // namespace echoloop
