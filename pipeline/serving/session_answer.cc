#include "pipeline/serving/session_answer.h"

#include <nlohmann/json.hpp>

#include "pipeline/serving/explain_event.h"
#include "processors/sessions/history.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

constexpr const char* kAnswers[] = {"unanswered", "yes", "no"};
constexpr const char* kClaims[] = {"unknown", "resolved", "unresolved"};
constexpr const char* kDirections[] = {"customer", "agent", "reviewer"};
constexpr const char* kFates[] = {"applied", "duplicate", "known by source and id, came with other bytes, ignored"};

ordered_json text_or_null(std::string_view text) { return text.empty() ? ordered_json(nullptr) : ordered_json(text); }
ordered_json time_json(std::int64_t ms) { return format_time(from_ms(ms)); }
ordered_json number(std::int64_t thousandths) {
  return thousandths % 1000 == 0 ? ordered_json(thousandths / 1000)
                                 : ordered_json(static_cast<double>(thousandths) / 1000.0);
}
template <class List>
std::vector<std::string> texts(const List& list) {
  return {list.begin(), list.end()};
}

ordered_json evaluation_json(const state::Evaluation& e) {
  ordered_json out = {{"evaluation_id", e.evaluation_id},
                      {"submitted_at", time_json(e.submitted_at)},
                      {"survey", text_or_null(e.survey)},
                      {"version", text_or_null(e.version)}};
  out["score"] =
      e.has_score ? ordered_json{{"value", number(e.score)}, {"min", number(e.score_min)}, {"max", number(e.score_max)}}
                  : ordered_json(nullptr);
  out["resolved"] = e.resolved == 0 ? ordered_json(nullptr) : ordered_json(kAnswers[e.resolved]);
  out["tags"] = texts(e.tags);
  out["comment"] = text_or_null(e.comment);
  out["language"] = text_or_null(e.language);
  out["wants_contact"] = e.wants_contact ? ordered_json(*e.wants_contact) : ordered_json(nullptr);
  out["answers"] = ordered_json::array();
  for (const state::Answer& answer : e.answers) {
    ordered_json value = answer.number ? number(*answer.number)
                         : answer.text ? ordered_json(*answer.text)
                                       : ordered_json(nullptr);
    out["answers"].push_back({{"question", answer.question}, {"value", value}, {"skipped", answer.skipped}});
  }
  return out;
}

ordered_json count_or_null(const std::optional<std::int64_t>& count) {
  return count ? ordered_json(*count) : ordered_json(nullptr);
}
ordered_json time_or_null(const std::optional<std::int64_t>& ms) { return ms ? time_json(*ms) : ordered_json(nullptr); }

ordered_json knowledge_json(const state::Close& close) {
  if (!close.knowledge_lookups && !close.knowledge_hits) return nullptr;
  return {{"lookups", count_or_null(close.knowledge_lookups)}, {"hits", count_or_null(close.knowledge_hits)}};
}

ordered_json routing_json(const state::Close& close) {
  if (close.routing_rule.empty() && close.routing_version.empty() && close.intended_group.empty()) return nullptr;
  return {{"rule", text_or_null(close.routing_rule)},
          {"version", text_or_null(close.routing_version)},
          {"intended_group", text_or_null(close.intended_group)}};
}

ordered_json close_json(const state::Close& close) {
  ordered_json out = {{"closed_at", time_json(close.closed_at)}, {"customer_id", text_or_null(close.customer_id)},
                      {"channel", text_or_null(close.channel)},  {"category", text_or_null(close.category)},
                      {"entity", text_or_null(close.entity)},    {"closed_by", text_or_null(close.closed_by)}};
  out["opened_at"] = time_or_null(close.opened_at);
  out["queued_ms"] = count_or_null(close.queued_ms);
  out["first_reply_ms"] = count_or_null(close.first_reply_ms);
  out["handle_ms"] = count_or_null(close.handle_ms);
  out["agent_resolution"] = kClaims[close.agent_resolution];
  out["agent_tags"] = texts(close.agent_tags);
  out["agents"] = ordered_json::array();
  for (const state::Handler& h : close.agents) {
    out["agents"].push_back({{"id", h.id},
                             {"group", text_or_null(h.group)},
                             {"department", text_or_null(h.department)},
                             {"kind", h.bot ? "bot" : "human"},
                             {"from", time_or_null(h.from)},
                             {"to", time_or_null(h.to)}});
  }
  out["transfers"] = count_or_null(close.transfers);
  out["work_orders"] = count_or_null(close.work_orders);
  out["knowledge"] = knowledge_json(close);
  out["routing"] = routing_json(close);
  out["links"] = close.links.empty() ? ordered_json(nullptr) : ordered_json(texts(close.links));
  out["previous_session"] = text_or_null(close.previous_session);
  return out;
}

