// What the readers of all fields share while one document is decoded: where they are, what went wrong, and the scratch
// memory that outlives the call. Private to the codec; not thread-safe.
#pragma once

#include <simdjson.h>

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/base/time.h"
#include "schemas/event.h"

namespace echoloop::codec {

using Element = simdjson::dom::element;

inline constexpr int kDepth_max = 64;              // containers within containers: bounds the recursion
inline constexpr std::size_t kId_bytes_max = 256;  // ids and names are parts of row keys, which must stay small
inline constexpr std::size_t kProse_code_points_max = 65'536;  // a comment; far above what survey forms take
inline constexpr std::size_t kEntries_max = 256;               // of a list: each entry is state of its session's row
inline constexpr std::size_t kCustomers_max = 10'000;          // told at once of what was done
inline constexpr std::int64_t kDuration_ms_max = 1'000'000'000'000;  // 31 years: a longer one is a wrong unit
inline constexpr std::int64_t kCount_max = 1'000'000'000;  // of transfers and the like: sums stay far from overflow
inline constexpr std::int64_t kOutcome_max = 1'000'000'000'000'000;  // below 2^53: any JSON reader keeps it exact
inline constexpr std::int64_t kScore_max = 1'000'000'000;            // as a whole number, 10^12 thousandths
inline constexpr std::int64_t kVersion_max = 1'000'000'000'000'000'000;

// A place in the document, as a chain of stack frames; becomes a JSON pointer only when something is wrong.
struct Path {
  const Path* up = nullptr;
  Text key;                          // of an object's field
  std::optional<std::size_t> index;  // of an array's element
  int depth = 0;                     // containers around it

  Path field(Text name) const { return Path{this, name, std::nullopt, depth + 1}; }
  Path element(std::size_t at) const { return Path{this, {}, at, depth + 1}; }
  std::string pointer() const;
};

class Reading {
 public:
  // Always false, so that readers can return it. Keeps the first fault.
  [[gnu::cold]] bool fail(const Path& at, std::string reason);
  [[gnu::cold]] bool fail_type(const Path& at, std::string_view wanted, Element found);
  const std::optional<Error>& fault() const { return fault_; }

  // Start of a document: forgets the fault. Texts given by keep() stay until forget().
  void restart();
  void forget() { kept_.clear(); }
  Text keep(std::int64_t number);

  // Values. Lengths in bytes.
  bool text(Element value, const Path& at, std::size_t bytes_min, std::size_t bytes_max, Text& out) {
    return (value.get(out) == simdjson::SUCCESS && out.size() >= bytes_min && out.size() <= bytes_max) ||
           fail_text(value, at, bytes_max);
  }
  bool prose(Element value, const Path& at, Text& out);
  bool integer(Element value, const Path& at, std::int64_t min, std::int64_t max, std::int64_t& out);
  bool thousandths(Element value, const Path& at, std::int64_t& out);
  bool time(Element value, const Path& at, Time& out);
  bool version(Element value, const Path& at, Text& out);

  // Any value that nobody reads: no duplicate keys inside, not too deep.
  bool ignore(Element value, const Path& at);

  // Keys of the object being read that are not its fields: mark at its start, add each, then check that they are
  // distinct.
  std::size_t mark() const { return keys_.size(); }
  void add_key(Text key) { keys_.push_back(key); }
  bool distinct_since(std::size_t mark, const Path& at);

 private:
  [[gnu::cold]] bool fail_text(Element value, const Path& at, std::size_t bytes_max);

  std::optional<Error> fault_;
  Text last_time_text_;                    // of the document, with …
  Time last_time_{};                       // … what it says
  std::vector<Text> keys_;                 // a stack: objects being read, outermost first
  std::deque<std::array<char, 24>> kept_;  // integers as text
};

// Text for a message: at most 64 bytes, cut between characters.
std::string quoted(Text text);

// The reason of a key that stands twice.
std::string duplicate_key(Text key);

}  // namespace echoloop::codec
