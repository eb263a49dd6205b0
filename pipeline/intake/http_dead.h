// Dead letters over HTTP, the side that writes: documents that an import elsewhere rejected, sending letters through
// again, dropping them. Reading them stands in pipeline/serving.
#pragma once

#include "pipeline/http/router.h"
#include "pipeline/intake/http_hooks.h"
#include "pipeline/stage/store.h"

namespace echoloop {

// POST /api/v1/dead, POST /api/v1/dead/{id}/replay, DELETE /api/v1/dead/{id}. `rows`: committed rows of all shards;
// outlives the router, as the door does.
void add_dead_routes(http::Router& router, Door& door, const stage::View& rows, const HookOptions& options);

// What a replay came to, for the command line too. Errors: bad_input with where "404" or "409" (no such letter, no
// longer open), world.
struct Replayed {
  Entered entered;
  std::vector<std::string> skipped;
};
Result<Replayed> replay_dead(Door& door, const stage::View& rows, const HookOptions& options, const std::string& id);
Result<bool> drop_dead(Door& door, const stage::View& rows, const std::string& id);  // false: the log is full

}  // namespace echoloop
