// Dead letters over HTTP, the side that writes: documents that an import elsewhere rejected, sending letters through
// again, dropping them. Reading them stands in pipeline/serving.
#pragma once

#include "pipeline/http/router.h"
#include "pipeline/intake/http_hooks.h"
#include "pipeline/stage/store.h"

namespace echoloop {

// Waits until `ready`, asked again after each commit, says yes, or for long enough. Empty: nothing is awaited.
using AwaitCommit = std::function<void(const std::function<bool()>& ready)>;

// POST /api/v1/dead, POST /api/v1/dead/{id}/replay, DELETE /api/v1/dead/{id}. `rows`: committed rows of all shards;
// outlives the router, as the door does. What happened to a letter shows in them when the answer comes, so that the
// next request sees it; requests about one letter take turns.
void add_dead_routes(http::Router& router, Door& door, const stage::View& rows, const HookOptions& options,
                     const AwaitCommit& await = {});

// What a replay came to, for the command line too. Errors: bad_input with where "404" or "409" (no such letter, no
// longer open), world.
struct Replayed {
  Entered entered;
  std::vector<std::string> skipped;
};
Result<Replayed> replay_dead(Door& door, const stage::View& rows, const HookOptions& options, const std::string& id,
                             const AwaitCommit& await);
// Answers false when the log is full.
Result<bool> drop_dead(Door& door, const stage::View& rows, const std::string& id, const AwaitCommit& await);

}  // namespace echoloop
