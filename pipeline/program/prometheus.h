// GET /metrics: the durable counters of every stage, the state of log and server, in Prometheus' text format. Never a
// label with a customer or a session.
#pragma once

#include <string>

#include "pipeline/http/server.h"
#include "pipeline/program/embedded.h"

namespace echoloop::program {

std::string prometheus_text(Embedded& embedded, const http::ServerStats& server, bool reload_succeeded);

}  // namespace echoloop::program
