#include "processors/sessions/history.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "pipeline/base/hash.h"

namespace echoloop::sessions {
namespace {

void set(std::string* field, const std::optional<Text>& value) { field->assign(value.value_or(Text{})); }

void enter(state::Session& row, const Event& event, const SessionClosed& data, Time) {
  if (row.has_close()) {
    const state::Close& old = row.close();
    if (std::tuple(to_ms(data.closed_at), event.source, event.id) <
        std::tuple(old.closed_at(), Text{old.source()}, Text{old.id()}))
      return;
  }
  state::Close& close = *row.mutable_close();
  close.Clear();
  close.set_source(event.source.data(), event.source.size());
  close.set_id(event.id.data(), event.id.size());
  close.set_closed_at(to_ms(data.closed_at));
  set(close.mutable_customer_id(), data.customer_id);
  set(close.mutable_channel(), data.channel);
  if (data.opened_at) close.set_opened_at(to_ms(*data.opened_at));
  if (data.queued_ms) close.set_queued_ms(*data.queued_ms);
  if (data.first_reply_ms) close.set_first_reply_ms(*data.first_reply_ms);
  if (data.handle_ms) close.set_handle_ms(*data.handle_ms);
  set(close.mutable_closed_by(), data.closed_by);
  set(close.mutable_category(), data.category);
  set(close.mutable_entity(), data.entity);
  for (const Handler& from : data.agents) {
    state::Handler& to = *close.add_agents();
    to.set_id(from.id.data(), from.id.size());
    set(to.mutable_group(), from.group);
    set(to.mutable_department(), from.department);
    to.set_bot(from.bot);
    if (from.from) to.set_from(to_ms(*from.from));
    if (from.to) to.set_to(to_ms(*from.to));
  }
  if (data.transfers) close.set_transfers(*data.transfers);
  if (data.work_orders) close.set_work_orders(*data.work_orders);
  if (data.knowledge) {
    close.set_knowledge_lookups(data.knowledge->lookups);
    close.set_knowledge_hits(data.knowledge->hits);
  }
  for (Text link : data.links) close.add_links(link.data(), link.size());
  if (data.routing) {
    set(close.mutable_routing_rule(), data.routing->rule);
    set(close.mutable_routing_version(), data.routing->version);
    set(close.mutable_intended_group(), data.routing->intended_group);
  }
  close.set_agent_resolution(static_cast<int>(data.agent_resolution));
  for (Text tag : data.agent_tags) close.add_agent_tags(tag.data(), tag.size());
  set(close.mutable_previous_session(), data.previous_session);
}

void enter(state::Session& row, const Event&, const SurveyInvited& data, Time) {
  state::Invitation& invitation = *row.add_invitations();
  invitation.set_survey(data.survey.data(), data.survey.size());
  invitation.set_sent_at(to_ms(data.sent_at));
  set(invitation.mutable_version(), data.version);
  set(invitation.mutable_channel(), data.channel);
  invitation.set_outcome(std::string(data.outcome.value_or("delivered")));
}

void enter(state::Session& row, const Event& event, const EvaluationSubmitted& data, Time) {
  state::Evaluation* slot = nullptr;
  for (state::Evaluation& old : *row.mutable_evaluations()) {
    if (old.evaluation_id() != data.evaluation_id) continue;
    if (std::tuple(to_ms(data.submitted_at), event.source, event.id) <
        std::tuple(old.submitted_at(), Text{old.source()}, Text{old.id()}))
      return;
    slot = &old;
  }
  if (slot == nullptr) slot = row.add_evaluations();
  slot->Clear();
  slot->set_source(event.source.data(), event.source.size());
  slot->set_id(event.id.data(), event.id.size());
  slot->set_evaluation_id(data.evaluation_id.data(), data.evaluation_id.size());
  slot->set_submitted_at(to_ms(data.submitted_at));
  set(slot->mutable_customer_id(), data.customer_id);
  set(slot->mutable_survey(), data.survey);
  set(slot->mutable_version(), data.version);
  if (data.score) {
    slot->set_has_score(true);
    slot->set_score(data.score->value);
    slot->set_score_min(data.score->min);
    slot->set_score_max(data.score->max);
  }
  slot->set_resolved(static_cast<int>(data.resolved));
  for (Text tag : data.tags) slot->add_tags(tag.data(), tag.size());
  set(slot->mutable_comment(), data.comment);
  for (const Answer& from : data.answers) {
    state::Answer& to = *slot->add_answers();
    to.set_question(from.question.data(), from.question.size());
    if (from.text) to.set_text(from.text->data(), from.text->size());
    if (from.number) to.set_number(*from.number);
    to.set_skipped(from.skipped);
  }
  set(slot->mutable_language(), data.language);
  if (data.wants_contact) slot->set_wants_contact(*data.wants_contact);
}

void enter(state::Session& row, const Event&, const EvaluationWithdrawn& data, Time) {
  if (withdrawn(row, data.evaluation_id)) return;
  state::Withdrawal& withdrawal = *row.add_withdrawals();
  withdrawal.set_evaluation_id(data.evaluation_id.data(), data.evaluation_id.size());
  withdrawal.set_reason(data.reason.data(), data.reason.size());
}

void enter(state::Session& row, const Event& event, const TagsChanged& data, Time at) {
  const auto state_tags = [&](const Texts& tags, bool present) {
    for (Text tag : tags) {
      state::TagStatement& statement = *row.add_statements();
      statement.set_by(static_cast<int>(data.by));
      statement.set_tag(tag.data(), tag.size());
      statement.set_present(present);
      statement.set_time(to_ms(event.time.value_or(at)));
      statement.set_id(event.id.data(), event.id.size());
      statement.set_source(event.source.data(), event.source.size());
    }
  };
  state_tags(data.add, true);
  state_tags(data.remove, false);
}

void enter(state::Session& row, const Event& event, const ReviewRecorded& data, Time at) {
  std::int64_t time = to_ms(event.time.value_or(at));
  state::Review* slot = nullptr;
  for (state::Review& old : *row.mutable_reviews()) {
    if (old.reviewer() != data.reviewer) continue;
    if (std::tuple(time, event.id, event.source) < std::tuple(old.time(), Text{old.id()}, Text{old.source()})) return;
    slot = &old;
  }
  if (slot == nullptr) slot = row.add_reviews();
  slot->Clear();
  slot->set_reviewer(data.reviewer.data(), data.reviewer.size());
  slot->set_time(time);
  slot->set_id(event.id.data(), event.id.size());
  slot->set_source(event.source.data(), event.source.size());
  set(slot->mutable_cause(), data.cause);
  if (data.misrouted) slot->set_misrouted(*data.misrouted);
  for (Text tag : data.tags) slot->add_tags(tag.data(), tag.size());
  if (data.agrees) slot->set_agrees(*data.agrees);
  set(slot->mutable_note(), data.note);
}

// These two carry no session; the stage hands them on before it comes here.
void enter(state::Session&, const Event&, const OutcomeObserved&, Time) {}
void enter(state::Session&, const Event&, const TaskCommand&, Time) {}

std::string guard_of(const Event& event) {
  std::string both{event.source};
  both.push_back('\0');
  both.append(event.id);
  return hash128(both);
}

std::string content_of(std::string_view content) {
  std::uint64_t hash = hash64(content);
  return {reinterpret_cast<const char*>(&hash), sizeof hash};
}

// At most this many places of raw events are kept per session, so that a source that repeats for ever cannot grow a
// row.
constexpr int kPlacesMax = 1024;

}  // namespace

void enter(state::Session& row, const Event& event, Time at) {
  std::visit([&](const auto& data) { enter(row, event, data, at); }, event.data);
}

Guard::Guard(const Event& event, std::string_view text) : id(guard_of(event)), content(content_of(text)) {}

Seen seen(const state::Session& row, const Guard& guard) {
  const std::string& all = row.seen();
  for (std::size_t i = 0; i + 16 <= all.size(); i += 16) {
    if (all.compare(i, 16, guard.id) != 0) continue;
    return row.seen_content().compare(i / 2, 8, guard.content) == 0 ? Seen::same : Seen::different;
  }
  return Seen::no;
}

void remember(state::Session& row, const Guard& guard, Seen known, std::int64_t offset) {
  if (known == Seen::no) {
    row.mutable_seen()->append(guard.id);
    row.mutable_seen_content()->append(guard.content);
  }
  if (row.events_size() >= kPlacesMax) return;
  state::EventPlace& place = *row.add_events();
  place.set_offset(offset);
  place.set_fate(known == Seen::no     ? state::EventPlace::APPLIED
                 : known == Seen::same ? state::EventPlace::DUPLICATE
                                       : state::EventPlace::DIFFERENT);
}

bool withdrawn(const state::Session& row, std::string_view evaluation_id) {
  return std::any_of(row.withdrawals().begin(), row.withdrawals().end(),
                     [&](const state::Withdrawal& w) { return w.evaluation_id() == evaluation_id; });
}

std::vector<const state::Evaluation*> standing(const state::Session& row) {
  std::map<std::string_view, const state::Evaluation*> by_survey;
  for (const state::Evaluation& evaluation : row.evaluations()) {
    if (withdrawn(row, evaluation.evaluation_id())) continue;
    const state::Evaluation*& best = by_survey[evaluation.survey()];
    if (best == nullptr || std::tuple(evaluation.submitted_at(), Text{evaluation.evaluation_id()}) >
                               std::tuple(best->submitted_at(), Text{best->evaluation_id()})) {
      best = &evaluation;
    }
  }
  std::vector<const state::Evaluation*> out;
  for (const auto& [survey, evaluation] : by_survey) out.push_back(evaluation);
  return out;
}

}  // namespace echoloop::sessions
