// GET /api/v1/deliveries, /api/v1/deliveries/{id}; POST /api/v1/deliveries/{id}/redeliver
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pipeline/base/bytes.h"
#include "pipeline/serving/api.h"
#include "pipeline/serving/parameters.h"
#include "pipeline/serving/task_rows.h"
#include "schemas/state.pb.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

ordered_json time_or_null(std::int64_t ms) {
  return ms == 0 ? ordered_json(nullptr) : ordered_json(format_time(from_ms(ms)));
}

ordered_json delivery_json(const std::string& key, const state::Delivery& one, bool whole) {
  ordered_json out = {{"id", to_hex(key)},
                      {"endpoint", one.endpoint()},
                      {"events", std::vector<std::string>(one.events().begin(), one.events().end())},
                      {"tasks", std::vector<std::string>(one.tasks().begin(), one.tasks().end())},
                      {"told", one.word()},
                      {"attempt", one.attempt()},
                      {"at", time_or_null(one.at())},
                      {"ms", one.ms()},
                      {"outcome", one.outcome()},
                      {"status", one.status() == 0 ? ordered_json(nullptr) : ordered_json(one.status())},
                      {"error", one.error().empty() ? ordered_json(nullptr) : ordered_json(one.error())},
                      {"again_at", time_or_null(one.again_at())}};
  if (!whole) return out;
  out["headers"] = std::vector<std::string>(one.headers().begin(), one.headers().end());
  out["body"] = one.body();
  out["answer"] = one.answer();
  return out;
}

Result<bool> is_of(const std::string& tenant, const state::Delivery& one, const Sources& sources) {
  for (const std::string& id : one.tasks()) {
    auto task = find_task(tenant, id, sources);
    if (!task) return tl::make_unexpected(task.error());
    if (*task) return true;
  }
  return false;
}

std::optional<std::string> tenant_asked(const http::Request& request) {
  const auto tenant = request.query.get("tenant");
  return tenant ? std::optional{std::string(*tenant)} : std::nullopt;
}

struct Filter {
  std::vector<std::string> endpoints, outcomes;
  std::string task;

  // None: of all tenants. A digest of a week belongs to no task, and so to none of them.
  std::optional<std::string> tenant;

  Result<bool> matches(const state::Delivery& one, const Sources& sources) const {
    if (!matches(one)) return false;
    if (!tenant) return true;
    return is_of(*tenant, one, sources);
  }
  bool matches(const state::Delivery& one) const {
    const auto among = [](const std::vector<std::string>& list, const std::string& value) {
      return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
    };
    return among(endpoints, one.endpoint()) && among(outcomes, one.outcome()) &&
           (task.empty() || std::find(one.tasks().begin(), one.tasks().end(), task) != one.tasks().end());
  }
};

// Endpoints that have told anything, in the order of their keys.
Result<std::vector<std::string>> endpoints_in_log(const Sources& sources) {
  std::vector<std::string> out;
  std::string from;
  while (true) {
    std::string found;
    auto scanned =
        sources.rows->scan(stage::Table::delivery_log, 0, from, "", [&](std::string_view key, std::string_view) {
          found = KeyReader{key}.text();
          return false;
        });
    if (!scanned) return tl::make_unexpected(scanned.error());
    if (found.empty()) return out;
    from.clear();
    put_key_text(from, found);
    out.push_back(std::move(found));
    auto next = prefix_end(from);
    if (!next) return out;
    from = *next;
  }
}

// Rows that one answer looks at: a filter that few match is answered in pieces.
constexpr std::size_t kLooked_at_max = 20'000;

