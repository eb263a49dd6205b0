// The tasks of a shard during an epoch: opening, changing and telling the outside. Everything that alters a task goes
// through here, so that its history, its clocks, its index row and its event to the outside never disagree.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/stage/processor.h"
#include "processors/casework/lifecycle.h"
#include "processors/casework/timers.h"
#include "schemas/domain.h"
#include "schemas/state.pb.h"

namespace echoloop::casework {

// What happened to a task, as the outside hears it. Later ones win within an epoch. Evidence that grows is `changed`,
// also of a task at its end.
enum class News { none, changed, reminded, handed_over, escalated, opened, closed, verified };

struct NewTask {
  std::string id, tenant;
  std::string kind;  // recovery, improvement, safety
  std::string rule;
  int rule_version = 0;
  Bilingual title;
  Severity severity = Severity::medium;
  std::vector<std::string> dimensions, scope;
  RoutingProperties properties;  // besides kind, rule, severity and the moments of its tags
  std::string session_id, customer_id;
  Time event_time{};  // of what it is about: older than a day opens without notice
};

class CaseBook {
 public:
  // By this configuration from now on; it must outlive the epoch.
  void begin(const Domain& domain) { domain_ = &domain; }
  // Lets everything happen that was due by now, each at its time and in that order. Before each record.
  void let_happen(stage::Context& context);
  // When what happens now happens: stage time, or the time that something was due.
  Time now(const stage::Context& context) const { return due_.value_or(context.now()); }

  // The task, loaded at first use in the epoch; null when there is none.
  state::Task* find(std::string_view tenant, std::string_view id, stage::Context& context);
  // Opens a task: routed, owned, with its clocks set.
  state::Task& open(const NewTask& from, stage::Context& context);
  // The same cause is back: the task goes to its first department again, with fresh clocks.
  void revive(state::Task& task, std::string who, std::string why, stage::Context& context);

  // Something happened to what the task is about: once it is not old, the outside is told of the task.
  void hear_of(state::Task& task, Time event_time, const stage::Context& context);

  // To that department, from now on.
  void give_to(state::Task& task, const std::string& department, stage::Context& context);
  // Into that state, with what the lifecycle says about the clock; at an end the tasks merged into it end with it.
  void move_to(state::Task& task, std::string_view state, ClockEffect clock, stage::Context& context);
  void put_on_hold(state::Task& task, std::string reason, std::int64_t until_ms, stage::Context& context);
  void take_from_hold(state::Task& task, stage::Context& context);
  // Adds to the history and notes that the task changed. `telling`: what the outside hears.
  void write(state::Task& task, state::HistoryEntry entry, News telling, stage::Context& context);
  // Evidence changed, nothing that a person decides by.
  void touch(state::Task& task, stage::Context& context);

  // Gives a task of a former version the rows that it lacks; nobody is told.
  void bring_up_to_date(std::string_view tenant, std::string_view id, stage::Context& context);

  // Writes the rows and emits one event per changed task.
  void flush(stage::Context& context);

 private:
  struct Open {
    state::Task task;
    std::string before;  // its row when the epoch began; empty: there was none
    News news = News::none;
    bool changed = false;
    bool renewed = false;  // the row is written, and nobody told
  };
  Open& entry_of(const state::Task& task);
  void begin_life(state::Task& task, const std::string& department, stage::Context& context);

  const Domain* domain_ = nullptr;
  std::optional<Time> due_;           // of what happens by itself just now
  std::map<std::string, Open> open_;  // by row key
  Timers timers_;
};

// The next department by routing that is there and has not refused; triage when there is none; none when triage itself
// refuses.
std::optional<std::string> next_department(const state::Task& task, const Domain& domain);

// What routing is asked, from what is known of the cause: with kind, rule, severity and the moments of its tags.
void complete(RoutingProperties& properties, const std::string& kind, const std::string& rule, Severity severity,
              const Domain& domain);
// What routes call a dimension: whoever gives a tag, and however deep a category is.
std::string asked_as(const std::string& dimension);

// Keys and ids.
std::string tenant_key(std::string_view tenant);
std::string task_key(std::string_view tenant, std::string_view id);
std::string task_index_key(std::string_view tenant, std::int64_t opened_at_ms, std::string_view id);
std::string cause_task_id(std::string_view tenant, std::string_view rule, const std::vector<std::string>& scope,
                          int ordinal);
std::string session_task_id(std::string_view tenant, std::string_view rule, std::string_view session_id);
std::string command_key(std::string_view source, std::string_view id);

// {category} and the like replaced by the scope's values; tags by their names.
Bilingual filled_title(const Bilingual& title, const std::vector<std::string>& dimensions,
                       const std::vector<std::string>& scope, const Domain& domain);

state::HistoryEntry history(std::string who, std::string what, std::string why = {}, std::string detail = {});

}  // namespace echoloop::casework
