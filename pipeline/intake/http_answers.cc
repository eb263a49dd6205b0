#include "pipeline/intake/http_answers.h"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

namespace echoloop {

http::Response full_response() {
  auto response = http::problem(429, "Too much is waiting",
                                "the stages cannot keep up, with all tenants or with this one; nothing was "
                                "taken, send the same again later");
  response.headers.add("Retry-After", "1");
  return response;
}

http::Response broken_response(const Error& error) {
  spdlog::error("intake: {}", error.text());
  auto response = http::problem(503, "Log unavailable",
                                "nothing may be assumed durable; send the same again, duplicates are found");
  response.headers.add("Retry-After", "5");
  return response;
}

http::Response entered_response(const Result<Entered>& entered, const std::vector<std::string>& skipped) {
  if (!entered) return broken_response(entered.error());
  if (entered->full) return full_response();
  nlohmann::ordered_json body{{"accepted", entered->accepted}, {"rejected", nlohmann::ordered_json::array()}};
  for (const auto& one : entered->rejected) {
    body["rejected"].push_back({{"index", one.index}, {"where", one.where}, {"reason", one.reason}});
  }
  if (!skipped.empty()) body["skipped"] = skipped;
  // Reasons quote documents, which may hold anything. People read the answer on terminals.
  return http::json(202, body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

}  // namespace echoloop
