// Dead letters for reading: the list, one letter, their JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/serving/sources.h"
#include "schemas/state.pb.h"

namespace echoloop::serving {

struct DeadEntry {
  std::string id;
  int shard = 0;
  state::DeadLetter letter;
};

// "<shard>-<offset>"; none: not such an id, or no such letter.
Result<std::optional<DeadEntry>> find_dead(const std::string& id, const Sources& sources);

// Which letters: of one state, and of one tenant (a letter whose tenant is not known belongs to none).
struct DeadFilter {
  std::optional<state::DeadLetter::State> state{};
  std::optional<std::string> tenant{};
  bool matches(const state::DeadLetter& letter) const;
};

// Letters by shard and id from after `after` on.
Result<std::vector<DeadEntry>> list_dead(const std::optional<std::string>& after, const DeadFilter& filter,
                                         std::size_t limit, const Sources& sources);

nlohmann::ordered_json dead_json(const DeadEntry& entry);

}  // namespace echoloop::serving
