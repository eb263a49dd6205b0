// GET /metrics: the durable counters of every stage, the state of log and server, in Prometheus' text format. Never a
// label with a customer or a session.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "pipeline/http/server.h"
#include "pipeline/program/pipeline.h"

namespace echoloop::program {

// `unsigned_hooks`: those of this process, by adapter.
std::string prometheus_text(Pipeline& pipeline, const http::ServerStats& server, bool reload_succeeded,
                            const std::map<std::string, std::int64_t>& unsigned_hooks);

}  // namespace echoloop::program
