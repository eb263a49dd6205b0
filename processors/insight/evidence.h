// Which sessions stand behind the windows of rules. Nearly every session is evidence for some rule and nearly no window
// ever fires, so writing must be cheap: a row of table evidence holds what one epoch changed in one window, and only
// who asks for a sample pays for putting them together.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/aggregates/cube.h"
#include "pipeline/base/hash.h"
#include "pipeline/stage/processor.h"

namespace echoloop::insight {

// Not thread-safe: one per processor.
class Evidence {
 public:
  // A session begins or ceases to be evidence; `key` as evidence_key() makes it.
  void change(std::string_view key, bool present);
  // Visits the windows that the epoch changed, once each: what stands in their keys, without a session.
  template <class Visit>
  void for_each_changed(const Visit& visit) const {
    for (const auto& [window, changes] : changes_) {
      if (auto parsed = aggregates::parse_evidence_window(window)) visit(*parsed);
    }
  }
  // Writes what the epoch changed. `number` rises from epoch to epoch.
  void end_epoch(std::uint64_t number, stage::Context& context);
  // The first sessions of a window by hash of their id, at most kSample_max. Everything changed must be written.
  static constexpr std::size_t kSample_max = 10;
  std::vector<std::string> sample(const std::string& window, stage::Context& context);

 private:
  using Session = std::pair<std::uint64_t, std::string>;  // hash, id
  // The first sessions of a window that was asked for. Some more than a sample, so that a few may leave.
  struct Kept {
    std::set<Session> first;
    bool all = true;  // there are no others
  };
  static constexpr std::size_t kKept_max = 64;
  static constexpr std::size_t kWindows_max = 2'000;  // some 5 KB each

  void follow(Kept& kept, Session session, bool present) const;
  static Kept read(const std::string& window, stage::Context& context);

  using Change = std::pair<std::string, bool>;                                                // session id, present
  absl::flat_hash_map<std::string, std::vector<Change>, TextHash, std::equal_to<>> changes_;  // of the epoch, by window
  absl::flat_hash_map<std::string, Kept, TextHash, std::equal_to<>> kept_;                    // by window
};

}  // namespace echoloop::insight
