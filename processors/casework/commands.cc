// Commands: what people do with tasks. Decided here and only here, in the order of the log; the answer lies in table
// command_results for whoever waits.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "pipeline/base/hash.h"
#include "pipeline/stage/row_ages.h"
#include "processors/casework/casework.h"
#include "processors/casework/lifecycle.h"
#include "processors/dead_notice.h"
#include "schemas/codec.h"
#include "schemas/dead_letter.h"
#include "schemas/task_json.h"

namespace echoloop::casework {
namespace {

constexpr int kOk = 200, kNotFound = 404, kConflict = 409, kStale = 412, kUnprocessable = 422;

struct Answer {
  int status = kOk;
  std::string detail;
  std::vector<std::string> allowed;
};

std::string text_of(const std::optional<Text>& text) { return std::string(text.value_or(Text{})); }

// The next department by routing that has not refused; triage when all have; none when triage itself refuses.
std::optional<std::string> next_department(const state::Task& task) {
  const auto refused = [&](const std::string& d) {
    return std::find(task.rejected_by().begin(), task.rejected_by().end(), d) != task.rejected_by().end();
  };
  for (const std::string& department : task.departments()) {
    if (!refused(department)) return department;
  }
  if (refused(std::string(kTriage))) return std::nullopt;
  return std::string(kTriage);
}

// Applies the command; `entry` gets what the history should say beside who, what, from and to.
Answer apply(const TaskCommand& command, std::string_view next, state::Task& task, state::HistoryEntry& entry,
             const Domain& domain, CaseBook& book, stage::Context& context) {
  if (command.command == "reject") {
    entry.set_why(text_of(command.reason));
    task.add_rejected_by(task.department());
    auto department = next_department(task);
    if (!department) {
      book.move_to(task, task_state::kRejected, context);
      return {};
    }
    book.give_to(task, *department, domain);
    book.set_clocks(task, domain, context.now());
    entry.set_detail(*department);
  } else if (command.command == "assign") {
    if (command.department) {
      std::string department = text_of(command.department);
      if (!domain.departments.contains(department))
        return {kUnprocessable, fmt::format("department '{}' is not in organisation.yaml", department), {}};
      book.give_to(task, department, domain);
      entry.set_detail(department);
    }
    if (command.person) {
      task.set_person(text_of(command.person));
      entry.set_detail(entry.detail() + (entry.detail().empty() ? "" : " / ") + task.person());
    }
  } else if (command.command == "start") {
    task.set_action_type(text_of(command.action_type));
    task.set_action_effective_from(to_ms(command.effective_from.value_or(context.now())));
    entry.set_detail(task.action_type());
  } else if (command.command == "done") {
    entry.set_why(text_of(command.note));
  } else if (command.command == "comment") {
    entry.set_why(text_of(command.text));
  }
  if (next != task.state()) book.move_to(task, next, context);
  return {};
}

Answer decide(const TaskCommand& command, const Domain& domain, state::Task* task, CaseBook& book,
              stage::Context& context) {
  if (task == nullptr) return {kNotFound, fmt::format("no task '{}'", command.task_id), {}};
  if (command.if_match && !task_matches(*task, *command.if_match)) {
    return {kStale, fmt::format("the task is at {} now", task_etag(*task)), {}};
  }
  auto next = next_state(task->state(), command.command);
  if (!next) {
    return {kConflict, fmt::format("'{}' is not possible while the task is {}", command.command, task->state()),
            allowed_in(task->state())};
  }
  state::HistoryEntry entry = history(std::string(command.by), std::string(command.command));
  entry.set_from(task->state());
  Answer answer = apply(command, *next, *task, entry, domain, book, context);
  if (answer.status != kOk) return answer;
  entry.set_to(task->state());
  book.write(*task, std::move(entry), News::changed, context);
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
