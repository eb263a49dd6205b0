#include "processors/sessions/red_lines.h"

#include <algorithm>

#include "pipeline/base/bytes.h"
#include "pipeline/text/normalise.h"
#include "processors/sessions/history.h"
#include "schemas/state.pb.h"

namespace echoloop::sessions {
namespace {

struct Crossing {
  const RedLine* red_line;
  std::string tag;  // canonical; empty when a word crossed it
};

// What of an event red lines look at, and the time whose counting rules say what its tags mean.
struct Watched {
  const Texts* tags = nullptr;
  Text comment;
  Text evaluation_id;
  Time at{};
};

Watched watched_part(const Event& event, Time at) {
  if (const auto* evaluation = std::get_if<EvaluationSubmitted>(&event.data)) {
    return {&evaluation->tags, evaluation->comment.value_or(Text{}), evaluation->evaluation_id,
            evaluation->submitted_at};
  }
  if (const auto* close = std::get_if<SessionClosed>(&event.data))
    return {&close->agent_tags, {}, {}, close->closed_at};
  if (const auto* tags = std::get_if<TagsChanged>(&event.data)) return {&tags->add, {}, {}, event.time.value_or(at)};
  return {};
}

std::vector<Crossing> crossings(const Watched& watched, const Domain& domain, Normaliser& normaliser) {
  std::vector<Crossing> out;
  if (watched.tags == nullptr) return out;
  const Counting& counting = domain.counting_at(watched.at);
  std::set<std::string> tags;
  for (Text tag : *watched.tags) tags.emplace(counting.canonical(normaliser.tag(tag)));
  std::string comment = watched.comment.empty() ? std::string{} : normalise_comment(watched.comment);
  for (const RedLine& red_line : domain.red_lines) {
    auto tag = std::find_if(tags.begin(), tags.end(), [&](const std::string& t) { return red_line.tags.contains(t); });
    if (tag != tags.end()) {
      out.push_back({&red_line, *tag});
    } else if (std::any_of(red_line.words.begin(), red_line.words.end(),
                           [&](const std::string& word) { return comment.find(word) != comment.npos; })) {
      out.push_back({&red_line, {}});
    }
  }
  return out;
}

void signal(const Event& event, std::string_view red_line, int version, bool holds, const std::string& tag,
            Time event_time, const state::Session& row, stage::Context& context) {
  state::CaseSignal out;
  out.set_kind(state::CaseSignal::SAFETY);
  out.set_tenant(std::string(tenant_of(event)));
  out.set_rule(std::string(red_line));
  out.set_rule_version(version);
  out.set_session_id(std::string(partition_key_of(event)));
  out.set_holds(holds);
  out.set_event_time(to_ms(event_time));
  for (auto& [name, value] : routing_properties(row)) (*out.mutable_properties())[name] = value;
  if (!tag.empty()) out.add_tags(tag);
  if (row.close) out.set_customer_id(std::string(row.close->customer_id));
  if (const auto* evaluation = std::get_if<EvaluationSubmitted>(&event.data);
      evaluation != nullptr && evaluation->customer_id) {
    out.set_customer_id(std::string(*evaluation->customer_id));
  }
  std::string key;
  put_key_text(key, out.tenant());
  context.emit(stage::Topic::cases, stage::Kind::case_signal, std::move(key), out.SerializeAsString());
  context.hurry();
}

bool holds(const state::Session& row, std::string_view red_line) {
  return std::any_of(row.red_lines.begin(), row.red_lines.end(),
                     [&](const state::RedLineFound& f) { return f.red_line == red_line && !f.withdrawn; });
}

bool known(const state::Session& row, std::string_view red_line, Text evaluation_id) {
  return std::any_of(row.red_lines.begin(), row.red_lines.end(), [&](const state::RedLineFound& f) {
    return f.red_line == red_line && f.evaluation_id == evaluation_id;
  });
}

void withdraw(const Event& event, Text evaluation_id, Time at, const Domain& domain, state::Session& row,
              stage::Context& context) {
  for (state::RedLineFound& found : row.red_lines) {
    if (found.withdrawn || found.evaluation_id.empty() || found.evaluation_id != evaluation_id) continue;
    found.withdrawn = true;
    if (holds(row, found.red_line)) continue;
    auto rule = std::find_if(domain.red_lines.begin(), domain.red_lines.end(),
                             [&](const RedLine& r) { return r.id == found.red_line; });
    signal(event, found.red_line, rule == domain.red_lines.end() ? 0 : rule->version, false, {}, at, row, context);
  }
}

}  // namespace

std::map<std::string, std::string> routing_properties(const state::Session& row) {
  std::map<std::string, std::string> out;
  if (!row.close) return out;
  const auto set = [&](const char* name, state::Text value) {
    if (!value.empty()) out[name] = value;
  };
  const state::Close& close = *row.close;
  set("channel", close.channel);
  set("category", close.category);
  set("entity", close.entity);
  for (const state::Handler& handler : close.agents) {
    if (handler.bot) continue;
    set("department", handler.department);
    set("group", handler.group);
  }
  return out;
}

void watch_red_lines(const Event& event, Time at, const Domain& domain, Normaliser& normaliser, state::Session& row,
                     Arena& arena, stage::Context& context) {
  if (const auto* withdrawal = std::get_if<EvaluationWithdrawn>(&event.data)) {
    withdraw(event, withdrawal->evaluation_id, at, domain, row, context);
    return;
  }
  Watched watched = watched_part(event, at);
  for (const Crossing& crossing : crossings(watched, domain, normaliser)) {
    if (known(row, crossing.red_line->id, watched.evaluation_id)) continue;
    bool held = holds(row, crossing.red_line->id);
    row.red_lines.add(arena, {arena.copy(crossing.red_line->id), arena.copy(watched.evaluation_id)});
    if (!held)
      signal(event, crossing.red_line->id, crossing.red_line->version, true, crossing.tag, watched.at, row, context);
  }
  if (!watched.evaluation_id.empty() && withdrawn(row, watched.evaluation_id))
    withdraw(event, watched.evaluation_id, at, domain, row, context);
}

}  // namespace echoloop::sessions
