#include "processors/sessions/facts.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "pipeline/text/normalise.h"
#include "processors/sessions/history.h"

namespace echoloop::sessions {
namespace {

// More texts than any taxonomy has; a stream of ever new ones starts the memory anew.
constexpr std::size_t kKnownTexts_max = 100'000;

// Per canonical tag the statement with the greatest (time, id, source) says whether it is there; of two from one event
// "not there" wins.
class TagBoard {
 public:
  TagBoard(const Counting& counting, Normaliser& normaliser) : counting_(counting), normaliser_(normaliser) {}

  void state(const std::string& text, bool present, std::int64_t time, const std::string& id,
             const std::string& source) {
    const std::string& normalised = normaliser_.tag(text);
    if (normalised.empty()) return;
    Statement statement{time, id, source, !present};
    auto [known, fresh] = tags_.try_emplace(counting_.canonical(normalised), statement);
    if (!fresh && known->second < statement) known->second = statement;
  }

  // Whether this statement is the one that counts for its tag.
  bool counts(const std::string& tag, bool present, std::int64_t time, const std::string& id,
              const std::string& source) const {
    auto known = tags_.find(tag);
    return known != tags_.end() && known->second == Statement{time, id, source, !present};
  }

  std::set<std::string> present() const {
    std::set<std::string> out;
    for (const auto& [tag, statement] : tags_) {
      if (!std::get<3>(statement)) out.insert(tag);
    }
    return out;
  }

