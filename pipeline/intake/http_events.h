// POST /api/v1/events: canonical events over HTTP, structured, in batches, as lines, or in binary mode.
#pragma once

#include "pipeline/http/router.h"
#include "pipeline/intake/door.h"

namespace echoloop {

// The door must outlive the router.
void add_event_routes(http::Router& router, Door& door);

}  // namespace echoloop
