// Whether a row of the store can be read back: what the stages and the answers would do with it. Pure; safe from any
// thread.
#pragma once

#include <string_view>
#include <vector>

#include "pipeline/stage/store.h"

namespace echoloop::program {

// Every table of the stages.
const std::vector<stage::Table>& tables();
std::string_view name_of(stage::Table table);

// The key and the value are what their table holds.
bool is_sound(stage::Table table, std::string_view key, std::string_view value);

}  // namespace echoloop::program
