// The row of a session (table sessions) as a struct, and its bytes. The bytes are protobuf's wire format, fields by
// rising number, those that say nothing left out; tests/schemas/session_wire.proto is the same as a .proto. It is read
// and written by hand because a session is read or written with nearly every event: texts are views, lists lie in an
// arena, nothing is allocated on its own. What the bytes would say twice they say once (session_shorter.h).
//
// Times are Unix milliseconds; scores are thousandths. Add fields, never renumber.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/arena.h"

namespace echoloop::state {

using Text = std::string_view;

struct Handler {
  Text id, group, department;
  bool bot = false;
  std::optional<std::int64_t> from, to;
};

// The standing session.closed.
struct Close {
  Text source, id;
  std::int64_t closed_at = 0;
  Text customer_id, channel;
  std::optional<std::int64_t> opened_at, queued_ms, first_reply_ms, handle_ms;
  Text closed_by, category, entity;
  List<Handler> agents;
  std::optional<std::int64_t> transfers, work_orders, knowledge_lookups, knowledge_hits;
  List<Text> links;
  Text routing_rule, routing_version, intended_group;
  int agent_resolution = 0;
  List<Text> agent_tags;  // as written
  Text previous_session;
};

struct Answer {
  Text question;
  std::optional<Text> text;
  std::optional<std::int64_t> number;
  bool skipped = false;
};

struct Evaluation {
  Text source, id, evaluation_id;
  std::int64_t submitted_at = 0;
  Text customer_id, survey, version;
  bool has_score = false;
  std::int64_t score = 0, score_min = 0, score_max = 0;
  int resolved = 0;
  List<Text> tags;  // as written
  Text comment;
  List<Answer> answers;
  Text language;
  std::optional<bool> wants_contact;
};

struct Withdrawal {
  Text evaluation_id, reason;
};

struct Invitation {
  Text survey;
  std::int64_t sent_at = 0;
  Text version, channel, outcome;
};

// One text in one tags.changed.
struct TagStatement {
  int by = 0;
  Text tag;  // as written
  bool present = false;
  std::int64_t time = 0;
  Text id, source;
};

struct Review {
  Text reviewer;
  std::int64_t time = 0;
  Text id, source, cause;
  std::optional<bool> misrouted;
  List<Text> tags;
  std::optional<bool> agrees;
  Text note;
};

// Where a raw event of the session lies in the events log, and what became of it.
struct EventPlace {
  enum Fate {
    APPLIED = 0,
    DUPLICATE = 1,
    DIFFERENT = 2,  // a known source + id with other content: the first stands
  };
  std::int64_t offset = 0;
  int fate = APPLIED;
};

// What a session added to the aggregates: all that is needed to take it out again, whatever the configuration says by
// then.
struct Facts {
  struct Standing {
    Text survey, version, language, delay;
    int kind = 0;  // SurveyKind
    bool has_score = false;
    std::int64_t score = 0, score_min = 0, score_max = 0;
    bool top = false, bottom = false;
    List<Text> questions;  // one per answer
    List<bool> skipped;
    bool wants_contact = false;
  };
  struct Credit {
    Text agent, group, department;
    std::int64_t ms = 0;
  };
  std::uint64_t counting = 0;  // hash of the counting rules
  std::int64_t bucket = 0;     // start
  Text channel, category, entity, agent, group, department, bot, routing_version;
  List<Text> tags, agent_tags, review_tags, moments;
  List<Standing> standing;
  List<Credit> credits;
  int agent_resolution = 0, customer_resolution = 0;
  bool invited = false, not_reached = false;
  std::optional<std::int64_t> handle_ms, queued_ms, first_reply_ms;
  std::int64_t latest_submitted_at = 0;  // of the standing evaluations; 0 without one

  // In the bytes only: what is said by the rest of the row.
  std::uint64_t as_row = 0;  // bits of AsRow
  List<char> tags_as_row;    // for each tag a byte: which of the tags that evaluations and statements name
};

struct RedLineFound {
  Text red_line;
  Text evaluation_id;  // empty: found in tags that no evaluation carries
  bool withdrawn = false;
};

struct Session {
  List<char> seen;          // 16 bytes per event: hash128 of source, 00, id
  List<char> seen_content;  // 8 bytes per event: hash64 of the record's value
  std::optional<Close> close;
  List<Evaluation> evaluations;
  List<Withdrawal> withdrawals;
  List<Invitation> invitations;
  List<TagStatement> statements;
  List<Review> reviews;
  List<EventPlace> events;
  bool counted = false;  // whether the facts are: without a close nothing is
  Facts facts;           // what was counted
  List<RedLineFound> red_lines;
  List<Text> recoveries;            // recovery rules that hold
  std::int64_t touched_at = 0;      // stage time of the last change
  std::optional<std::int64_t> age;  // what table session_ages has it under

  // In the bytes only: for each event a byte, which statement of the row has its source and id (session_shorter.h).
  List<char> seen_as_row;
};

// `out` must be empty. Its texts are views into the bytes or lie in the arena, as its lists do. False: malformed.
// Fields of a later version are left out.
bool parse(std::string_view bytes, Arena& arena, Session& out);

// Appends the bytes; one form for each value. Of facts alone they say everything, to be compared.
void put(const Session& session, std::string& out);
void put(const Facts& facts, std::string& out);

}  // namespace echoloop::state
