#include "pipeline/intake/http_events.h"

#include <algorithm>

#include "pipeline/intake/http_answers.h"

namespace echoloop {
namespace {

constexpr std::string_view kBatch = "application/cloudevents-batch+json";
constexpr std::string_view kLines = "application/x-ndjson";
constexpr std::string_view kJson = "application/json";

constexpr std::string_view kBlank = " \t\r\n";

// A body that cannot be taken apart is kept whole, as one rejected document.
http::Response undecodable(Door& door, const http::Request& request, const Origin& origin, const Error& error) {
  Refused kept{request.body, error.where, error.reason, "", ""};
  auto done = door.reject({&kept, 1}, origin);
  if (!done) return broken_response(done.error());
  if (!*done) return full_response();
  return http::problem(400, "Undecodable body", error.text(), {{error.where, "undecodable", ""}});
}

http::Response enter_one(Door& door, const http::Request& request, const Origin& origin) {
  std::string_view document = request.body;
  auto entered = door.enter({&document, 1}, origin);
  // The codec says "byte 17" only where the text is no JSON at all; the door has kept it already.
  bool undecoded = entered && !entered->rejected.empty() && entered->rejected.front().where.starts_with("byte ");
  if (!undecoded) return entered_response(entered);
  const auto& rejection = entered->rejected.front();
  return http::problem(400, "Undecodable body", rejection.where + ": " + rejection.reason,
                       {{rejection.where, "undecodable", ""}});
}

http::Response enter_batch(Door& door, const http::Request& request, const Origin& origin) {
  auto entered = door.enter_batch(request.body, origin);
  if (!entered && entered.error().fault == Fault::bad_input) return undecodable(door, request, origin, entered.error());
  return entered_response(entered);
}

http::Response enter_binary(Door& door, const http::Request& request, const Origin& origin) {
  auto attribute = [&request](std::string_view name) -> std::optional<std::string> {
    auto value = request.headers.get(name);
    if (!value) return std::nullopt;
    // Header values of CloudEvents are percent-encoded where they leave printable ASCII (HTTP protocol
    // binding 1.0.2, 3.1.3.2).
    return http::percent_decode(*value, false).value_or(std::string(*value));
  };
  auto specversion = attribute("ce-specversion"), type = attribute("ce-type"), source = attribute("ce-source"),
       id = attribute("ce-id");
  auto subject = attribute("ce-subject"), time = attribute("ce-time");
  Attributes attributes{specversion, type, source, id, subject, time};
  return entered_response(door.enter_binary(attributes, request.body, origin));
}

http::Response post_events(Door& door, http::Request request) {
  if (request.body.starts_with("\xEF\xBB\xBF")) request.body.erase(0, 3);
  auto age = request.query.get("age");
  if (age && *age != "any") {
    return http::problem(400, "Invalid parameter", "age may be 'any': a backfill, to which retention does not apply",
                         {{"/query/age", "invalid", std::string(*age)}});
  }
  auto refused = request.query.get("refused");
  if (refused && *refused != "told") {
    return http::problem(400, "Invalid parameter",
                         "refused may be 'told': events of a batch that are refused are not kept",
                         {{"/query/refused", "invalid", std::string(*refused)}});
  }
  Origin origin{"http", "", "", age.has_value(), !refused.has_value()};
  auto begin = request.body.find_first_not_of(kBlank);
  if (begin == std::string::npos) return http::problem(400, "Undecodable body", "the body is empty");
  const auto& type = request.content_type;
  if (type == kLines) return entered_response(door.enter_lines(request.body, origin));
  if (type == kBatch) return enter_batch(door, request, origin);
  if (type == kJson && request.headers.get("ce-specversion")) return enter_binary(door, request, origin);
  if (type == kJson && request.body[begin] == '[') return enter_batch(door, request, origin);
  return enter_one(door, request, origin);
}

}  // namespace

void add_event_routes(http::Router& router, Door& door) {
  http::Operation operation{.method = "POST", .path = "/api/v1/events", .parameters = {"age", "refused"}};
  operation.body_types = {std::string(kJson), "application/cloudevents+json", std::string(kBatch), std::string(kLines)};
  router.add(std::move(operation), [&door](const http::Request& request) { return post_events(door, request); });
}

}  // namespace echoloop
