// Dead letters for reading: the list, one letter, groups of what one mend would help, their JSON.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "pipeline/serving/sources.h"
#include "schemas/dead_letter.h"

namespace echoloop::serving {

struct DeadEntry {
  std::string id;
  int shard = 0;
  state::DeadLetter letter;
};

// "<shard>-<offset>"; none: not such an id, or no such letter.
Result<std::optional<DeadEntry>> find_dead(const std::string& id, const Sources& sources);

// Letters by shard and id from after `after` on.
Result<std::vector<DeadEntry>> list_dead(const std::optional<std::string>& after, const DeadFilter& filter,
                                         std::size_t limit, const Sources& sources);

nlohmann::ordered_json dead_json(const DeadEntry& entry);

// Letters by what is wrong (fault_of), adapter and tenant.
struct DeadGroup {
  std::int64_t count = 0;
  std::int64_t first_seen_ms = 0, last_seen_ms = 0;  // received
  std::string example_id, example_reason;            // of the one received last
};
using DeadGroups = std::map<std::tuple<std::string, std::string, std::string>, DeadGroup>;

// Letters that one call looks at.
inline constexpr std::size_t kGroupedLetters_max = 200'000;
// Adds the letters from after `after` on to the groups; answers the letter to go on after, where there are more.
Result<std::optional<std::string>> add_to_groups(const std::optional<std::string>& after, const DeadFilter& filter,
                                                 const Sources& sources, DeadGroups& groups);
// The same of an array that groups_json has made, on a server say.
void add_groups(const nlohmann::ordered_json& items, DeadGroups& groups);
// An array, the most frequent first.
nlohmann::ordered_json groups_json(const DeadGroups& groups);

}  // namespace echoloop::serving
