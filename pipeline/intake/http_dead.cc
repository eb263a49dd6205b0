#include "pipeline/intake/http_dead.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "pipeline/intake/http_answers.h"
#include "pipeline/intake/shallow_json.h"
#include "schemas/state.pb.h"

namespace echoloop {
namespace {

http::Response refused(const Error& error) {
  if (error.where == kNo_letter) return http::problem(404, "Not found", error.reason);
  if (error.where == kSettled_letter) return http::problem(409, "Already settled", error.reason);
  return broken_response(error);
}

// One line of POST /api/v1/dead.
struct Line {
  std::string document, where, reason, adapter, tenant;
};

Result<Line> read_line(std::string_view text) {
  auto parsed = parse_shallow_json(text);
  if (!parsed) return tl::make_unexpected(parsed.error());
  const auto& json = *parsed;
  if (!json.is_object()) return bad_input("", "not a JSON object");
  Line line;
  auto read = [&json](const char* name, std::string& into) {
    auto found = json.find(name);
    if (found == json.end() || found->is_null()) return true;
    if (!found->is_string()) return false;
    into = found->get<std::string>();
    return true;
  };
  for (auto [name, into] : {std::pair{"where", &line.where},
                            {"reason", &line.reason},
                            {"adapter", &line.adapter},
                            {"tenant", &line.tenant}}) {
    if (!read(name, *into)) return bad_input(fmt::format("/{}", name), "must be a string");
  }
  auto document = json.find("document");
  if (document == json.end()) return bad_input("/document", "is missing");
  line.document = document->is_string() ? document->get<std::string>() : document->dump();
  if (line.reason.empty()) return bad_input("/reason", "is missing");
  return line;
}

http::Response post_dead(Door& door, const http::Request& request) {
  std::deque<Line> lines;
  std::vector<Refused> refused_documents;
  Entered entered;
  std::size_t index = 0;
  for_each_line(request.body, [&](std::size_t, std::string_view text) {
    auto line = read_line(text);
    if (!line) {
      entered.rejected.push_back({index, line.error().where, line.error().reason});
    } else {
      const auto& kept = lines.emplace_back(std::move(*line));
      refused_documents.push_back({kept.document, kept.where, kept.reason, kept.adapter, kept.tenant});
    }
    ++index;
  });
  // A line that is none is the sender's fault and was never a document: it is told, not kept.
  auto done = door.reject(refused_documents, Origin{"import", "", "", false});
  if (!done) return broken_response(done.error());
  if (!*done) return full_response();
  entered.accepted = refused_documents.size();
  return entered_response(entered);
}

std::string_view tenant_asked(const http::Request& request) { return request.query.get("tenant").value_or(""); }

http::Response post_replay(Replay& replay, const http::Request& request) {
  auto replayed = replay.one(request.parts.at("id"), tenant_asked(request));
  if (!replayed) return refused(replayed.error());
  return entered_response(std::move(replayed->entered), replayed->skipped);
}

http::Response delete_dead(Replay& replay, const http::Request& request) {
  auto dropped = replay.drop(request.parts.at("id"), tenant_asked(request));
  if (!dropped) return refused(dropped.error());
  if (!*dropped) return full_response();
  http::Response response;
  response.status = 204;
  return response;
}

constexpr const char* kFilters[] = {"tenant", "adapter", "reason", "before", "limit", "cursor"};

http::Response invalid(const std::string& name, const std::string& why) {
  return http::problem(400, "Invalid request", name + ": " + why, {{"/query/" + name, "invalid", ""}});
}

// Which letters: parameters, and members of a JSON body of the same names.
using Question = std::map<std::string, std::string, std::less<>>;

Result<Question> read_question(const http::Request& request) {
  Question out;
  for (const auto& [name, value] : request.query.items()) out.emplace(name, value);
  if (request.body.empty()) return out;
  auto parsed = parse_shallow_json(request.body);
  if (!parsed) return bad_input("body", parsed.error().reason);
  const auto& body = *parsed;
  if (!body.is_object()) return bad_input("body", "is no JSON object");
  for (const auto& [name, value] : body.items()) {
    if (std::find(std::begin(kFilters), std::end(kFilters), name) == std::end(kFilters))
      return bad_input(name, fmt::format("is none of {}", fmt::join(kFilters, ", ")));
    if (value.is_null()) continue;
    if (!value.is_string() && !value.is_number_unsigned()) return bad_input(name, "is no text");
    if (!out.emplace(name, value.is_string() ? value.get<std::string>() : value.dump()).second)
      return bad_input(name, "stands twice");
  }
  return out;
}

struct Bulk {
  DeadFilter filter;
  std::optional<std::string> after;
  std::size_t limit = 50;
};

Result<Bulk> read_bulk(const http::Request& request) {
  auto question = read_question(request);
  if (!question) return tl::make_unexpected(question.error());
  const auto given = [&](const char* name) -> std::optional<std::string> {
    auto found = question->find(name);
    return found == question->end() || found->second.empty() ? std::nullopt : std::optional(found->second);
  };
  Bulk out;
  out.filter.tenant = given("tenant");
  out.filter.adapter = given("adapter");
  out.filter.reason = given("reason");
  if (auto before = given("before")) {
    auto day = before->size() == 10 ? parse_date(*before) : Result<std::int64_t>{tl::make_unexpected(Error{})};
    auto time = day ? Result<Time>(from_ms(*day * kDay_ms)) : parse_time(http::time_parameter(*before));
    if (!time) return bad_input("before", time.error().reason);
    out.filter.before = *time;
  }
  if (auto limit = given("limit")) {
    auto [end, failure] = std::from_chars(limit->data(), limit->data() + limit->size(), out.limit);
    if (failure != std::errc{} || end != limit->data() + limit->size() || out.limit == 0)
      return bad_input("limit", fmt::format("'{}' is not a number above 0", *limit));
  }
  out.after = given("cursor");
  return out;
}

http::Response post_replay_many(Replay& replay, const http::Request& request) {
  auto bulk = read_bulk(request);
  if (!bulk) return invalid(bulk.error().where, bulk.error().reason);
  auto page = replay.many(bulk->filter, bulk->after, bulk->limit);
  if (!page && page.error().fault == Fault::bad_input) return invalid(page.error().where, page.error().reason);
  if (!page) return broken_response(page.error());
  if (page->full && page->replayed + page->failed == 0) return full_response();
  nlohmann::ordered_json failures = nlohmann::ordered_json::array();
  for (const auto& one : page->failures)
    failures.push_back({{"id", one.id}, {"where", one.where}, {"reason", one.reason}});
  nlohmann::ordered_json out = {{"replayed", page->replayed},
                                {"failed", page->failed},
                                {"accepted", page->accepted},
                                {"skipped", page->skipped},
                                {"failures", failures}};
  out["next_cursor"] = page->next ? nlohmann::ordered_json(*page->next) : nlohmann::ordered_json(nullptr);
  return http::json(200, out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

void add_dead_routes(http::Router& router, Door& door, const stage::View& rows, const HookOptions& options,
                     const AwaitCommit& await) {
  http::Operation keep{.method = "POST", .path = "/api/v1/dead"};
  keep.body_types = {"application/x-ndjson"};
  router.add(std::move(keep), [&door](const http::Request& request) { return post_dead(door, request); });
  auto replay = std::make_shared<Replay>(door, rows, options, await);
  http::Operation many{.method = "POST", .path = "/api/v1/dead/replay"};
  many.parameters.assign(std::begin(kFilters), std::end(kFilters));
  many.body_types = {"application/json"};
  router.add(std::move(many), [replay](const http::Request& request) { return post_replay_many(*replay, request); });
  router.add({.method = "POST", .path = "/api/v1/dead/{id}/replay", .parameters = {"tenant"}},
             [replay](const http::Request& request) { return post_replay(*replay, request); });
  router.add({.method = "DELETE", .path = "/api/v1/dead/{id}", .parameters = {"tenant"}},
             [replay](const http::Request& request) { return delete_dead(*replay, request); });
}

}  // namespace echoloop
