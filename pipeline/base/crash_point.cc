#include "pipeline/base/crash_point.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

namespace echoloop {
namespace {

// Constant-initialised: points register while other files' statics are still being made.
constinit std::atomic<CrashPoint*> first_point{nullptr};

// How many passings of this name until the kill, by the environment; 0: never. A malformed order stops the program: a
// kill test that kills nothing would prove nothing.
std::int64_t ordered(std::string_view name) {
  const char* order_text = std::getenv("ECHOLOOP_CRASH_AT");
  if (order_text == nullptr || *order_text == '\0') return 0;
  std::string_view order = order_text;
  std::size_t colon = order.rfind(':');
  std::int64_t count = 1;
  if (colon != std::string_view::npos) {
    const char* end = order.data() + order.size();
    auto [stop, fault] = std::from_chars(order.data() + colon + 1, end, count);
    if (fault != std::errc{} || stop != end || count < 1) {
      fmt::print(stderr, "ECHOLOOP_CRASH_AT={}: expected NAME or NAME:COUNT\n", order);
      std::_Exit(2);
    }
  }
  return order.substr(0, colon) == name ? count : 0;
}

}  // namespace

CrashPoint::CrashPoint(std::string_view name) : name_(name), left_(ordered(name)) {
  next_ = first_point.load();
  while (!first_point.compare_exchange_weak(next_, this)) {
  }
}

void CrashPoint::strike() {
  if (left_.fetch_sub(1) != 1) return;
  kill(getpid(), SIGKILL);
  for (;;) pause();  // no other effect may follow while the signal is on its way
}

std::vector<std::string_view> crash_point_names() {
  std::vector<std::string_view> names;
  for (CrashPoint* point = first_point.load(); point != nullptr; point = point->next_) names.push_back(point->name_);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace echoloop
