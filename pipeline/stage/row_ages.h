// When rows that are written once and never touched again were written, so that they are found when their retention, in
// stage time, is over. Table row_ages: table, about when (rounded down to a step), key → empty.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string_view>

#include "pipeline/stage/processor.h"

namespace echoloop::stage {

// One per shard; used by its thread.
class RowAges {
 public:
  // The row is written in this epoch.
  static void note(Table table, std::string_view key, Duration retention, Context& context);
  // Erases rows of a table that are over, some per epoch, and asks to go on while more are left. `over` spares a row
  // that was written again since, and noted again. Counts "<name>_expired".
  void expire(
      Table table, std::string_view name, Duration retention, Context& context,
      const std::function<bool(std::string_view row, Time before)>& over = [](auto, auto) { return true; });

 private:
  std::map<Table, std::int64_t> done_ms_;  // no row is this old
};

}  // namespace echoloop::stage
