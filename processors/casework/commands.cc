// Commands: what people do with tasks. Decided here and only here, in the order of the log; the answer lies in table
// command_results for whoever waits.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "pipeline/base/hash.h"
#include "pipeline/stage/row_ages.h"
#include "processors/casework/casework.h"
#include "processors/casework/clocks.h"
#include "processors/casework/lifecycle.h"
#include "processors/casework/merging.h"
#include "processors/dead_notice.h"
#include "schemas/codec.h"
#include "schemas/dead_letter.h"
#include "schemas/task_json.h"

namespace echoloop::casework {
namespace {

constexpr Duration kAction_ahead{180 * kDay_ms};
constexpr int kOk = 200, kNotFound = 404, kConflict = 409, kStale = 412, kUnprocessable = 422;

struct Answer {
  int status = kOk;
  std::string detail;
  std::vector<std::string> allowed;
};

std::string text_of(const std::optional<Text>& text) { return std::string(text.value_or(Text{})); }

Answer refused(std::string detail) { return {kUnprocessable, std::move(detail), {}}; }
Answer unless(std::string refusal) { return refusal.empty() ? Answer{} : refused(std::move(refusal)); }

// The commands that do more than lead into another state. Each answers whether it may; `entry` gets what the history
// should say beside who, what, from and to.
struct Deed {
  const TaskCommand& command;
  const Transition& row;
  state::Task& task;
  state::HistoryEntry& entry;
  const Domain& domain;
  CaseBook& book;
  stage::Context& context;
};

Answer reject(const Deed& deed) {
  state::Task& task = deed.task;
  deed.entry.set_why(text_of(deed.command.reason));
  task.add_rejected_by(task.department());
  auto department = next_department(task, deed.domain);
  if (!department) {
    deed.book.move_to(task, task_state::kRejected, ClockEffect::end, deed.context);
    return {};
  }
  deed.book.give_to(task, *department, deed.context);
  start_deadlines(task, deed.domain, deed.context.now());
  deed.book.move_to(task, task_state::kOpened, ClockEffect::start, deed.context);
  deed.entry.set_detail(*department);
  return {};
}

Answer assign(const Deed& deed) {
  if (deed.command.department) {
    std::string department = text_of(deed.command.department);
    if (!deed.domain.departments.contains(department))
      return refused(fmt::format("department '{}' is not in organisation.yaml", department));
    if (department != deed.task.department()) begin_ladder(deed.task, deed.context.now());
    deed.book.give_to(deed.task, department, deed.context);
    deed.entry.set_detail(department);
  }
  if (deed.command.person) {
    deed.task.set_person(text_of(deed.command.person));
    deed.entry.set_detail(deed.entry.detail() + (deed.entry.detail().empty() ? "" : " / ") + deed.task.person());
  }
  return {};
}

Answer hold(const Deed& deed) {
  const Time until = *deed.command.until, now = deed.context.now();
  if (until <= now) return refused(fmt::format("until: {} is over", format_time(until)));
  if (until > now + deed.domain.hold_at_most)
    return refused(fmt::format("until: a task is on hold for {} at most, that is until {}",
                               format_duration(deed.domain.hold_at_most), format_time(now + deed.domain.hold_at_most)));
  deed.entry.set_why(text_of(deed.command.reason));
  deed.entry.set_detail("until " + format_time(until));
  deed.book.put_on_hold(deed.task, text_of(deed.command.reason), to_ms(until), deed.context);
  return {};
}

Answer tell_customer(const Deed& deed) {
  const bool many = deed.task.kind() == "improvement";
  if (many && deed.command.customers.empty())
    return refused("customers: say which customers were told; the task is about more than one");
  state::Told& told = *deed.task.mutable_told();
  told.Clear();
  told.set_how(text_of(deed.command.how));
  told.set_by(std::string(deed.command.by));
  told.set_at(to_ms(deed.context.now()));
  for (const Text& customer : deed.command.customers) told.add_customers(std::string(customer));
  if (told.customers_size() == 0 && !deed.task.customer_id().empty()) told.add_customers(deed.task.customer_id());
  deed.entry.set_detail(many ? fmt::format("{}, {} customers", told.how(), told.customers_size()) : told.how());
  deed.entry.set_why(text_of(deed.command.note));
  return {};
}

Answer reopen(const Deed& deed) {
  if (is_end(deed.task.state()) && text_of(deed.command.reason).empty()) return refused("reason: say why");
  deed.book.revive(deed.task, std::string(deed.command.by), text_of(deed.command.reason), deed.context);
  deed.entry.Clear();  // it is written
  return {};
}

Answer close(const Deed& deed) {
  if (deed.task.state() != task_state::kCustomerTold && text_of(deed.command.reason).empty())
    return refused("reason: say why");
  deed.entry.set_why(text_of(deed.command.reason));
  return {};
}

Answer apply(const Deed& deed) {
  const TaskCommand& command = deed.command;
  Answer answer;
  if (command.command == "reject") return reject(deed);
  if (command.command == "reopen") return reopen(deed);
  if (command.command == "hold") return hold(deed);
  if (command.command == "resume") {
    deed.book.take_from_hold(deed.task, deed.context);
    return {};
  }
  if (command.command == "assign") answer = assign(deed);
  if (command.command == "tell_customer") answer = tell_customer(deed);
  if (command.command == "close") answer = close(deed);
  if (command.command == "merge") {
    deed.entry.set_detail(text_of(command.into));
    answer = unless(merge(deed.task, *command.into, command.by, deed.book, deed.context));
  }
  if (command.command == "split") {
    std::string made;
    answer = unless(split(deed.task, {command.sessions.begin(), command.sessions.end()}, command.by, deed.book,
                          deed.context, made));
    deed.entry.set_detail(made);
  }
  if (command.command == "start") {
    // The weeks that are compared begin there: a slip of the pen would lock the task up for years.
    if (command.effective_from.value_or(deed.context.now()) > deed.context.now() + kAction_ahead)
      return refused(fmt::format("effective_from: more than {} ahead", format_duration(kAction_ahead)));
    deed.task.set_action_type(text_of(command.action_type));
    deed.task.set_action_effective_from(to_ms(command.effective_from.value_or(deed.context.now())));
    deed.entry.set_detail(deed.task.action_type());
  }
  if (command.command == "done") deed.entry.set_why(text_of(command.note));
  if (command.command == "comment") deed.entry.set_why(text_of(command.text));
  if (answer.status != kOk) return answer;
  if (!deed.row.to.empty()) deed.book.move_to(deed.task, deed.row.to, deed.row.clock, deed.context);
  return {};
}

Answer decide(const TaskCommand& command, const Domain& domain, state::Task* task, CaseBook& book,
              stage::Context& context) {
  if (task == nullptr) return {kNotFound, fmt::format("no task '{}'", command.task_id), {}};
  if (command.if_match && !task_matches(*task, *command.if_match)) {
    return {kStale, fmt::format("the task is at {} now", task_etag(*task)), {}};
  }
  const auto meant = [&](const Text& state) { return state == task->state(); };
  if (!command.only_in.empty() && std::none_of(command.only_in.begin(), command.only_in.end(), meant)) {
    context.count("commands_not_meant");
    return {kOk, fmt::format("not meant for a task that is {}", task->state()), {}};
  }
  const Transition* row = transition_of(*task, command.command);
  if (row == nullptr) {
    return {kConflict, fmt::format("'{}' is not possible while the task is {}", command.command, task->state()),
            allowed_for(*task)};
  }
  state::HistoryEntry entry = history(std::string(command.by), std::string(command.command));
  entry.set_from(task->state());
  const std::string before = task->department();
  Answer answer = apply({command, *row, *task, entry, domain, book, context});
  if (answer.status != kOk || entry.what().empty()) return answer;
  if (!is_end(task->state())) note_contact(*task, context.now());
  if (task->department() != before) book.hear_of(*task, context.now(), context);  // whoever has it now
  entry.set_to(task->state());
  book.write(*task, std::move(entry), task->department() == before ? News::changed : News::handed_over, context);
  return answer;
}

}  // namespace

std::string command_fingerprint(const TaskCommand& command) {
  Event bare;
  TaskCommand& said = bare.data.emplace<TaskCommand>(command);
  said.if_match.reset();
  std::string text;
  encode(bare, text);
  return hash128(text);
}

namespace {

// A command by which nobody waits for an answer is kept where every refused event is, so that its sender finds out and
// may send it again. The "c" tells these letters from those of SESSIONS.
void keep_refused(const stage::Record& record, const TaskCommand& command, const Answer& answer,
                  stage::Context& context) {
  state::Rejected rejected;
  rejected.set_document(record.value.data(), record.value.size());
  rejected.set_tenant(std::string(command.tenant));
  rejected.set_where("/data/command");
  rejected.set_reason(shortened(answer.allowed.empty()
                                    ? answer.detail
                                    : fmt::format("{}; possible: {}", answer.detail, fmt::join(answer.allowed, ", "))));
  rejected.set_door("stage");
  rejected.set_received_at(to_ms(record.at));
  write_dead_letter(fmt::format("{}-c{}", context.shard(), record.offset), stage::Topic::cases, record,
                    std::move(rejected), context);
  context.count("dead_commands");
}

}  // namespace

void take_command(const stage::Record& record, const Event& event, const Domain& domain, CaseBook& book,
                  stage::Context& context) {
  const auto& command = std::get<TaskCommand>(event.data);
  std::string key = command_key(event.source, event.id);
  std::string fingerprint = command_fingerprint(command);
  if (auto known = context.get(stage::Table::command_results, key)) {
    state::CommandResult decided;
    decided.ParseFromString(*known);
    context.count(decided.fingerprint() == fingerprint ? "commands_duplicate" : "commands_different");
    return;
  }
  state::Task* task = book.find(command.tenant, command.task_id, context);
  Answer answer = decide(command, domain, task, book, context);
  if (answer.status != kOk && event.source != kApiSource) return keep_refused(record, command, answer, context);
  state::CommandResult result;
  result.set_status(answer.status);
  result.set_task_id(std::string(command.task_id));
  result.set_detail(answer.detail);
  for (std::string& allowed : answer.allowed) result.add_allowed(std::move(allowed));
  if (task != nullptr) result.set_version(task->version());
  result.set_at(to_ms(context.now()));
  result.set_fingerprint(std::move(fingerprint));
  context.put(stage::Table::command_results, key, result.SerializeAsString());
  stage::RowAges::note(stage::Table::command_results, key, domain.session_retention, context);
  context.count("commands_decided");
}

}  // namespace echoloop::casework
