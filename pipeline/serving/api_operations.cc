// GET /metrics, /livez, /readyz, POST /api/v1/config/reload
#include <nlohmann/json.hpp>

#include "pipeline/serving/api.h"
#include "pipeline/serving/parameters.h"

namespace echoloop::serving {
namespace {

http::Response plain(int status, std::string text) {
  http::Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(text);
  return response;
}

}  // namespace

void add_operation_routes(http::Router& router, const ApiParts& parts) {
  router.add({.method = "GET", .path = "/livez", .run_on = http::RunOn::io_thread},
             [](const http::Request&) { return plain(200, "alive\n"); });
  router.add({.method = "GET", .path = "/readyz"}, [parts](const http::Request&) {
    if (auto trouble = parts.trouble()) return plain(503, *trouble + "\n");
    return parts.caught_up() ? plain(200, "ready\n") : plain(503, "catching up\n");
  });
  router.add({.method = "GET", .path = "/metrics"}, [parts](const http::Request&) {
    http::Response response = plain(200, parts.prometheus());
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  });
  router.add({.method = "POST", .path = "/api/v1/config/reload", .body_types = {"*/*"}}, [parts](const http::Request&) {
    auto reloaded = parts.reload();
    if (!reloaded) return http::problem(422, "Invalid configuration", reloaded.error().text());
    nlohmann::ordered_json answer{{"result", *reloaded}};
    for (const auto& [name, said] : parts.reload_others())
      answer["members"][name] = {{said ? "result" : "error", said ? *said : said.error().text()}};
    return http::json(200, answer.dump());
  });
}

}  // namespace echoloop::serving
