// Loaded before a program's libraries (LD_PRELOAD), its wall clock is WRONG_CLOCK_S seconds off; what measures how
// long something takes stays right, and so do waits until a moment of that clock.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace {

time_t off() {
  static const time_t seconds = [] {
    const char* text = std::getenv("WRONG_CLOCK_S");
    return text == nullptr ? time_t{0} : static_cast<time_t>(std::atol(text));
  }();
  return seconds;
}

template <class Condition, class Mutex>
int wait_truly(const char* name, Condition* condition, Mutex* mutex, const timespec* until) {
  using Wait = int (*)(Condition*, Mutex*, const timespec*);
  static const auto wait = reinterpret_cast<Wait>(dlsym(RTLD_NEXT, name));
  const timespec truly{until->tv_sec - off(), until->tv_nsec};
  return wait(condition, mutex, &truly);
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* out) noexcept {
  const long code = syscall(SYS_clock_gettime, clock, out);
  if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) out->tv_sec += off();
  return static_cast<int>(code);
}

int gettimeofday(timeval* out, void*) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *out = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

int timespec_get(timespec* out, int base) noexcept {
  clock_gettime(CLOCK_REALTIME, out);
  return base;
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  return wait_truly("pthread_cond_timedwait", condition, mutex, until);
}

int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return wait_truly("cnd_timedwait", condition, mutex, until);
}

}  // extern "C"
