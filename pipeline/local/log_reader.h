// The event log for commands that read beside a process that writes, or without one: what was durable when it was
// opened. Changes nothing on the disk. Safe from any thread.
#pragma once

#include <filesystem>
#include <memory>

#include "pipeline/local/log_tail.h"

namespace echoloop::local {

class LogReader {
 public:
  // Reads the last segment once to find its end. Errors (world): damage, with file and position; not a log.
  static Result<std::unique_ptr<LogReader>> open(const std::filesystem::path& folder);

  // As EventLog has it.
  Result<stage::Slice> read(int partition, std::int64_t from_offset, const stage::PollLimits& limits) const {
    return tail_.read(partition, from_offset, limits);
  }

 private:
  LogReader(const std::filesystem::path& folder, std::vector<std::shared_ptr<const SegmentIndex>> sealed,
            SegmentIndex active)
      : tail_(folder, 0, std::move(sealed), std::move(active)) {}
  LogTail tail_;
};

}  // namespace echoloop::local