ordered_json counted_json(const state::Facts& facts) {
  return {{"bucket", time_json(facts.bucket)},
          {"agent_resolution", kClaims[facts.agent_resolution]},
          {"customer_resolution", kAnswers[facts.customer_resolution]},
          {"agent", text_or_null(facts.agent)},
          {"group", text_or_null(facts.group)},
          {"department", text_or_null(facts.department)},
          {"tags", texts(facts.tags)},
          {"agent_tags", texts(facts.agent_tags)},
          {"review_tags", texts(facts.review_tags)},
          {"moments", texts(facts.moments)},
          {"invited", facts.invited}};
}

Result<ordered_json> events_json(const std::string& tenant, const std::string& session_id, const state::Session& row,
                                 const Sources& sources) {
  ordered_json out = ordered_json::array();
  int shard = sources.shard_of(session_id);
  for (const state::EventPlace& place : row.events) {
    ordered_json line = {{"place", {{"shard", shard}, {"offset", place.offset}}}, {"fate", kFates[place.fate]}};
    auto raw = sources.raw_event(shard, place.offset);
    if (!raw) return tl::make_unexpected(raw.error());
    ordered_json event = *raw ? ordered_json::parse((*raw)->json, nullptr, false) : ordered_json(nullptr);
    // Another one lies there now: the topic was made anew.
    if (text_at(event, "/data/session_id") != session_id || text_at(event, "/data/tenant") != tenant) event = nullptr;
    line["received_at"] = event.is_null() ? ordered_json(nullptr) : ordered_json(format_time((*raw)->at));
    line["event"] = std::move(event);
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace

ordered_json feedback_json(const std::string& tenant, const std::string& session_id, const state::Session& row) {
  const state::Close& close = *row.close;
  ordered_json out = {{"tenant", tenant},
                      {"session_id", session_id},
                      {"closed_at", time_json(close.closed_at)},
                      {"customer_id", text_or_null(close.customer_id)},
                      {"channel", text_or_null(close.channel)},
                      {"category", text_or_null(close.category)},
                      {"department", text_or_null(row.facts.department)},
                      {"group", text_or_null(row.facts.group)},
                      {"agent", text_or_null(row.facts.agent)},
                      {"entity", text_or_null(close.entity)}};
  out["resolved"] = kAnswers[row.facts.customer_resolution];
  out["tags"] = texts(row.facts.tags);
  out["evaluations"] = ordered_json::array();
  for (const state::Evaluation* evaluation : sessions::standing(row))
    out["evaluations"].push_back(evaluation_json(*evaluation));
  return out;
}

Result<ordered_json> session_json(const std::string& tenant, const std::string& session_id, const state::Session& row,
                                  const Sources& sources) {
  ordered_json out = {{"tenant", tenant}, {"session_id", session_id}};
  out["closed"] = row.close ? close_json(*row.close) : ordered_json(nullptr);
  out["counted"] = !row.counted ? ordered_json(nullptr) : counted_json(row.facts);
  out["evaluations"] = ordered_json::array();
  std::vector<const state::Evaluation*> stands = sessions::standing(row);
  for (const state::Evaluation& evaluation : row.evaluations) {
    ordered_json line = evaluation_json(evaluation);
    bool stands_now = std::find(stands.begin(), stands.end(), &evaluation) != stands.end();
    line["state"] = stands_now                                           ? "standing"
                    : sessions::withdrawn(row, evaluation.evaluation_id) ? "withdrawn"
                                                                         : "superseded";
    out["evaluations"].push_back(std::move(line));
  }
  out["withdrawals"] = ordered_json::array();
  for (const auto& w : row.withdrawals)
    out["withdrawals"].push_back({{"evaluation_id", w.evaluation_id}, {"reason", w.reason}});
  out["invitations"] = ordered_json::array();
  for (const auto& i : row.invitations) {
    out["invitations"].push_back({{"survey", i.survey},
                                  {"version", text_or_null(i.version)},
                                  {"sent_at", time_json(i.sent_at)},
                                  {"outcome", i.outcome}});
  }
  out["tag_changes"] = ordered_json::array();
  for (const auto& s : row.statements) {
    out["tag_changes"].push_back({{"by", kDirections[s.by]},
                                  {"tag", s.tag},
                                  {"change", s.present ? "add" : "remove"},
                                  {"time", time_json(s.time)}});
  }
  out["reviews"] = ordered_json::array();
  for (const auto& r : row.reviews) {
    out["reviews"].push_back({{"reviewer", r.reviewer},
                              {"time", time_json(r.time)},
                              {"cause", text_or_null(r.cause)},
                              {"tags", texts(r.tags)},
                              {"note", text_or_null(r.note)}});
  }
  auto events = events_json(tenant, session_id, row, sources);
  if (!events) return tl::make_unexpected(events.error());
  out["events"] = std::move(*events);
  return out;
}

}  // namespace echoloop::serving
