// What one session adds to the cube now, and the tasks that rest on it. Read only; safe from any thread.
#pragma once

#include <nlohmann/json.hpp>

#include "pipeline/serving/explain_session.h"

namespace echoloop::serving {

struct SessionCells {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();   // as `export aggregates` prints a row of it alone
  nlohmann::ordered_json tasks = nlohmann::ordered_json::array();  // {id, rule, because}
  nlohmann::ordered_json notes = nlohmann::ordered_json::array();  // what cannot be said, and why
};
Result<SessionCells> cells_of(const FoundSession& found, const Sources& sources, const Domain& domain);

}  // namespace echoloop::serving
