// Customers with open issues: who meets them meanwhile (sales, agents) sees that somebody works on something for them.
// Their rows answer GET /api/v1/customers/open-issues; each change leaves in topic customers, which is compacted.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "pipeline/stage/processor.h"
#include "schemas/state.pb.h"

namespace echoloop::casework {

// The row that says so, of a task about a customer; nothing for others.
void put_open_issue(const state::Task& task, stage::Context& context);
void erase_open_issue(const state::Task& task, stage::Context& context);

// Whom the outside is told of when an epoch ends.
class OpenCustomers {
 public:
  // `before`: the task when the epoch began, if it was there.
  void note(const std::optional<state::Task>& before, const state::Task& task);
  // One record for each noted customer: the issues that are open by now, the first 20 of them, or that there are none.
  // When the rows of tasks are written.
  void tell(stage::Context& context) const;

 private:
  std::set<std::pair<std::string, std::string>> changed_;  // tenant, customer
};

}  // namespace echoloop::casework