http::Response list_deliveries(const http::Request& request, const Sources& sources) {
  auto limit = limit_parameter(request.query);
  if (!limit) return refused(limit.error());
  auto cursor = cursor_parameter(request);
  if (!cursor) return refused(cursor.error());
  const Filter filter{request.query.list("endpoint"), words_parameter(request.query, "outcome"),
                      std::string(request.query.get("task").value_or("")), tenant_asked(request)};
  auto endpoints =
      filter.endpoints.empty() ? endpoints_in_log(sources) : Result<std::vector<std::string>>{filter.endpoints};
  if (!endpoints) return refused(endpoints.error());
  std::vector<std::string> prefixes;
  for (const std::string& endpoint : *endpoints) put_key_text(prefixes.emplace_back(), endpoint);
  std::sort(prefixes.begin(), prefixes.end());
  prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());
  ordered_json items = ordered_json::array();
  std::string last;
  std::size_t looked_at = 0;
  bool more = false;
  std::optional<Error> failure;
  // By endpoint, of each newest first.
  for (const std::string& prefix : prefixes) {
    const std::string end = prefix_end(prefix).value_or("");
    if (more || (*cursor && !end.empty() && **cursor >= end)) continue;
    auto scanned = sources.rows->scan(stage::Table::delivery_log, 0, std::max(prefix, cursor->value_or("")), end,
                                      [&](std::string_view key, std::string_view value) {
                                        if (*cursor && key == **cursor) return true;
                                        more = items.size() == *limit || looked_at == kLooked_at_max;
                                        if (more) return false;
                                        ++looked_at;
                                        last = std::string(key);
                                        state::Delivery one;
                                        if (!one.ParseFromArray(value.data(), static_cast<int>(value.size())))
                                          return true;
                                        auto matches = filter.matches(one, sources);
                                        if (!matches) return failure = matches.error(), false;
                                        if (*matches) items.push_back(delivery_json(last, one, false));
                                        return true;
                                      });
    if (!scanned) return refused(scanned.error());
    if (failure) return refused(*failure);
  }
  return http::json(
      200, text_of({{"items", items},
                    {"next_cursor", more ? ordered_json(make_cursor(request, last)) : ordered_json(nullptr)}}));
}

http::Response no_such_delivery(const http::Request& request) {
  return http::problem(404, "Unknown delivery", fmt::format("there is no delivery '{}'", request.parts.at("id")));
}

Result<std::optional<std::pair<std::string, state::Delivery>>> find(const http::Request& request,
                                                                    const Sources& sources) {
  using Found = std::optional<std::pair<std::string, state::Delivery>>;
  const auto key = from_hex(request.parts.at("id"));
  if (!key) return Found{};
  auto row = sources.rows->get(stage::Table::delivery_log, 0, *key);
  if (!row) return tl::make_unexpected(row.error());
  state::Delivery one;
  if (!*row || !one.ParseFromString(**row)) return Found{};
  if (const auto tenant = tenant_asked(request)) {
    auto of_tenant = is_of(*tenant, one, sources);
    if (!of_tenant) return tl::make_unexpected(of_tenant.error());
    if (!*of_tenant) return Found{};
  }
  return Found{{*key, std::move(one)}};
}

http::Response redeliver(const http::Request& request, const ApiParts& parts) {
  auto found = find(request, *parts.sources);
  if (!found) return refused(found.error());
  if (!*found) return no_such_delivery(request);
  auto asked = parts.redeliver((*found)->second);
  if (!asked) return refused(asked.error());
  if (!*asked)
    return http::problem(409, "Endpoint is gone",
                         fmt::format("endpoint '{}' is not in organisation.yaml", (*found)->second.endpoint()));
  return http::json(202, R"({"told":"again"})");
}

}  // namespace

void add_delivery_routes(http::Router& router, const ApiParts& parts) {
  auto sources = parts.sources;
  router.add({.method = "GET",
              .path = "/api/v1/deliveries",
              .parameters = {"endpoint", "outcome", "task", "tenant", "limit", "cursor"},
              .lists = {"endpoint", "outcome"}},
             [sources](const http::Request& request) { return list_deliveries(request, *sources); });
  router.add({.method = "GET", .path = "/api/v1/deliveries/{id}", .parameters = {"tenant"}},
             [sources](const http::Request& request) {
               auto found = find(request, *sources);
               if (!found) return refused(found.error());
               return *found ? http::json(200, text_of(delivery_json((*found)->first, (*found)->second, true)))
                             : no_such_delivery(request);
             });
  router.add({.method = "POST", .path = "/api/v1/deliveries/{id}/redeliver", .parameters = {"tenant"}},
             [parts](const http::Request& request) { return redeliver(request, parts); });
}

}  // namespace echoloop::serving
