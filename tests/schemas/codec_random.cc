#include "tests/schemas/codec_random.h"

#include <vector>

namespace echoloop::test {
namespace {

constexpr const char* kPieces[] = {"a",  "Z",  "7",  " ",      "-",    "/",           "~",      ":",
                                   "\"", "\\", "\n", "\t",     "\x01", "\x1f",        "\x7f",   "é",
                                   "ß",  "客", "服", "\u2028", "😀",    "👩‍💻", "e\u0301"};
constexpr std::int64_t kFirst_ms = 0, kEnd_ms = 7'258'118'400'000;  // 1970 to 2199

}  // namespace

Text RandomEvents::text(std::size_t bytes_max) {
  std::string out;
  std::size_t wanted = chance(5) ? bytes_max : below(std::min<std::size_t>(bytes_max, 24) + 1);
  while (out.size() < wanted) {
    std::string piece = chance(2) ? std::string(1, '\0') : any(kPieces).data();
    if (out.size() + piece.size() > wanted) piece = "x";
    out += piece;
  }
  return keep(std::move(out));
}

Text RandomEvents::id() {
  Text out = text(256);
  return out.empty() ? keep("i" + std::to_string(below(1000))) : out;
}
Text RandomEvents::label() { return text(256); }
Text RandomEvents::prose() { return text(chance(1) ? 65'536 : 400); }
Texts RandomEvents::labels() {
  Texts out(chance(1) ? 256 : below(5));
  for (Text& one : out) one = label();
  return out;
}
Texts RandomEvents::ids() {
  Texts out(below(4));
  for (Text& one : out) one = id();
  return out;
}
Time RandomEvents::time() {
  if (chance(2)) return from_ms(chance(50) ? kFirst_ms : kEnd_ms - 1);
  return from_ms(chance(50) ? static_cast<std::int64_t>(below(kEnd_ms))
                            : static_cast<std::int64_t>(below(kEnd_ms / 1000)) * 1000);
}
std::int64_t RandomEvents::number(std::int64_t max) {
  if (chance(10)) return chance(50) ? 0 : max;
  return static_cast<std::int64_t>(below(chance(80) ? 100'000 : static_cast<std::uint64_t>(max) + 1));
}
Score RandomEvents::score() {
  constexpr std::int64_t kSpan = 1'000'000'000'000;
  std::int64_t min = static_cast<std::int64_t>(below(20'000)) - 10'000;
  std::int64_t max = min + 1 + static_cast<std::int64_t>(below(20'000));
  if (chance(10)) {
    min = -kSpan;
    max = kSpan;
  }
  return {min + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(max - min) + 1)), min, max};
}

SessionClosed RandomEvents::closed() {
  SessionClosed out;
  out.tenant = id();
  out.session_id = id();
  out.closed_at = time();
  maybe(out.customer_id, id());
  maybe(out.channel, label());
  maybe(out.opened_at, time());
  maybe(out.queued_ms, number(1'000'000'000'000));
  maybe(out.first_reply_ms, number(1'000'000'000'000));
  maybe(out.handle_ms, number(1'000'000'000'000));
  maybe(out.closed_by, any({"customer", "agent", "system"}));
  maybe(out.category, label());
  maybe(out.entity, label());
  for (std::uint64_t i = below(4); i > 0; --i) {
    Handler& one = out.agents.emplace_back();
    one.id = id();
    maybe(one.group, label());
    maybe(one.department, label());
    one.bot = chance(30);
    maybe(one.from, time());
    if (chance(50)) one.to = std::max(time(), one.from.value_or(from_ms(0)));
  }
  maybe(out.transfers, number(1'000'000'000));
  maybe(out.work_orders, number(1'000'000'000));
  maybe(out.knowledge, Knowledge{number(1'000'000'000), number(1'000'000'000)});
  out.links = labels();
  if (chance(50)) {
    Routing& routing = out.routing.emplace();
    maybe(routing.rule, label());
    maybe(routing.version, label());
    maybe(routing.intended_group, label());
  }
  out.agent_resolution = static_cast<Resolution>(below(3));
  out.agent_tags = labels();
  maybe(out.previous_session, id());
  return out;
}

EvaluationSubmitted RandomEvents::submitted() {
  EvaluationSubmitted out;
  out.tenant = id();
  out.session_id = id();
  out.evaluation_id = id();
  out.submitted_at = time();
  maybe(out.customer_id, id());
  maybe(out.survey, label());
  maybe(out.version, label());
  maybe(out.score, score());
  out.resolved = static_cast<Resolution>(below(3));
  out.tags = labels();
  maybe(out.comment, prose());
  for (std::uint64_t i = below(4); i > 0; --i) {
    Answer& one = out.answers.emplace_back();
    one.question = id();
    if (chance(40)) {
      one.text = prose();
    } else if (chance(60)) {
      one.number = score().value;
    }
    one.skipped = chance(30);
  }
  maybe(out.language, label());
  maybe(out.wants_contact, chance(50));
  return out;
}

TaskCommand RandomEvents::command() {
  TaskCommand out;
  out.tenant = id();
  out.task_id = id();
  out.by = id();
  out.command = any({"acknowledge", "accept", "reject", "start", "hold", "resume", "done", "tell_customer", "close",
                     "reopen", "assign", "merge", "split", "comment"});
  maybe(out.reason, prose());
  maybe(out.note, prose());
  maybe(out.text, prose());
  maybe(out.action_type, any({"routing_rule", "training", "staffing", "process", "product", "knowledge"}));
  maybe(out.effective_from, time());
  maybe(out.until, time());
  maybe(out.department, id());
  maybe(out.person, id());
  maybe(out.into, id());
  maybe(out.how, id());
  out.sessions = ids();
  out.customers = ids();
  maybe(out.if_match, id());
  out.only_in = ids();
  if (out.command == "reject" || out.command == "hold") out.reason = id();
  if (out.command == "hold") out.until = time();
  if (out.command == "start") {
    out.action_type = "staffing";
    out.effective_from = time();
  }
  if (out.command == "tell_customer") out.how = id();
  if (out.command == "assign" && !out.person) out.department = id();
  if (out.command == "merge") out.into = id();
  if (out.command == "split") out.sessions.push_back(id());
  if (out.command == "comment") out.text = id();
  return out;
}

Event RandomEvents::event(std::size_t type) {
  texts_.clear();
  Event out;
  out.source = id();
  out.id = id();
  maybe(out.time, time());
  switch (type) {
    case 0:
      out.data = closed();
      break;
    case 1: {
      SurveyInvited data;
      data.tenant = id();
      data.session_id = id();
      data.survey = id();
      data.sent_at = time();
      maybe(data.version, label());
      maybe(data.channel, label());
      maybe(data.outcome, any({"delivered", "refused", "no_answer", "failed"}));
      out.data = data;
      break;
    }
    case 2:
      out.data = submitted();
      break;
    case 3:
      out.data = EvaluationWithdrawn{id(), id(), id(), any({"customer", "appeal", "forged", "test"})};
      break;
    case 4: {
      TagsChanged data;
      data.tenant = id();
      data.session_id = id();
      data.by = static_cast<TaggedBy>(below(3));
      maybe(data.who, label());
      data.add = labels();
      data.remove = labels();
      out.data = data;
      break;
    }
    case 5: {
      ReviewRecorded data;
      data.tenant = id();
      data.session_id = id();
      data.reviewer = id();
      maybe(data.cause, label());
      maybe(data.misrouted, chance(50));
      data.tags = labels();
      maybe(data.agrees, chance(50));
      maybe(data.note, prose());
      out.data = data;
      break;
    }
    case 6: {
      OutcomeObserved data;
      data.tenant = id();
      data.name = id();
      data.time = time();
      data.numerator = number(1'000'000'000'000'000);
      data.denominator = number(1'000'000'000'000'000);
      maybe(data.department, label());
      maybe(data.category, label());
      maybe(data.group, label());
      maybe(data.entity, label());
      out.data = data;
      break;
    }
    default:
      out.data = command();
  }
  if (chance(50)) out.subject = type < 6 ? partition_key_of(out) : id();
  return out;
}

}  // namespace echoloop::test
