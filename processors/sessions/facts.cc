#include "processors/sessions/facts.h"

#include <algorithm>
#include <tuple>

#include "pipeline/text/normalise.h"
#include "processors/sessions/history.h"
#include "schemas/session_shorter.h"

namespace echoloop::sessions {
namespace {

// More texts than any taxonomy has; a stream of ever new ones starts the memory anew.
constexpr std::size_t kKnownTexts_max = 100'000;

// What was said about one tag. Of all that was said about a canonical tag in one direction the statement with the
// greatest (time, id, source) says whether it is there; of two from one event "not there" wins.
struct Statement {
  int by;
  Text tag;  // canonical
  std::int64_t time;
  Text id, source;
  bool absent;

  auto place() const { return std::tie(by, tag, time, id, source, absent); }
  bool is_of_same_tag(const Statement& other) const { return by == other.by && tag == other.tag; }
};

struct Box {
  SurveyKind kind;
  bool top, bottom;
};

Box box_of(const state::Evaluation& evaluation, const Counting& counting) {
  static const Survey kNo_survey;
  auto found = counting.surveys.find(evaluation.survey);
  const Survey& survey = found == counting.surveys.end() ? kNo_survey : found->second;
  std::int64_t value = evaluation.score, min = evaluation.score_min, max = evaluation.score_max;
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

using Stands = std::vector<const state::Evaluation*>;

// Everything that was said about tags: say(by, text, present, time, id, source).
template <class Say>
void each_statement(const state::Session& row, const Stands& standing, const Say& say) {
  for (const state::Evaluation* evaluation : standing) {
    for (Text tag : evaluation->tags)
      say(static_cast<int>(TaggedBy::customer), tag, true, evaluation->submitted_at, Text{}, Text{});
  }
  for (Text tag : row.close->agent_tags)
    say(static_cast<int>(TaggedBy::agent), tag, true, row.close->closed_at, Text{}, Text{});
  for (const state::Review& review : row.reviews) {
    for (Text tag : review.tags) say(static_cast<int>(TaggedBy::reviewer), tag, true, review.time, Text{}, Text{});
  }
  for (const state::TagStatement& s : row.statements) say(s.by, s.tag, s.present, s.time, s.id, s.source);
}

// The statements that count, by direction and tag.
void keep_last(std::vector<Statement>& statements) {
  std::sort(statements.begin(), statements.end(),
            [](const Statement& a, const Statement& b) { return a.place() < b.place(); });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    if (i + 1 < statements.size() && statements[i].is_of_same_tag(statements[i + 1])) continue;
    statements[kept++] = statements[i];
  }
  statements.erase(statements.begin() + static_cast<std::ptrdiff_t>(kept), statements.end());
}

void set_tags(const state::Session& row, const Stands& standing, const Counting& counting, Normaliser& normaliser,
              Arena& arena, state::Facts& facts) {
  thread_local std::vector<Statement> statements;
  statements.clear();
  each_statement(row, standing, [&](int by, Text text, bool present, std::int64_t time, Text id, Text source) {
    const std::string& normalised = normaliser.tag(text);
    if (!normalised.empty()) statements.push_back({by, counting.canonical(normalised), time, id, source, !present});
  });
  keep_last(statements);
  thread_local std::vector<Text> moments;
  moments.clear();
  for (const Statement& statement : statements) {
    if (statement.absent) continue;
    const Text tag = statement.tag;
    switch (TaggedBy{static_cast<std::uint8_t>(statement.by)}) {
      case TaggedBy::customer: {
        facts.tags.add(arena, tag);
        auto moment = counting.moment.find(tag);
        moments.push_back(moment == counting.moment.end() ? Text("unknown") : Text(moment->second));
        break;
      }
      case TaggedBy::agent:
        facts.agent_tags.add(arena, tag);
        break;
      case TaggedBy::reviewer:
        facts.review_tags.add(arena, tag);
    }
  }
  std::sort(moments.begin(), moments.end());
  moments.erase(std::unique(moments.begin(), moments.end()), moments.end());
  for (Text moment : moments) facts.moments.add(arena, moment);
}

void add_standing(const state::Evaluation& evaluation, const Counting& counting, const TimeZone& zone,
                  std::int64_t closed_day, Arena& arena, state::Facts& facts) {
  state::Facts::Standing& standing = facts.standing.add(arena);
  standing.survey = evaluation.survey;
  standing.version = evaluation.version;
  standing.language = evaluation.language;
  standing.delay = delay_name(zone.local_day(from_ms(evaluation.submitted_at)) - closed_day);
  if (evaluation.has_score) {
    Box box = box_of(evaluation, counting);
    standing.kind = static_cast<int>(box.kind);
    standing.has_score = true;
    standing.score = evaluation.score;
    standing.score_min = evaluation.score_min;
    standing.score_max = evaluation.score_max;
    standing.top = box.top;
    standing.bottom = box.bottom;
  }
  for (const state::Answer& answer : evaluation.answers) {
    standing.questions.add(arena, answer.question);
    standing.skipped.add(arena, answer.skipped);
  }
  standing.wants_contact = evaluation.wants_contact.value_or(false);
  facts.latest_submitted_at = std::max(facts.latest_submitted_at, evaluation.submitted_at);
}

int customer_resolution(const Stands& standing) {
  const state::Evaluation* speaker = nullptr;
  for (const state::Evaluation* evaluation : standing) {
    if (evaluation->resolved == static_cast<int>(Resolution::unknown)) continue;
    if (speaker == nullptr || std::tie(evaluation->submitted_at, evaluation->evaluation_id) >
                                  std::tie(speaker->submitted_at, speaker->evaluation_id)) {
      speaker = evaluation;
    }
  }
  return speaker == nullptr ? static_cast<int>(Resolution::unknown) : speaker->resolved;
}

}  // namespace

const std::string& Normaliser::tag(Text text) {
  auto found = known_.find(text);
  if (found == known_.end()) found = known_.emplace(text, normalise_tag(std::string(text))).first;
  return found->second;
}

void Normaliser::trim() {
  if (known_.size() > kKnownTexts_max) known_.clear();
}

std::vector<TagSaid> tags_said(const state::Session& row, const Counting& counting, Normaliser& normaliser) {
  std::vector<Statement> counts;
  std::vector<TagSaid> out;
  each_statement(row, standing(row), [&](int by, Text text, bool present, std::int64_t time, Text id, Text source) {
    const Text normalised = normaliser.tag(text);
    const Text tag = counting.canonical(normalised);
    if (!normalised.empty()) counts.push_back({by, tag, time, id, source, !present});
    out.push_back(
        {by, std::string(text), std::string(tag), present, time, std::string(id), std::string(source), false});
  });
  keep_last(counts);
  for (TagSaid& said : out) {
    const Statement own{said.by, said.tag, said.time, said.id, said.source, !said.present};
    said.counts =
        std::any_of(counts.begin(), counts.end(), [&](const Statement& one) { return one.place() == own.place(); });
  }
  return out;
}

void facts_of(const state::Session& row, const Counting& counting, const TimeZone& zone, Normaliser& normaliser,
              Arena& arena, state::Facts& facts) {
  const state::Close& close = *row.close;
  const Time closed_at = from_ms(close.closed_at);
  thread_local Stands stands;
  standing(row, stands);
  facts.counting = counting.hash;
  facts.bucket = to_ms(zone.hour_start(closed_at));
  facts.channel = close.channel;
  facts.category = close.category;
  facts.entity = close.entity;
  facts.routing_version = close.routing_version;
  state::take_handlers(close, arena, facts);
  set_tags(row, stands, counting, normaliser, arena, facts);
  if (!stands.empty()) {
    const std::int64_t closed_day = zone.local_day(closed_at);
    for (const state::Evaluation* evaluation : stands)
      add_standing(*evaluation, counting, zone, closed_day, arena, facts);
  }
  facts.agent_resolution = close.agent_resolution;
  facts.customer_resolution = customer_resolution(stands);
  const bool delivered = std::any_of(row.invitations.begin(), row.invitations.end(),
                                     [](const state::Invitation& i) { return i.outcome == "delivered"; });
  facts.invited = delivered || !stands.empty();
  facts.not_reached = !facts.invited && !row.invitations.empty();
  facts.handle_ms = close.handle_ms;
  facts.queued_ms = close.queued_ms;
  facts.first_reply_ms = close.first_reply_ms;
}

}  // namespace echoloop::sessions
