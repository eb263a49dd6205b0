// How long a session's row, its duplicate guard in it, lives: the retention, in stage time after its last touch. Table
// session_ages finds rows by age; its times are rounded down to a step, so that a busy session seldom moves there.
// What a session added to the aggregates stays.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "pipeline/stage/processor.h"
#include "schemas/state.pb.h"

namespace echoloop::sessions {

// Puts the row under `key` (session_key) where its touched_at belongs. The caller writes the row.
void note_age(const std::string& key, Duration retention, state::Session& row, stage::Context& context);

// One per shard; used by its thread.
class Expiry {
 public:
  // Erases rows that are over, some per epoch; asks to go on while more are left.
  void run(Duration retention, stage::Context& context);

 private:
  std::int64_t done_ms_ = std::numeric_limits<std::int64_t>::min();  // no row is this old
};

}  // namespace echoloop::sessions
