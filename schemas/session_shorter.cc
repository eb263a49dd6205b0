#include "schemas/session_shorter.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "pipeline/base/hash.h"

namespace echoloop::state {
namespace {

constexpr std::size_t kSeen_bytes = 16;
// Beyond these a row is long anyway, and looking for each in all of them would take its time.
constexpr std::size_t kEvents_max = 32, kEvaluations_max = 32, kTags_max = 64;
constexpr std::int64_t kHour_ms = 3'600'000;
constexpr Text kUnknown = "unknown";

// In seen_as_row: the hash stands in `seen`, or it is of the close, or of an evaluation, which are numbered from here.
constexpr char kSeen_itself = 0, kSeen_close = 1;
constexpr int kSeen_evaluation = 2;

std::array<char, kSeen_bytes> seen_hash(Text source, Text id) {
  thread_local std::string both;
  both.assign(source).push_back('\0');
  both.append(id);
  return digest128(both);
}

// 0 where the facts' own says it.
std::int64_t bucket_of(const Close& close) {
  return close.closed_at > 0 ? close.closed_at - close.closed_at % kHour_ms : 0;
}

std::int64_t ms_of(const Handler& handler) {
  if (!handler.from || !handler.to) return 0;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(*handler.to) - static_cast<std::uint64_t>(*handler.from));
}

template <class Use>
void each_handler(const Close& close, const Use& use) {
  for (const Handler& handler : close.agents) {
    if (!handler.bot) use(handler, ms_of(handler));
  }
}

bool are_handlers(const Close& close, const Facts& facts) {
  Text agent, group, department, bot;
  std::size_t n = 0;
  bool same = true;
  each_handler(close, [&](const Handler& handler, std::int64_t ms) {
    agent = handler.id;
    group = handler.group;
    department = handler.department;
    if (n < facts.credits.size()) {
      const Facts::Credit& credit = facts.credits[n];
      same =
          same && credit.agent == agent && credit.group == group && credit.department == department && credit.ms == ms;
    }
    ++n;
  });
  for (const Handler& handler : close.agents) {
    if (handler.bot) bot = handler.id;
  }
  return same && n == facts.credits.size() && facts.agent == agent && facts.group == group &&
         facts.department == department && facts.bot == bot;
}

bool is_as_close(const Close& close, const Facts& facts) {
  return facts.channel == close.channel && facts.category == close.category && facts.entity == close.entity &&
         facts.routing_version == close.routing_version && facts.agent_resolution == close.agent_resolution &&
         facts.handle_ms == close.handle_ms && facts.queued_ms == close.queued_ms &&
         facts.first_reply_ms == close.first_reply_ms && are_handlers(close, facts);
}

bool is_as_evaluation(const Session& row) {
  const Facts& facts = row.facts;
  if (facts.standing.size() != 1 || row.evaluations.size() != 1) return false;
  const Facts::Standing& standing = facts.standing[0];
  const Evaluation& evaluation = row.evaluations[0];
  if (standing.questions.size() != evaluation.answers.size() || standing.skipped.size() != evaluation.answers.size())
    return false;
  for (std::size_t i = 0; i < evaluation.answers.size(); ++i) {
    const Answer& answer = evaluation.answers[i];
    if (standing.questions[i] != answer.question || standing.skipped[i] != answer.skipped) return false;
  }
  return standing.survey == evaluation.survey && standing.version == evaluation.version &&
         standing.language == evaluation.language && standing.has_score == evaluation.has_score &&
         standing.score == evaluation.score && standing.score_min == evaluation.score_min &&
         standing.score_max == evaluation.score_max &&
         standing.wants_contact == evaluation.wants_contact.value_or(false) &&
         facts.latest_submitted_at == evaluation.submitted_at;
}

// The tags that evaluations and statements name, one behind the other.
template <class Use>
void each_tag(const Session& row, const Use& use) {
  for (const Evaluation& evaluation : row.evaluations) {
    for (Text tag : evaluation.tags) use(tag);
  }
  for (const TagStatement& statement : row.statements) use(statement.tag);
}

struct Tags {
  std::array<Text, kTags_max> texts;
  std::size_t size = 0;
};

Tags tags_of(const Session& row) {
  Tags out;
  each_tag(row, [&](Text tag) {
    if (out.size < kTags_max) out.texts[out.size++] = tag;
  });
  return out;
}

void shorten_tags(const Session& row, Facts& facts, std::string& places) {
  places.clear();
  if (facts.tags.empty()) return;
  const Tags tags = tags_of(row);
  const auto end = tags.texts.begin() + tags.size;
  for (Text tag : facts.tags) {
    const auto found = std::find(tags.texts.begin(), end, tag);
    if (found == end) return;
    places.push_back(static_cast<char>(found - tags.texts.begin()));
  }
  facts.tags.clear();
  facts.tags_as_row = List<char>::over(places.data(), places.size());
}

bool lengthen_tags(const Session& row, Arena& arena, Facts& facts) {
  if (facts.tags_as_row.empty()) return true;
  const Tags tags = tags_of(row);
  for (char place : facts.tags_as_row) {
    if (static_cast<std::uint8_t>(place) >= tags.size) return false;
    facts.tags.add(arena, tags.texts[static_cast<std::uint8_t>(place)]);
  }
  facts.tags_as_row.clear();
  return true;
}

void shorten_facts(const Session& row, Facts& facts, std::string& tags_as_row) {
  shorten_tags(row, facts, tags_as_row);
  if (facts.moments.size() == 1 && facts.moments[0] == kUnknown) {
    facts.as_row |= kMoment_unknown;
    facts.moments.clear();
  }
  if (is_as_evaluation(row)) {
    facts.as_row |= kStanding_as_row;
    facts.latest_submitted_at = 0;
  }
  if (!row.close) return;
  if (facts.bucket == bucket_of(*row.close)) {
    facts.as_row |= kBucket_as_row;
    facts.bucket = 0;
  }
  if (!is_as_close(*row.close, facts)) return;
  facts.as_row |= kClose_as_row;
  facts.channel = facts.category = facts.entity = facts.routing_version = {};
  facts.agent = facts.group = facts.department = facts.bot = {};
  facts.credits.clear();
  facts.agent_resolution = 0;
  facts.handle_ms = facts.queued_ms = facts.first_reply_ms = std::nullopt;
}

// What is left of the standing evaluation is what the counting rules made of it. A list is shared with the row that it
// was copied from, so its entry is replaced, not changed.
void shorten_standing(Facts& facts, Facts::Standing& left) {
  if ((facts.as_row & kStanding_as_row) == 0) return;
  const Facts::Standing& whole = facts.standing[0];
  left = {};
  left.delay = whole.delay;
  left.kind = whole.kind;
  left.top = whole.top;
  left.bottom = whole.bottom;
  facts.standing = List<Facts::Standing>::over(&left, 1);
}

bool lengthen_facts(const Session& row, Arena& arena, Facts& facts) {
  if (!lengthen_tags(row, arena, facts)) return false;
  if ((facts.as_row & kMoment_unknown) != 0) facts.moments.add(arena, kUnknown);
  if ((facts.as_row & kStanding_as_row) != 0) {
    if (row.evaluations.size() != 1 || facts.standing.size() != 1) return false;
    const Evaluation& evaluation = row.evaluations[0];
    Facts::Standing& standing = facts.standing[0];
    standing.survey = evaluation.survey;
    standing.version = evaluation.version;
    standing.language = evaluation.language;
    standing.has_score = evaluation.has_score;
    standing.score = evaluation.score;
    standing.score_min = evaluation.score_min;
    standing.score_max = evaluation.score_max;
    for (const Answer& answer : evaluation.answers) {
      standing.questions.add(arena, answer.question);
      standing.skipped.add(arena, answer.skipped);
    }
    standing.wants_contact = evaluation.wants_contact.value_or(false);
    facts.latest_submitted_at = evaluation.submitted_at;
  }
  if ((facts.as_row & (kBucket_as_row | kClose_as_row)) != 0 && !row.close) return false;
  if ((facts.as_row & kBucket_as_row) != 0) facts.bucket = bucket_of(*row.close);
  if ((facts.as_row & kClose_as_row) != 0) {
    const Close& close = *row.close;
    facts.channel = close.channel;
    facts.category = close.category;
    facts.entity = close.entity;
    facts.routing_version = close.routing_version;
    take_handlers(close, arena, facts);
    facts.agent_resolution = close.agent_resolution;
    facts.handle_ms = close.handle_ms;
    facts.queued_ms = close.queued_ms;
    facts.first_reply_ms = close.first_reply_ms;
  }
  facts.as_row = 0;
  return true;
}

// An event that the row's close or an evaluation came with needs no hash of its own.
void shorten_seen(Session& row, ShorterLists& lists) {
  const std::size_t events = row.seen.size() / kSeen_bytes;
  if (row.seen.size() % kSeen_bytes != 0 || events > kEvents_max || row.evaluations.size() > kEvaluations_max) return;
  std::array<std::array<char, kSeen_bytes>, 1 + kEvaluations_max> hashes;
  if (row.close) hashes[0] = seen_hash(row.close->source, row.close->id);
  for (std::size_t i = 0; i < row.evaluations.size(); ++i)
    hashes[1 + i] = seen_hash(row.evaluations[i].source, row.evaluations[i].id);
  const auto place_of = [&](const char* seen) {
    for (std::size_t i = row.close ? 0 : 1; i < 1 + row.evaluations.size(); ++i) {
      if (std::memcmp(seen, hashes[i].data(), kSeen_bytes) == 0) return static_cast<char>(kSeen_close + i);
    }
    return kSeen_itself;
  };
  lists.seen.clear();
  lists.seen_as_row.clear();
  for (std::size_t i = 0; i < events; ++i) {
    const char* seen = row.seen.data() + i * kSeen_bytes;
    lists.seen_as_row.push_back(place_of(seen));
    if (lists.seen_as_row.back() == kSeen_itself) lists.seen.append(seen, kSeen_bytes);
  }
  if (lists.seen.size() == row.seen.size()) return;
  row.seen = List<char>::over(lists.seen.data(), lists.seen.size());
  row.seen_as_row = List<char>::over(lists.seen_as_row.data(), lists.seen_as_row.size());
}

bool lengthen_seen(Session& row, Arena& arena) {
  if (row.seen_as_row.empty()) return true;
  List<char> out;
  std::size_t at = 0;
  for (char place : row.seen_as_row) {
    if (place == kSeen_itself) {
      if (at + kSeen_bytes > row.seen.size()) return false;
      out.append(arena, row.seen.data() + at, kSeen_bytes);
      at += kSeen_bytes;
    } else if (place == kSeen_close) {
      if (!row.close) return false;
      out.append(arena, seen_hash(row.close->source, row.close->id).data(), kSeen_bytes);
    } else {
      const auto evaluation = static_cast<std::size_t>(static_cast<std::uint8_t>(place) - kSeen_evaluation);
      if (evaluation >= row.evaluations.size()) return false;
      const Evaluation& one = row.evaluations[evaluation];
      out.append(arena, seen_hash(one.source, one.id).data(), kSeen_bytes);
    }
  }
  if (at != row.seen.size()) return false;
  row.seen = out;
  row.seen_as_row.clear();
  return true;
}

}  // namespace

void take_handlers(const Close& close, Arena& arena, Facts& facts) {
  for (const Handler& handler : close.agents) {
    if (handler.bot) facts.bot = handler.id;
  }
  each_handler(close, [&](const Handler& handler, std::int64_t ms) {
    facts.agent = handler.id;
    facts.group = handler.group;
    facts.department = handler.department;
    facts.credits.add(arena, {handler.id, handler.group, handler.department, ms});
  });
}

void shorten(Session& row, ShorterLists& lists) {
  shorten_seen(row, lists);
  if (!row.counted) return;
  shorten_facts(row, row.facts, lists.tags_as_row);
  shorten_standing(row.facts, lists.standing);
}

bool lengthen(Session& row, Arena& arena) {
  return lengthen_seen(row, arena) && (!row.counted || lengthen_facts(row, arena, row.facts));
}

}  // namespace echoloop::state
