// How long a session's row, its duplicate guard in it, lives: the retention, in stage time after its last touch. Table
// session_ages finds rows by age; its times are rounded down to a step, so that a busy session seldom moves there, and
// one of its rows lists all sessions that an epoch brought to that age. What a session added to the aggregates stays.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "pipeline/stage/processor.h"
#include "schemas/session.h"

namespace echoloop::sessions {

// One per shard; used by its thread.
class Ages {
 public:
  // Notes the row under `key` (session_key), so that it is found when it is over. The caller writes the row.
  void note(const std::string& key, Duration retention, state::Session& row);
  // Writes what was noted; erases rows that are over, some per epoch, and asks to go on while more are left.
  void end_epoch(Duration retention, stage::Context& context);

 private:
  void expire(Duration retention, stage::Context& context);

  std::map<std::int64_t, std::vector<std::string>> noted_;           // age → keys
  std::int64_t done_ms_ = std::numeric_limits<std::int64_t>::min();  // no row is this old
};

}  // namespace echoloop::sessions
