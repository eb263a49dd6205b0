// What a script can look at, as lines of text (README.md tells how they read).
#pragma once

#include <string>
#include <vector>

#include "tests/behaviour/script.h"
#include "tests/stages/driver.h"

namespace echoloop::behaviour {

std::vector<std::string> rows_of(const stages::Driver& driver, const std::string& set,
                                 const std::vector<std::string>& measures);
std::vector<std::string> tasks_of(const stages::Driver& driver, const std::vector<std::string>& fields);
std::vector<std::string> told_by(const stages::Driver& driver);
std::vector<std::string> dead_in(const stages::Driver& driver);
std::vector<std::string> counts_of(const stages::Driver& driver, const std::vector<std::string>& names);
std::vector<std::string> history_of(const state::Task& task);
std::vector<std::string> answer_of(const state::CommandResult& result);

// The newest task of that rule whose scope (or session) has these values. Throws std::runtime_error when there is none.
state::Task find_task(const stages::Driver& driver, const std::vector<std::string>& rule_and_scope);

}  // namespace echoloop::behaviour
