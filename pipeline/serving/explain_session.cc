#include "pipeline/serving/explain_session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "pipeline/aggregates/cube.h"
#include "pipeline/base/bytes.h"
#include "pipeline/serving/explain_event.h"
#include "pipeline/serving/session_answer.h"
#include "pipeline/serving/session_cells.h"
#include "processors/sessions/facts.h"
#include "processors/sessions/history.h"
#include "processors/sessions/sessions.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

// Events more than this old at arrival open tasks but send no notice.
constexpr std::int64_t kLate_ms = kDay_ms;

struct Fate {
  std::string state, why;
};

// When it happened, by its data, as the door has it.
std::optional<Time> time_of(const ordered_json& event) {
  for (const char* place : {"/data/closed_at", "/data/submitted_at", "/data/sent_at", "/time"}) {
    if (auto time = parse_time(text_at(event, place))) return *time;
  }
  return std::nullopt;
}

Fate fate_of_close(const state::Session& row, const std::string& source, const std::string& id) {
  const state::Close& close = *row.close;
  if (close.source == source && close.id == id) return {"applied", "the greatest closed_at: this close stands"};
  return {"superseded", fmt::format("the close '{}' of {} stands: closed at {}", close.id, close.source,
                                    format_time(from_ms(close.closed_at)))};
}

Fate fate_of_evaluation(const state::Session& row, const std::string& source, const std::string& id,
                        const std::string& evaluation_id) {
  if (sessions::withdrawn(row, evaluation_id)) return {"withdrawn", "evaluation.withdrawn took it out"};
  for (const state::Evaluation& known : row.evaluations) {
    if (known.evaluation_id != evaluation_id || (known.source == source && known.id == id)) continue;
    return {"superseded",
            fmt::format("event '{}' of {} corrects the same evaluation and stands", known.id, known.source)};
  }
  const auto stands = sessions::standing(row);
  const state::Evaluation* own = nullptr;
  for (const state::Evaluation* one : stands) {
    if (one->evaluation_id == evaluation_id) return {"applied", "the latest of its survey: this evaluation stands"};
  }
  for (const state::Evaluation& known : row.evaluations) {
    if (known.evaluation_id == evaluation_id) own = &known;
  }
  for (const state::Evaluation* one : stands) {
    if (own != nullptr && one->survey == own->survey)
      return {"superseded",
              fmt::format("evaluation '{}' of the same survey was submitted later and stands", one->evaluation_id)};
  }
  return {"superseded", "another evaluation of the same survey stands"};
}

Fate fate_of_tags(const std::vector<sessions::TagSaid>& said, const std::string& source, const std::string& id) {
  std::vector<std::string> counts, overridden;
  for (const sessions::TagSaid& one : said) {
    if (one.id != id || one.source != source) continue;
    (one.counts ? counts : overridden).push_back(one.text);
  }
  if (overridden.empty()) return {"applied", "the newest that was said about its tags"};
  std::string why = fmt::format("newer statements override: {}", fmt::join(overridden, ", "));
  return {counts.empty() ? "overridden" : "partly_overridden", why};
}

Fate fate_of_withdrawal(const state::Session& row, const std::string& evaluation_id) {
  for (const state::Evaluation& known : row.evaluations) {
    if (known.evaluation_id == evaluation_id)
      return {"applied", fmt::format("takes out evaluation '{}'", evaluation_id)};
  }
  return {"applied", fmt::format("waits for evaluation '{}', which has not come yet", evaluation_id)};
}

Fate fate_of_review(const state::Session& row, const std::string& source, const std::string& id,
                    const std::string& reviewer) {
  for (const state::Review& review : row.reviews) {
    if (review.source == source && review.id == id) return {"applied", "the newest of its reviewer"};
  }
  return {"superseded", fmt::format("a newer review of '{}' stands", reviewer)};
}

// Of an event that entered the row.
Fate fate_of_applied(const state::Session& row, const std::vector<sessions::TagSaid>& said, const ordered_json& event) {
  const std::string type = text_at(event, "/type"), source = text_at(event, "/source"), id = text_at(event, "/id");
  if (type == "echoloop.session.closed.v1") return fate_of_close(row, source, id);
  if (type == "echoloop.evaluation.submitted.v1")
    return fate_of_evaluation(row, source, id, text_at(event, "/data/evaluation_id"));
  if (type == "echoloop.evaluation.withdrawn.v1") return fate_of_withdrawal(row, text_at(event, "/data/evaluation_id"));
  if (type == "echoloop.tags.changed.v1") {
    if (!row.close) return {"waiting", "tags count when the session is closed"};
    return fate_of_tags(said, source, id);
  }
  if (type == "echoloop.review.recorded.v1") return fate_of_review(row, source, id, text_at(event, "/data/reviewer"));
  return {"applied", ""};
}

