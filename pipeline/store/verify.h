// The files of a store checked without opening it, and what a check of anything on the disk finds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "pipeline/base/result.h"

namespace echoloop::store {

// What is wrong, and where.
struct Finding {
  std::string file;
  std::optional<std::uint64_t> position;  // byte of the file, where it is known
  std::string reason;                     // one sentence, lower case, no full stop
  bool damage = true;                     // false: what an ordinary crash leaves, and the next opening puts in order
};
using Tell = std::function<void(Finding finding)>;

// Reads every table file of the store and compares all of its checksums. Answers how many there are. One thread at a
// time; no process may write to the store. Error (world): the folder cannot be read.
Result<std::int64_t> verify_tables(const std::filesystem::path& folder, const Tell& tell);

// Whether RocksDB's manifest and its own log end with a whole record: it takes a last record that is cut off for one
// that was never written. Bytes within are checked by whoever opens the store.
void verify_ends(const std::filesystem::path& folder, const Tell& tell);

// The byte that a message of RocksDB names ("… in 000012.sst offset 4096 size 812"); nothing: none.
std::optional<std::uint64_t> position_in(std::string_view message);

}  // namespace echoloop::store
