// Tasks by what people ask for: for each department, state, kind and whether somebody is late, a list of its tasks,
// newest first. A question is answered from the lists that it names, however many other tasks there are
// (docs/decisions/022-task-lists.md). And the pass that gives tasks of former versions the rows they lack. Not
// thread-safe: one per processor.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/stage/processor.h"
#include "schemas/state.pb.h"

namespace echoloop::casework {

class CaseBook;

// What one list holds.
struct TaskList {
  std::string department, state, kind;
  bool overdue = false;
};
// Keys of table task_lists.
std::string list_prefix(std::string_view tenant, const TaskList& list);
std::string list_key(const state::Task& task);
// Of such a key; none: it is none. `order`: what follows the list's prefix, by which its tasks are newest first; it
// views the key.
struct Listed {
  TaskList list;
  std::string_view order;
  std::string id;
};
std::optional<Listed> parse_list_key(std::string_view key);

// Writes the task's row as it shall be and removes the former one. `before`: the task as its row was, if it had one.
void put_on_list(state::Task& task, const std::optional<state::Task>& before, stage::Context& context);

// Name in table counters: every task of the shard is on its list.
inline constexpr std::string_view kAll_listed = "casework/all listed";

class TaskLists {
 public:
  // Asks to go on when there are tasks of a former version.
  void begin(stage::Context& context);
  // Some more of them, at the end of an epoch.
  void go_on(CaseBook& book, stage::Context& context);

 private:
  bool done_ = false;
  std::string from_;  // of table task_index
};

}  // namespace echoloop::casework
