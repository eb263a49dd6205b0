#include "processors/sessions/history.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>

#include "pipeline/base/hash.h"

namespace echoloop::sessions {
namespace {

Text kept(const std::optional<Text>& text, Arena& arena) { return arena.copy(text.value_or(Text{})); }

List<Text> kept(const Texts& texts, Arena& arena) {
  List<Text> out;
  for (Text text : texts) out.add(arena, arena.copy(text));
  return out;
}

std::optional<std::int64_t> ms_of(const std::optional<Time>& time) {
  return time ? std::optional{to_ms(*time)} : std::nullopt;
}

void enter_data(state::Session& row, const Event& event, const SessionClosed& data, Time, Arena& arena) {
  if (row.close && std::tuple(to_ms(data.closed_at), event.source, event.id) <
                       std::tuple(row.close->closed_at, row.close->source, row.close->id))
    return;
  state::Close& close = row.close.emplace();
  close.source = arena.copy(event.source);
  close.id = arena.copy(event.id);
  close.closed_at = to_ms(data.closed_at);
  close.customer_id = kept(data.customer_id, arena);
  close.channel = kept(data.channel, arena);
  close.opened_at = ms_of(data.opened_at);
  close.queued_ms = data.queued_ms;
  close.first_reply_ms = data.first_reply_ms;
  close.handle_ms = data.handle_ms;
  close.closed_by = kept(data.closed_by, arena);
  close.category = kept(data.category, arena);
  close.entity = kept(data.entity, arena);
  for (const Handler& from : data.agents) {
    close.agents.add(arena, {arena.copy(from.id), kept(from.group, arena), kept(from.department, arena), from.bot,
                             ms_of(from.from), ms_of(from.to)});
  }
  close.transfers = data.transfers;
  close.work_orders = data.work_orders;
  if (data.knowledge) {
    close.knowledge_lookups = data.knowledge->lookups;
    close.knowledge_hits = data.knowledge->hits;
  }
  close.links = kept(data.links, arena);
  if (data.routing) {
    close.routing_rule = kept(data.routing->rule, arena);
    close.routing_version = kept(data.routing->version, arena);
    close.intended_group = kept(data.routing->intended_group, arena);
  }
  close.agent_resolution = static_cast<int>(data.agent_resolution);
  close.agent_tags = kept(data.agent_tags, arena);
  close.previous_session = kept(data.previous_session, arena);
}

void enter_data(state::Session& row, const Event&, const SurveyInvited& data, Time, Arena& arena) {
  row.invitations.add(arena, {arena.copy(data.survey), to_ms(data.sent_at), kept(data.version, arena),
                              kept(data.channel, arena), arena.copy(data.outcome.value_or("delivered"))});
}

void enter_data(state::Session& row, const Event& event, const EvaluationSubmitted& data, Time, Arena& arena) {
  state::Evaluation* slot = nullptr;
  for (state::Evaluation& old : row.evaluations) {
    if (old.evaluation_id != data.evaluation_id) continue;
    if (std::tuple(to_ms(data.submitted_at), event.source, event.id) < std::tuple(old.submitted_at, old.source, old.id))
      return;
    slot = &old;
  }
  if (slot == nullptr) slot = &row.evaluations.add(arena);
  *slot = {};
  slot->source = arena.copy(event.source);
  slot->id = arena.copy(event.id);
  slot->evaluation_id = data.evaluation_id == event.id ? slot->id : arena.copy(data.evaluation_id);
  slot->submitted_at = to_ms(data.submitted_at);
  slot->customer_id = kept(data.customer_id, arena);
  slot->survey = kept(data.survey, arena);
  slot->version = kept(data.version, arena);
  if (data.score) {
    slot->has_score = true;
    slot->score = data.score->value;
    slot->score_min = data.score->min;
    slot->score_max = data.score->max;
  }
  slot->resolved = static_cast<int>(data.resolved);
  slot->tags = kept(data.tags, arena);
  slot->comment = kept(data.comment, arena);
  for (const Answer& from : data.answers) {
    state::Answer& to = slot->answers.add(arena);
    to.question = arena.copy(from.question);
    if (from.text) to.text = arena.copy(*from.text);
    to.number = from.number;
    to.skipped = from.skipped;
  }
  slot->language = kept(data.language, arena);
  slot->wants_contact = data.wants_contact;
}

void enter_data(state::Session& row, const Event&, const EvaluationWithdrawn& data, Time, Arena& arena) {
  if (withdrawn(row, data.evaluation_id)) return;
  row.withdrawals.add(arena, {arena.copy(data.evaluation_id), arena.copy(data.reason)});
}

void enter_data(state::Session& row, const Event& event, const TagsChanged& data, Time at, Arena& arena) {
  const Text id = arena.copy(event.id), source = arena.copy(event.source);
  const auto state_tags = [&](const Texts& tags, bool present) {
    for (Text tag : tags) {
      row.statements.add(
          arena, {static_cast<int>(data.by), arena.copy(tag), present, to_ms(event.time.value_or(at)), id, source});
    }
  };
  state_tags(data.add, true);
  state_tags(data.remove, false);
}

void enter_data(state::Session& row, const Event& event, const ReviewRecorded& data, Time at, Arena& arena) {
  std::int64_t time = to_ms(event.time.value_or(at));
  state::Review* slot = nullptr;
  for (state::Review& old : row.reviews) {
    if (old.reviewer != data.reviewer) continue;
    if (std::tuple(time, event.id, event.source) < std::tuple(old.time, old.id, old.source)) return;
    slot = &old;
  }
  if (slot == nullptr) slot = &row.reviews.add(arena);
  *slot = {arena.copy(data.reviewer), time,           arena.copy(event.id),   arena.copy(event.source),
           kept(data.cause, arena),   data.misrouted, kept(data.tags, arena), data.agrees,
           kept(data.note, arena)};
}

// These two carry no session; the stage hands them on before it comes here.
void enter_data(state::Session&, const Event&, const OutcomeObserved&, Time, Arena&) {}
void enter_data(state::Session&, const Event&, const TaskCommand&, Time, Arena&) {}

// At most this many places of raw events are kept per session, so that a source that repeats for ever cannot grow a
// row.
constexpr std::size_t kPlacesMax = 1024;

}  // namespace

void enter(state::Session& row, const Event& event, Time at, Arena& arena) {
  std::visit([&](const auto& data) { enter_data(row, event, data, at, arena); }, event.data);
}

Guard::Guard(const Event& event, std::string_view text) {
  thread_local std::string both;
  both.assign(event.source).push_back('\0');
  both.append(event.id);
  id = digest128(both);
  content = std::bit_cast<std::array<char, 8>>(hash64(text));
}

Seen seen(const state::Session& row, const Guard& guard) {
  for (std::size_t i = 0; i + guard.id.size() <= row.seen.size(); i += guard.id.size()) {
    if (std::memcmp(row.seen.data() + i, guard.id.data(), guard.id.size()) != 0) continue;
    const char* content = row.seen_content.data() + i / 2;
    return std::memcmp(content, guard.content.data(), guard.content.size()) == 0 ? Seen::same : Seen::different;
  }
  return Seen::no;
}

void remember(state::Session& row, const Guard& guard, Seen known, std::int64_t offset, Arena& arena) {
  if (known == Seen::no) {
    row.seen.append(arena, guard.id.data(), guard.id.size());
    row.seen_content.append(arena, guard.content.data(), guard.content.size());
  }
  if (row.events.size() >= kPlacesMax) return;
  row.events.add(arena, {offset, known == Seen::no     ? state::EventPlace::APPLIED
                                 : known == Seen::same ? state::EventPlace::DUPLICATE
                                                       : state::EventPlace::DIFFERENT});
}

bool withdrawn(const state::Session& row, std::string_view evaluation_id) {
  return std::any_of(row.withdrawals.begin(), row.withdrawals.end(),
                     [&](const state::Withdrawal& w) { return w.evaluation_id == evaluation_id; });
}

void standing(const state::Session& row, std::vector<const state::Evaluation*>& out) {
  out.clear();
  for (const state::Evaluation& evaluation : row.evaluations) {
    if (!withdrawn(row, evaluation.evaluation_id)) out.push_back(&evaluation);
  }
  if (out.size() < 2) return;
  const auto said = [](const state::Evaluation* e) { return std::tuple(e->submitted_at, e->evaluation_id); };
  // The newest of each survey first.
  std::sort(out.begin(), out.end(), [&](const auto* a, const auto* b) {
    return a->survey != b->survey ? a->survey < b->survey : said(b) < said(a);
  });
  out.erase(std::unique(out.begin(), out.end(), [](const auto* a, const auto* b) { return a->survey == b->survey; }),
            out.end());
}

std::vector<const state::Evaluation*> standing(const state::Session& row) {
  std::vector<const state::Evaluation*> out;
  standing(row, out);
  return out;
}

}  // namespace echoloop::sessions
