// Counting: brings what a session adds to the aggregates in line with what it now says: − what was added + what now
// holds.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/aggregates/delta.h"
#include "pipeline/aggregates/metric.h"
#include "pipeline/stage/processor.h"
#include "processors/sessions/contribution.h"
#include "schemas/domain.h"
#include "schemas/session.h"

namespace echoloop::sessions {

// Sums the deltas of an epoch and sends them packed. One per shard.
class CountingBook {
 public:
  // `before` or `after` may be null: nothing was counted, or nothing is to be. `counting` are the rules that `after`
  // was made by.
  void change(std::string_view tenant, std::string_view session_id, const state::Facts* before,
              const state::Facts* after, const Counting& counting, const std::shared_ptr<const Domain>& domain,
              stage::Context& context);
  // Emits and forgets the sums.
  void flush(stage::Context& context);

 private:
  struct Watcher {
    const ThresholdRule* rule;
    const aggregates::MetricSpec* metric;
  };
  // What the counting rules of some hash come down to, as long as anything is counted by them.
  struct Rules {
    std::vector<DimensionSet> sets;
    std::map<std::string, TimeZone, std::less<>> zones;  // by tenant; UTC for others

    // Made from the sets, one for each.
    std::vector<SetPlan> plans;
    std::vector<std::uint32_t> numbers;          // of its name in the packer
    std::vector<std::vector<Watcher>> watchers;  // thresholds that look at it

    const TimeZone& zone_of(std::string_view tenant) const;
    void make_ready(const Domain& domain, aggregates::DeltaPacker& packer);
  };
  const Rules& rules_of(std::uint64_t hash, stage::Context& context);
  void read_rules(std::uint64_t hash, Rules& rules, stage::Context& context);
  void keep_rules(const Counting& counting, stage::Context& context);
  void add(std::string_view tenant, std::string_view session_id, const state::Facts& facts, int sign,
           const Rules& rules);
  std::uint32_t window_of(const ThresholdRule& rule, std::string_view tenant, const Rules& rules, std::size_t set,
                          std::span<const Value> values, std::int64_t bucket_ms);

  aggregates::DeltaPacker packer_;
  std::vector<std::uint32_t> gains_;  // in the packer, of the session under way, by number
  // Windows of evidence that cells stand in, in the packer; none where the rule does not look.
  absl::flat_hash_map<std::pair<const Watcher*, std::uint32_t>, std::uint32_t> windows_;
  std::map<std::uint64_t, Rules> rules_;  // by their hash; rows of table `counting`
  std::shared_ptr<const Domain> domain_;  // the configuration that their watchers come from
};

}  // namespace echoloop::sessions
