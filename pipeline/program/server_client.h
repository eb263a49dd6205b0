// A running server, asked over HTTP (libcurl). Blocking; one thread each.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"

namespace echoloop::program {

struct ServerAnswer {
  int status = 0;
  std::string body;
};

// `method` GET, POST or DELETE; `path` with its query. Error (world): no answer.
Result<ServerAnswer> ask_server(const std::string& server, const std::string& method, const std::string& path,
                                const std::string& body = {}, const std::string& type = "application/json");

// GET; hands the body on piece by piece as it comes, so that its size does not matter. Errors: bad_input with what the
// server says when it refuses the question (400, 404, 422); world when there is no answer, or not a whole one.
Result<void> copy_from_server(const std::string& server, const std::string& path,
                              const std::function<void(std::string_view)>& take);

// Percent-encoded, for a segment of a path or a value of a query.
std::string url_escaped(std::string_view text);

// One value of GET /metrics, for example "echoloop_events_total{outcome=\"duplicate\"}"; 0 where it is absent.
Result<std::int64_t> server_metric(const std::string& server, std::string_view series);

// Waits until /readyz says that everything has been processed.
Result<void> wait_ready(const std::string& server);

}  // namespace echoloop::program
