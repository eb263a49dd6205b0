// The rows of one table that a shard changed in this epoch. Found by hash, because the hot path puts and gets them one
// by one; put in order once, when somebody scans or the epoch ends.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/hash.h"

namespace echoloop::engine {

// Not thread-safe.
class Changes {
 public:
  struct Change {
    std::string key;
    std::optional<std::string> value;  // nothing: erased
  };

  const Change* find(std::string_view key) const;
  void set(std::string_view key, std::optional<std::string> value);

  // The first change at or behind `from`, by key, on the way to end(). Valid until the next new key or clear().
  std::vector<const Change*>::const_iterator lower_bound(std::string_view from);
  std::vector<const Change*>::const_iterator end() const { return sorted_.end(); }
  // All of them by key, to be moved from.
  std::vector<Change*> take();
  void clear();

 private:
  void sort();

  std::deque<Change> changes_;
  absl::flat_hash_map<std::string_view, Change*, TextHash, std::equal_to<>> by_key_;
  std::vector<const Change*> sorted_;  // all of them once they were asked for, until a new one comes
};

}  // namespace echoloop::engine
