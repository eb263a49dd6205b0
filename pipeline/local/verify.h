// The event log of a data folder, and how it fits the store beside it, checked without changing anything.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "pipeline/store/rocks_store.h"
#include "pipeline/store/verify.h"

namespace echoloop::local {

struct LogCheck {
  int partitions = 0;
  std::string identity;
  std::int64_t segments = 0;
  std::uint64_t bytes = 0;
  std::vector<std::uint64_t> ends;  // of the partitions: offsets behind the last sound record
};

// Reads every block of every segment with every check. One thread at a time; no process may write to the log. Error
// (world): nothing can be said, because log.meta is missing, unreadable or of a newer echoloop.
Result<LogCheck> verify_log(const std::filesystem::path& folder, const store::Tell& tell);

// Whether the store's positions lie within the log, its topics can be read, and both belong together.
void verify_pair(const std::filesystem::path& folder, const store::RocksStore& store, const LogCheck& log,
                 const store::Tell& tell);

}  // namespace echoloop::local