 private:
  using Statement = std::tuple<std::int64_t, std::string, std::string, bool>;  // time, id, source, absent
  const Counting& counting_;
  Normaliser& normaliser_;
  std::map<std::string, Statement> tags_;
};

struct Box {
  SurveyKind kind;
  bool top, bottom;
};

Box box_of(const state::Evaluation& evaluation, const Counting& counting) {
  static const Survey kUnknown;
  auto found = counting.surveys.find(evaluation.survey());
  const Survey& survey = found == counting.surveys.end() ? kUnknown : found->second;
  std::int64_t value = evaluation.score(), min = evaluation.score_min(), max = evaluation.score_max();
  for (const Boxes& boxes : survey.boxes) {
    if (boxes.min == min && boxes.max == max) return {survey.kind, value >= boxes.top_from, value <= boxes.bottom_to};
  }
  if (survey.kind == SurveyKind::nps)
    return {survey.kind, 10 * (value - min) >= 9 * (max - min), 10 * (value - min) <= 6 * (max - min)};
  return {survey.kind, 4 * (value - min) >= 3 * (max - min), 4 * (value - min) <= max - min};
}

const char* delay_name(std::int64_t days) {
  if (days <= 0) return "T+0";
  if (days == 1) return "T+1";
  return days == 2 ? "T+2" : "later";
}

void set_handlers(const state::Close& close, state::Facts& facts) {
  for (const state::Handler& handler : close.agents()) {
    if (handler.bot()) {
      facts.set_bot(handler.id());
      continue;
    }
    facts.set_agent(handler.id());
    facts.set_group(handler.group());
    facts.set_department(handler.department());
    state::Facts::Credit& credit = *facts.add_credits();
    credit.set_agent(handler.id());
    credit.set_group(handler.group());
    credit.set_department(handler.department());
    if (handler.has_from() && handler.has_to()) credit.set_ms(handler.to() - handler.from());
  }
}

// Everything that was said about tags: say(by, text, present, time, id, source).
template <class Say>
void each_statement(const state::Session& row, const std::vector<const state::Evaluation*>& standing, const Say& say) {
  for (const state::Evaluation* evaluation : standing) {
    for (const std::string& tag : evaluation->tags())
      say(static_cast<int>(TaggedBy::customer), tag, true, evaluation->submitted_at(), "", "");
  }
  for (const std::string& tag : row.close().agent_tags())
    say(static_cast<int>(TaggedBy::agent), tag, true, row.close().closed_at(), "", "");
  for (const state::Review& review : row.reviews()) {
    for (const std::string& tag : review.tags())
      say(static_cast<int>(TaggedBy::reviewer), tag, true, review.time(), "", "");
  }
  for (const state::TagStatement& s : row.statements()) say(s.by(), s.tag(), s.present(), s.time(), s.id(), s.source());
}

void set_tags(const state::Session& row, const std::vector<const state::Evaluation*>& standing,
              const Counting& counting, Normaliser& normaliser, state::Facts& facts) {
  TagBoard boards[] = {{counting, normaliser}, {counting, normaliser}, {counting, normaliser}};
  const TagBoard& customer = boards[static_cast<int>(TaggedBy::customer)];
  const TagBoard& agent = boards[static_cast<int>(TaggedBy::agent)];
  const TagBoard& reviewer = boards[static_cast<int>(TaggedBy::reviewer)];
  each_statement(row, standing,
                 [&](int by, const std::string& text, bool present, std::int64_t time, const std::string& id,
                     const std::string& source) { boards[by].state(text, present, time, id, source); });
  std::set<std::string> moments;
  for (const std::string& tag : customer.present()) {
    facts.add_tags(tag);
    auto moment = counting.moment.find(tag);
    moments.insert(moment == counting.moment.end() ? "unknown" : moment->second);
  }
  for (const std::string& tag : agent.present()) facts.add_agent_tags(tag);
  for (const std::string& tag : reviewer.present()) facts.add_review_tags(tag);
  for (const std::string& moment : moments) facts.add_moments(moment);
}

void add_standing(const state::Evaluation& evaluation, const Counting& counting, const TimeZone& zone,
                  std::int64_t closed_day, state::Facts& facts) {
  state::Facts::Standing& standing = *facts.add_standing();
  standing.set_survey(evaluation.survey());
  standing.set_version(evaluation.version());
  standing.set_language(evaluation.language());
  standing.set_delay(delay_name(zone.local_day(from_ms(evaluation.submitted_at())) - closed_day));
  if (evaluation.has_score()) {
    Box box = box_of(evaluation, counting);
    standing.set_kind(static_cast<int>(box.kind));
    standing.set_has_score(true);
    standing.set_score(evaluation.score());
    standing.set_score_min(evaluation.score_min());
    standing.set_score_max(evaluation.score_max());
    standing.set_top(box.top);
    standing.set_bottom(box.bottom);
  }
  for (const state::Answer& answer : evaluation.answers()) {
    standing.add_questions(answer.question());
    standing.add_skipped(answer.skipped());
  }
  standing.set_wants_contact(evaluation.wants_contact());
  facts.set_latest_submitted_at(std::max(facts.latest_submitted_at(), evaluation.submitted_at()));
}

int customer_resolution(const std::vector<const state::Evaluation*>& standing) {
  const state::Evaluation* speaker = nullptr;
  for (const state::Evaluation* evaluation : standing) {
    if (evaluation->resolved() == static_cast<int>(Resolution::unknown)) continue;
    if (speaker == nullptr || std::tuple(evaluation->submitted_at(), Text{evaluation->evaluation_id()}) >
                                  std::tuple(speaker->submitted_at(), Text{speaker->evaluation_id()})) {
      speaker = evaluation;
    }
  }
  return speaker == nullptr ? static_cast<int>(Resolution::unknown) : speaker->resolved();
}

}  // namespace

const std::string& Normaliser::tag(const std::string& text) {
  if (known_.size() > kKnownTexts_max) known_.clear();
  auto [found, fresh] = known_.try_emplace(text);
  if (fresh) found->second = normalise_tag(text);
  return found->second;
}

std::vector<TagSaid> tags_said(const state::Session& row, const Counting& counting, Normaliser& normaliser) {
  TagBoard boards[] = {{counting, normaliser}, {counting, normaliser}, {counting, normaliser}};
  std::vector<TagSaid> out;
  each_statement(
      row, standing(row),
      [&](int by, const std::string& text, bool present, std::int64_t time, const std::string& id,
          const std::string& source) {
        boards[by].state(text, present, time, id, source);
        out.push_back({by, text, counting.canonical(normaliser.tag(text)), present, time, id, source, false});
      });
  for (TagSaid& said : out)
    said.counts = boards[said.by].counts(said.tag, said.present, said.time, said.id, said.source);
  return out;
}

void facts_of(const state::Session& row, const Counting& counting, const TimeZone& zone, Normaliser& normaliser,
              state::Facts& facts) {
  const state::Close& close = row.close();
  Time closed_at = from_ms(close.closed_at());
  std::vector<const state::Evaluation*> stands = standing(row);
  facts.set_counting(counting.hash);
  facts.set_bucket(to_ms(zone.hour_start(closed_at)));
  facts.set_channel(close.channel());
  facts.set_category(close.category());
  facts.set_entity(close.entity());
  facts.set_routing_version(close.routing_version());
  set_handlers(close, facts);
  set_tags(row, stands, counting, normaliser, facts);
  std::int64_t closed_day = zone.local_day(closed_at);
  for (const state::Evaluation* evaluation : stands) add_standing(*evaluation, counting, zone, closed_day, facts);
  facts.set_agent_resolution(close.agent_resolution());
  facts.set_customer_resolution(customer_resolution(stands));
  bool delivered = std::any_of(row.invitations().begin(), row.invitations().end(),
                               [](const state::Invitation& i) { return i.outcome() == "delivered"; });
  facts.set_invited(delivered || !stands.empty());
  facts.set_not_reached(!facts.invited() && row.invitations_size() > 0);
  if (close.has_handle_ms()) facts.set_handle_ms(close.handle_ms());
  if (close.has_queued_ms()) facts.set_queued_ms(close.queued_ms());
  if (close.has_first_reply_ms()) facts.set_first_reply_ms(close.first_reply_ms());
}

}  // namespace echoloop::sessions
