// CASEWORK alone on rows in memory, for tests of what happens to tasks: findings, signals and commands in, tasks out,
// stage time by hand. A session or cause has the task of its own name;
// all sessions are of one customer, but those whose name begins with "stranger".
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/stage/processor.h"
#include "processors/casework/casework.h"
#include "schemas/event.h"

namespace echoloop::casework {

// As the public description of the life of a task names them.
inline constexpr const char* kCommands[] = {"acknowledge", "accept", "reject",        "start",  "hold",
                                            "resume",      "done",   "tell_customer", "close",  "reopen",
                                            "assign",      "merge",  "split",         "comment"};
inline constexpr const char* kKinds[] = {"recovery", "improvement", "safety", "praise"};

class MemoryRows final : public stage::Context {
 public:
  Time time{};
  std::map<stage::Table, std::map<std::string, std::string, std::less<>>> rows;
  std::vector<std::string> told;                 // task events
  std::map<std::string, std::string> customers;  // by key what was told of each last
  bool keeps_told = true;

  Time now() const override { return time; }
  int shard() const override { return 0; }
  std::optional<std::string> get(stage::Table table, std::string_view key) override;
  void put(stage::Table table, std::string_view key, std::string value) override {
    rows[table].insert_or_assign(std::string(key), std::move(value));
  }
  void erase(stage::Table table, std::string_view key) override { rows[table].erase(std::string(key)); }
  void scan(stage::Table table, std::string_view from, std::string_view to, const stage::RowVisitor& visit) override;
  void emit(stage::Topic topic, stage::Kind, std::string key, std::string value) override {
    if (topic == stage::Topic::customers)
      customers[std::move(key)] = std::move(value);
    else if (topic == stage::Topic::tasks && keeps_told)
      told.push_back(std::move(value));
  }
  void hurry() override {}
  bool goes_on = false;
  void go_on() override { goes_on = true; }
  void count(std::string_view, std::int64_t) override {}
};

class CaseworkPlay {
 public:
  explicit CaseworkPlay(std::shared_ptr<const Domain> domain);

  MemoryRows rows;
  const Domain& domain() const { return *domain_; }

  // Opens a task of that kind about session or cause `name`; answers its id.
  std::string open(const std::string& kind, const std::string& name);
  // The cause's window of that day: its count; 0 when the rule does not hold there.
  void find(const std::string& cause, int day, std::int64_t evidence);
  // Whether the session still calls for its task.
  void signal(const std::string& kind, const std::string& session, bool holds);
  // The answer, as the API gives it. `command.tenant` and `by` are set here.
  state::CommandResult command(const std::string& task, TaskCommand command);
  // What the numbers said of the task, asked for when its clock began at `asked_at`, ms.
  void verdict(const std::string& task, const std::string& verdict, std::int64_t asked_at);
  void pass(Duration time);
  // Another process takes over, and does what was left to do.
  void restart();

  state::Task task(const std::string& id) const;

 private:
  void process(stage::Kind kind, const std::string& value);

  std::shared_ptr<const Domain> domain_;
  std::unique_ptr<stage::Processor> stage_;
  std::int64_t offset_ = 0;
};

// A command with everything that it needs.
TaskCommand full_command(std::string_view name, Time now);

}  // namespace echoloop::casework
