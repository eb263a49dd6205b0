// The feedback list: sessions with evaluations, newest first, from the index of every shard.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "pipeline/base/bytes.h"
#include "pipeline/serving/session_answer.h"
#include "pipeline/text/normalise.h"
#include "processors/sessions/contribution.h"
#include "processors/sessions/history.h"
#include "processors/sessions/sessions.h"

namespace echoloop::serving {
namespace {

// Index rows that one request looks at in each shard before it hands out what it has, so that a rare filter cannot run
// for minutes.
constexpr std::size_t kLookedAt_max = 50'000;

bool has_dimensions(const Filters& filters, const state::Session& row) {
  for (const auto& [name, allowed] : filters) {
    bool found = false;
    const sessions::SetPlan plan{DimensionSet{name}};
    sessions::contribute(
        row.facts, {&plan, 1}, [](std::string_view) { return 0; },
        // clang 14 captures no parts of a structured binding
        [&, &wanted = allowed](std::size_t, std::span<const sessions::Value> values, const sessions::Gained& gained) {
          found = found || (gained.measures.sessions() > 0 && wanted.contains(std::string(values[0].text)));
        });
    if (!found) return false;
  }
  return true;
}

bool matches(const FeedbackQuery& query, const state::Session& row) {
  static constexpr const char* kResolved[] = {"unanswered", "yes", "no"};
  if (query.resolved && *query.resolved != kResolved[row.facts.customer_resolution]) return false;
  auto stands = sessions::standing(row);
  const auto any = [&](auto condition) { return std::any_of(stands.begin(), stands.end(), condition); };
  if (query.score && !any([&](const auto* e) { return e->has_score && e->score == *query.score; })) return false;
  if (query.has_comment && *query.has_comment != any([](const auto* e) { return !e->comment.empty(); })) return false;
  if (query.text &&
      !any([&](const auto* e) { return normalise_comment(e->comment).find(*query.text) != std::string::npos; }))
    return false;
  return has_dimensions(query.filters, row);
}

struct Found {
  std::string key;  // of the index
  nlohmann::ordered_json item;
};

struct ShardPage {
  std::vector<Found> found;
  std::optional<std::string> stopped_at;  // looked at this key last, and there may be more
};

Result<ShardPage> page_of_shard(int shard, const FeedbackQuery& query, const Sources& sources) {
  Arena arena;  // of the row under way
  std::string tenant;
  put_key_text(tenant, query.tenant);
  // The index runs from new to old: `to` (exclusive) is where it begins, `from` (inclusive) where it ends.
  // Nothing was submitted before 1970, and keys know no such time.
  if (query.to && to_ms(*query.to) <= 0) return ShardPage{};
  std::string begin = query.to ? sessions::feedback_key(query.tenant, to_ms(*query.to) - 1, "") : tenant;
  if (begin.size() > tenant.size()) begin.resize(begin.size() - 2);  // without the end mark of the empty session id
  if (query.after) begin = std::max(begin, *query.after + '\0');
  std::string end = prefix_end(tenant).value_or("");
  if (query.from && to_ms(*query.from) > 0) {
    end = sessions::feedback_key(query.tenant, to_ms(*query.from) - 1, "");
    end.resize(end.size() - 2);
  }
  ShardPage page;
  std::size_t looked_at = 0;
  Result<void> trouble;
  auto scanned =
      sources.rows->scan(stage::Table::feedback_index, shard, begin, end, [&](std::string_view key, std::string_view) {
        KeyReader reader{key};
        reader.text();
        reader.time_ms();
        std::string session_id = reader.text();
        auto bytes = sources.rows->get(stage::Table::sessions, shard, sessions::session_key(query.tenant, session_id));
        if (!bytes) {
          trouble = tl::make_unexpected(bytes.error());
          return false;
        }
        arena.reset();
        state::Session row;
        if (*bytes && state::parse(**bytes, arena, row) && row.close && matches(query, row)) {
          page.found.push_back({std::string(key), feedback_json(query.tenant, session_id, row)});
        }
        bool full = page.found.size() >= query.limit || ++looked_at >= kLookedAt_max;
        if (full) page.stopped_at = std::string(key);
        return !full;
      });
  if (!scanned) return tl::make_unexpected(scanned.error());
  if (!trouble) return tl::make_unexpected(trouble.error());
  return page;
}

}  // namespace

Result<FeedbackQuery> read_feedback_query(const http::Request& request, const Domain& domain) {
  const http::Query& query = request.query;
  FeedbackQuery out;
  auto tenant = tenant_parameter(query, domain);
  if (!tenant) return tl::make_unexpected(tenant.error());
  out.tenant = *tenant;
  out.filters = filter_parameters(query);
  auto period = period_parameters(query, domain.zone_of(out.tenant));
  if (!period) return tl::make_unexpected(period.error());
  out.from = period->from;
  out.to = period->to;
  if (auto score = query.get("score")) {
    char* rest = nullptr;
    std::string text{*score};
    double value = std::strtod(text.c_str(), &rest);
    if (rest == text.c_str() || *rest != '\0' || !(value >= -1e9 && value <= 1e9))
      return bad_input("score", fmt::format("'{}' is not a number", text));
    out.score = std::llround(value * 1000);
  }
  if (auto resolved = query.get("resolved")) {
    if (*resolved != "yes" && *resolved != "no" && *resolved != "unanswered")
      return bad_input("resolved", fmt::format("'{}' is none of yes, no, unanswered", *resolved));
    out.resolved = std::string(*resolved);
  }
  if (auto has = query.get("has_comment")) {
    if (*has != "true" && *has != "false")
      return bad_input("has_comment", fmt::format("'{}' is neither true nor false", *has));
    out.has_comment = *has == "true";
  }
  if (auto text = query.get("text"); text && !text->empty()) out.text = normalise_comment(*text);
  auto limit = limit_parameter(query);
  if (!limit) return tl::make_unexpected(limit.error());
  out.limit = *limit;
  auto cursor = cursor_parameter(request);
  if (!cursor) return tl::make_unexpected(cursor.error());
  out.after = *cursor;
  return out;
}

Result<std::optional<std::string>> feedback_page(const FeedbackQuery& query, const Sources& sources,
                                                 nlohmann::ordered_json& items) {
  std::vector<Found> all;
  // Nothing behind the earliest point at which some shard stopped may be handed out yet.
  std::optional<std::string> horizon;
  for (int shard = 0; shard < sources.shards; ++shard) {
    auto page = page_of_shard(shard, query, sources);
    if (!page) return tl::make_unexpected(page.error());
    std::move(page->found.begin(), page->found.end(), std::back_inserter(all));
    if (page->stopped_at && (!horizon || *page->stopped_at < *horizon)) horizon = page->stopped_at;
  }
  std::sort(all.begin(), all.end(), [](const Found& a, const Found& b) { return a.key < b.key; });
  std::optional<std::string> next = horizon;
  std::size_t taken = 0;
  for (Found& found : all) {
    if (horizon && found.key > *horizon) break;
    if (taken == query.limit) break;
    ++taken;
    items.push_back(std::move(found.item));
    if (taken == query.limit) next = found.key;
  }
  if (taken == query.limit && taken == all.size() && !horizon) next = std::nullopt;
  return next;
}

}  // namespace echoloop::serving
