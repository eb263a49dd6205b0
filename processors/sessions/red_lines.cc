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

void send(const state::CaseSignal& signal, stage::Context& context) {
  std::string key;
  put_key_text(key, signal.tenant());
  context.emit(stage::Topic::cases, stage::Kind::case_signal, std::move(key), signal.SerializeAsString());
}

state::CaseSignal signal_of(const Event& event, state::CaseSignal::Kind kind, std::string_view rule, bool holds) {
  state::CaseSignal out;
  out.set_kind(kind);
  out.set_tenant(std::string(tenant_of(event)));
  out.set_rule(std::string(rule));
  out.set_session_id(std::string(partition_key_of(event)));
  out.set_holds(holds);
  return out;
}

void signal(const Event& event, std::string_view red_line, int version, bool holds, const std::string& tag,
            Time event_time, const state::Session& row, stage::Context& context) {
  state::CaseSignal out = signal_of(event, state::CaseSignal::SAFETY, red_line, holds);
  out.set_rule_version(version);
  out.set_event_time(to_ms(event_time));
  for (auto& [name, value] : routing_properties(row)) (*out.mutable_properties())[name] = value;
  if (!tag.empty()) out.add_tags(tag);
  out.set_customer_id(std::string(customer_of(row)));
  if (const auto* evaluation = std::get_if<EvaluationSubmitted>(&event.data);
      evaluation != nullptr && evaluation->customer_id && out.customer_id().empty()) {
    out.set_customer_id(std::string(*evaluation->customer_id));
  }
  send(out, context);
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

state::Text customer_of(const state::Session& row) { return row.close ? row.close->customer_id : state::Text{}; }

void tell_customer(const Event& event, const state::Session& row, stage::Context& context) {
  const auto tell = [&](state::CaseSignal::Kind kind, std::string_view rule) {
    state::CaseSignal out = signal_of(event, kind, rule, true);
    out.set_customer_id(std::string(customer_of(row)));
    send(out, context);
  };
  std::set<std::string_view> told;
  for (const state::RedLineFound& found : row.red_lines) {
    if (!found.withdrawn && told.insert(found.red_line).second) tell(state::CaseSignal::SAFETY, found.red_line);
  }
  for (const state::Text rule : row.recoveries) tell(state::CaseSignal::RECOVERY, rule);
}

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
