// When tasks do something by themselves: table timers, ordered by time, so that a task that waits costs nothing. Not
// thread-safe: one per processor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pipeline/stage/processor.h"
#include "schemas/state.pb.h"

namespace echoloop::casework {

struct Due {
  std::int64_t at_ms = 0;
  std::string tenant, id;
};
std::string timer_key(std::int64_t at_ms, std::string_view tenant, std::string_view id);
std::optional<Due> parse_timer_key(std::string_view key);

class Timers {
 public:
  // The earliest that is due by `until`.
  std::optional<Due> next(Time until, stage::Context& context);
  // Moves the task's timer there; 0: it has none any more.
  void set(state::Task& task, std::int64_t at_ms, stage::Context& context);
  void forget(const Due& due, stage::Context& context);

 private:
  std::int64_t earliest_ms_ = 0;  // nothing is due before
  std::string from_;              // no timer lies before this key: rows that were erased there need not be passed again
};

}  // namespace echoloop::casework
