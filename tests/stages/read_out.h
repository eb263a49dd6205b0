// What committed rows of the stages say, of all shards of a view. Throws std::runtime_error for rows that cannot be
// read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/stage/store.h"
#include "schemas/state.pb.h"

namespace echoloop::stages {

std::vector<std::pair<std::string, std::string>> rows_of(const stage::View& view, int shards, stage::Table table);
// Canonical lines, as `export aggregates` prints them, sorted.
std::vector<std::string> aggregates_of(const stage::View& view, int shards);
// By tenant, rule, scope, id.
std::vector<state::Task> tasks_of(const stage::View& view, int shards);
// What of the tasks is a function of the final state, a line each.
std::vector<std::string> live_tasks(const std::vector<state::Task>& tasks);
// Summed over shards; without stage times.
std::map<std::string, std::int64_t> counters_of(const stage::View& view, int shards);

}  // namespace echoloop::stages
