// GET /api/v1/dead, /api/v1/dead/groups, /api/v1/dead/{id}. Replaying belongs to intake, which has the door.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "pipeline/serving/api.h"
#include "pipeline/serving/dead_letters.h"
#include "pipeline/serving/parameters.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

Result<DeadFilter> read_dead_filter(const http::Query& query) {
  DeadFilter filter{.state = state::DeadLetter::OPEN};
  for (auto [name, into] :
       {std::pair{"tenant", &filter.tenant}, {"adapter", &filter.adapter}, {"reason", &filter.reason}}) {
    if (auto asked = query.get(name); asked && !asked->empty()) *into = std::string(*asked);
  }
  auto before = time_parameter(query, "before", TimeZone{});
  if (!before) return tl::make_unexpected(before.error());
  filter.before = *before;
  if (auto asked = query.get("state")) {
    if (*asked == "all") {
      filter.state.reset();
    } else if (*asked == "replayed") {
      filter.state = state::DeadLetter::REPLAYED;
    } else if (*asked == "dropped") {
      filter.state = state::DeadLetter::DROPPED;
    } else if (*asked != "open") {
      return bad_input("state", fmt::format("'{}' is none of open, replayed, dropped, all", *asked));
    }
  }
  return filter;
}

http::Response groups(const http::Request& request, const Sources& sources) {
  auto filter = read_dead_filter(request.query);
  if (!filter) return refused(filter.error());
  auto cursor = cursor_parameter(request);
  if (!cursor) return refused(cursor.error());
  DeadGroups found;
  auto next = add_to_groups(*cursor, *filter, sources, found);
  if (!next) return refused(next.error());
  return http::json(
      200, text_of({{"items", groups_json(found)},
                    {"next_cursor", *next ? ordered_json(make_cursor(request, **next)) : ordered_json(nullptr)}}));
}

http::Response list_letters(const http::Request& request, const Sources& sources) {
  auto limit = limit_parameter(request.query);
  if (!limit) return refused(limit.error());
  auto cursor = cursor_parameter(request);
  if (!cursor) return refused(cursor.error());
  auto filter = read_dead_filter(request.query);
  if (!filter) return refused(filter.error());
  auto entries = list_dead(*cursor, *filter, *limit + 1, sources);
  if (!entries) return refused(entries.error());
  bool more = entries->size() > *limit;
  if (more) entries->resize(*limit);
  ordered_json items = ordered_json::array();
  for (const DeadEntry& entry : *entries) items.push_back(dead_json(entry));
  return http::json(200, text_of({{"items", items},
                                  {"next_cursor", more ? ordered_json(make_cursor(request, entries->back().id))
                                                       : ordered_json(nullptr)}}));
}

}  // namespace

void add_dead_routes(http::Router& router, const ApiParts& parts) {
  auto sources = parts.sources;
  router.add({.method = "GET",
              .path = "/api/v1/dead/groups",
              .parameters = {"tenant", "adapter", "reason", "before", "state", "cursor"}},
             [sources](const http::Request& request) { return groups(request, *sources); });
  router.add({.method = "GET",
              .path = "/api/v1/dead",
              .parameters = {"tenant", "adapter", "reason", "before", "state", "limit", "cursor"}},
             [sources](const http::Request& request) { return list_letters(request, *sources); });
  router.add({.method = "GET", .path = "/api/v1/dead/{id}", .parameters = {"tenant"}},
             [sources](const http::Request& request) {
               auto entry = find_dead(request.parts.at("id"), *sources);
               if (!entry) return refused(entry.error());
               if (!*entry || !is_for((*entry)->letter, request.query.get("tenant").value_or("")))
                 return http::problem(404, "Unknown dead letter",
                                      fmt::format("there is no dead letter '{}'", request.parts.at("id")));
               return http::json(200, text_of(dead_json(**entry)));
             });
}

}  // namespace echoloop::serving
