// How long the evidence behind windows is kept: the retention, in stage time after it was written. Rows of table
// evidence are numbered by the epoch that wrote them; a mark now and then tells which number was reached when, and a
// walk over the table, some rows per epoch, erases what was written before a mark that is older than the retention. A
// window that changes later has the sessions in its sample that were told since.
//
// Rows of table findings: "a", time → number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pipeline/stage/processor.h"

namespace echoloop::insight {

// One per shard; used by its thread.
class EvidenceAges {
 public:
  // `number`: of the last epoch that took deltas, as Evidence::end_epoch numbers its rows; 0: none since a restart.
  // Asks to go on while a walk is under way.
  void end_epoch(std::uint64_t number, Duration retention, stage::Context& context);

 private:
  void mark(std::uint64_t number, std::int64_t step_ms, stage::Context& context);
  // The newest mark that is old enough, if a walk is due.
  void find_goal(std::int64_t over_ms, stage::Context& context);
  void walk(stage::Context& context);

  std::optional<std::int64_t> marked_ms_;     // the newest mark
  std::optional<std::int64_t> looked_ms_;     // up to where marks were looked for
  std::optional<std::int64_t> goal_mark_ms_;  // of the walk under way
  std::uint64_t goal_ = 0;                    // rows with smaller numbers go
  std::string cursor_;
};

}  // namespace echoloop::insight
