// Dead letters over HTTP, the side that writes: documents that an import elsewhere rejected, sending letters through
// again, dropping them. Reading them stands in pipeline/serving.
#pragma once

#include "pipeline/http/router.h"
#include "pipeline/intake/replay.h"

namespace echoloop {

// POST /api/v1/dead, POST /api/v1/dead/replay, POST /api/v1/dead/{id}/replay, DELETE /api/v1/dead/{id}. `rows`:
// committed rows of all shards; outlives the router, as the door does. What happened to a letter shows in them when the
// answer comes, so that the next request sees it; requests about one letter take turns.
void add_dead_routes(http::Router& router, Door& door, const stage::View& rows, const HookOptions& options,
                     const AwaitCommit& await = {});

}  // namespace echoloop