void explain_events(const state::Session& row, const std::vector<sessions::TagSaid>& said, ordered_json& events) {
  std::map<std::pair<std::string, std::string>, ordered_json> first;  // place by source and id
  std::size_t at = 0;
  for (ordered_json& line : events) {
    const ordered_json event = line["event"];  // a copy: what is added to the line moves its members
    const bool known = event.is_object();
    const std::pair name{text_at(event, "/source"), text_at(event, "/id")};
    const int fate = row.events[at++].fate;
    Fate told;
    if (fate == state::EventPlace::APPLIED) {
      told = known ? fate_of_applied(row, said, event) : Fate{"applied", "its bytes are no longer in the log"};
      if (known) first.emplace(name, line["place"]);
    } else if (fate == state::EventPlace::DUPLICATE) {
      told = {"duplicate", "source and id are known: the first stands"};
    } else {
      told = {"duplicate", "source and id are known, with other bytes: the first stands"};
    }
    line["state"] = told.state;
    line["why"] = told.why.empty() ? ordered_json(nullptr) : ordered_json(told.why);
    if (auto original = first.find(name); fate != state::EventPlace::APPLIED && original != first.end())
      line["duplicate_of"] = original->second;
    auto happened = time_of(event);
    auto received = parse_time(line["received_at"].is_string() ? line["received_at"].get<std::string>() : "");
    line["late"] =
        happened && received ? ordered_json(to_ms(*received) - to_ms(*happened) > kLate_ms) : ordered_json(nullptr);
  }
}

ordered_json tags_json(const std::vector<sessions::TagSaid>& said) {
  constexpr const char* kDirections[] = {"customer", "agent", "reviewer"};
  ordered_json out = ordered_json::array();
  for (const sessions::TagSaid& one : said) {
    out.push_back({{"by", kDirections[one.by]},
                   {"text", one.text},
                   {"tag", one.tag},
                   {"says", one.present ? "add" : "remove"},
                   {"time", format_time(from_ms(one.time))},
                   {"event_id", one.id.empty() ? ordered_json(nullptr) : ordered_json(one.id)},
                   {"counts", one.counts}});
  }
  return out;
}

}  // namespace

Result<std::optional<FoundSession>> find_session(const http::Query& query, const std::string& session_id,
                                                 const Sources& sources) {
  std::vector<std::string> tenants;
  if (auto asked = query.get("tenant"); asked && !asked->empty()) {
    tenants.emplace_back(*asked);
  } else {
    auto all = sources.tenants_in(stage::Table::sessions);
    if (!all) return tl::make_unexpected(all.error());
    tenants = std::move(*all);
  }
  std::optional<FoundSession> found;
  for (const std::string& tenant : tenants) {
    auto bytes = sources.rows->get(stage::Table::sessions, sources.shard_of(session_id),
                                   sessions::session_key(tenant, session_id));
    if (!bytes) return tl::make_unexpected(bytes.error());
    if (!*bytes) continue;
    if (found)
      return bad_input("tenant", fmt::format("is needed: '{}' and '{}' have such a session", found->tenant, tenant));
    found.emplace(FoundSession{tenant, session_id, {}, {}});
    if (!state::parse(found->arena.copy(**bytes), found->arena, found->row))
      return broken_world("table sessions", "a row that cannot be read");
  }
  return found;
}

Result<ordered_json> explain_session(const FoundSession& found, const Sources& sources, const Domain& domain) {
  auto out = session_json(found.tenant, found.session_id, found.row, sources);
  if (!out) return out;
  std::vector<sessions::TagSaid> said;
  if (found.row.close) {
    sessions::Normaliser normaliser;
    said = sessions::tags_said(found.row, domain.counting_at(from_ms(found.row.close->closed_at)), normaliser);
  }
  explain_events(found.row, said, (*out)["events"]);
  (*out)["tags_said"] = tags_json(said);
  auto cells = cells_of(found, sources, domain);
  if (!cells) return tl::make_unexpected(cells.error());
  (*out)["adds"] = std::move(cells->rows);
  (*out)["tasks"] = std::move(cells->tasks);
  (*out)["notes"] = std::move(cells->notes);
  if (found.row.events.size() >= 1024)
    (*out)["notes"].push_back("more events came than a session keeps places of: the first 1024 are listed");
  return out;
}

}  // namespace echoloop::serving
