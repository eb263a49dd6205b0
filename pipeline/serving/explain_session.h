// Where a session stands: what each of its events came to and why, what it adds to which rows of the cube now, and the
// tasks that rest on it (F39). Read only; safe from any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "pipeline/http/message.h"
#include "pipeline/serving/sources.h"
#include "schemas/session.h"

namespace echoloop::serving {

struct FoundSession {
  std::string tenant, session_id;
  Arena arena;  // of the row
  state::Session row;
};

// By id, in the tenant asked for, else in the only one that has such a session; none: there is none. Error (bad_input):
// several tenants have one.
Result<std::optional<FoundSession>> find_session(const http::Query& query, const std::string& session_id,
                                                 const Sources& sources);

// What session_json has, with `state`, `why` and `late` at each event, and `adds` and `tasks` behind it.
Result<nlohmann::ordered_json> explain_session(const FoundSession& found, const Sources& sources, const Domain& domain);

}  // namespace echoloop::serving
