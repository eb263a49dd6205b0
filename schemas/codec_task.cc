// echoloop.task.command.v1 with what each command needs, and echoloop.outcome.observed.v1.
#include "schemas/codec_fields.h"

namespace echoloop::codec {
namespace {

constexpr std::array<Text, 14> kCommands{"acknowledge",   "accept", "reject", "start",  "hold",  "resume", "done",
                                         "tell_customer", "close",  "reopen", "assign", "merge", "split",  "comment"};
constexpr std::array<Text, 6> kActions{"routing_rule", "training", "staffing", "process", "product", "knowledge"};

constexpr std::array kCommandFields{
    need<Id, &TaskCommand::tenant>("tenant"),
    need<Id, &TaskCommand::task_id>("task_id"),
    need<Choice<kCommands>, &TaskCommand::command>("command"),
    need<Id, &TaskCommand::by>("by"),
    may<Prose, &TaskCommand::reason>("reason"),
    may<Prose, &TaskCommand::note>("note"),
    may<Prose, &TaskCommand::text>("text"),
    may<Choice<kActions>, &TaskCommand::action_type>("action_type"),
    may<Instant, &TaskCommand::effective_from>("effective_from"),
    may<Instant, &TaskCommand::until>("until"),
    may<Id, &TaskCommand::department>("department"),
    may<Id, &TaskCommand::person>("person"),
    may<Id, &TaskCommand::into>("into"),
    may<Id, &TaskCommand::how>("how"),
    may<List<Id>, &TaskCommand::sessions>("sessions"),
    may<List<Id, kCustomers_max>, &TaskCommand::customers>("customers"),
    may<Id, &TaskCommand::if_match>("if_match"),
    may<List<Id>, &TaskCommand::only_in>("only_in"),
};

struct Need {
  Text command, field;
  bool (*met)(const TaskCommand&);
};

bool filled(const std::optional<Text>& text) { return text && !text->empty(); }

constexpr Need kNeeds[] = {
    {"reject", "reason", [](const TaskCommand& c) { return filled(c.reason); }},
    {"start", "action_type", [](const TaskCommand& c) { return c.action_type.has_value(); }},
    {"start", "effective_from", [](const TaskCommand& c) { return c.effective_from.has_value(); }},
    {"hold", "reason", [](const TaskCommand& c) { return filled(c.reason); }},
    {"hold", "until", [](const TaskCommand& c) { return c.until.has_value(); }},
    {"tell_customer", "how", [](const TaskCommand& c) { return c.how.has_value(); }},
    {"assign", "department", [](const TaskCommand& c) { return c.department || c.person; }},
    {"merge", "into", [](const TaskCommand& c) { return c.into.has_value(); }},
    {"split", "sessions", [](const TaskCommand& c) { return !c.sessions.empty(); }},
    {"comment", "text", [](const TaskCommand& c) { return filled(c.text); }},
};

using OutcomeNumber = UpTo<kOutcome_max>;

constexpr std::array kOutcomeFields{
    need<Id, &OutcomeObserved::tenant>("tenant"),
    need<Id, &OutcomeObserved::name>("name"),
    need<Instant, &OutcomeObserved::time>("time"),
    need<OutcomeNumber, &OutcomeObserved::numerator>("numerator"),
    need<OutcomeNumber, &OutcomeObserved::denominator>("denominator"),
    may<Label, &OutcomeObserved::department>("department"),
    may<Label, &OutcomeObserved::category>("category"),
    may<Label, &OutcomeObserved::group>("group"),
    may<Label, &OutcomeObserved::entity>("entity"),
};

}  // namespace

bool read_data(Reading& reading, Element value, const Path& at, TaskCommand& out) {
  if (!read_object<kCommandFields>(reading, value, at, out)) return false;
  for (const Need& needed : kNeeds) {
    if (out.command == needed.command && !needed.met(out)) {
      return reading.fail(at.field(needed.field),
                          fmt::format("command '{}' needs {}", out.command,
                                      needed.command == "assign" ? "a department or a person" : "it"));
    }
  }
  return true;
}
void write_data(const TaskCommand& data, std::string& out) { write_object(data, kCommandFields, out); }

bool read_data(Reading& reading, Element value, const Path& at, OutcomeObserved& out) {
  return read_object<kOutcomeFields>(reading, value, at, out);
}
void write_data(const OutcomeObserved& data, std::string& out) { write_object(data, kOutcomeFields, out); }

}  // namespace echoloop::codec
