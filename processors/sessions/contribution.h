// What one session adds to the cube: its facts spread over every dimension set (docs/aggregates.md, "Rows" and
// "Measures"). Pure.
#pragma once

#include <absl/functional/function_ref.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "pipeline/aggregates/measures.h"
#include "schemas/domain.h"
#include "schemas/session.h"

namespace echoloop::sessions {

enum class Dimension : std::uint8_t {
  channel,
  department,
  group,
  agent,
  category,
  category1,
  entity,
  bot,
  routing_version,  // one value
  tag,
  agent_tag,
  review_tag,
  moment,  // several
  survey,
  survey_version,
  question,
  delay,
  language,  // of each standing evaluation
};
bool is_dimension(std::string_view name);

// A dimension set made ready for many sessions.
struct SetPlan {
  explicit SetPlan(const DimensionSet& set);

  std::vector<Dimension> dimensions;  // in the set's order
  std::size_t of_evaluation = 0;      // how many of them evaluations carry
  bool of_handler = false;            // credits every handler
};
std::vector<SetPlan> plans_of(const std::vector<DimensionSet>& sets);

// The value of a dimension and the number that the caller gave its text.
struct Value {
  std::string_view text;
  std::uint32_t id = 0;
};
using Intern = absl::FunctionRef<std::uint32_t(std::string_view text)>;

// What a cell gains. Most cells of a session gain the same: within one call of contribute, equal numbers are equal
// measures.
struct Gained {
  const aggregates::Measures& measures;
  std::uint32_t number;
};

// Called with the index of the set, the values in the set's order and what they gain; several times for the same values
// where session and credit measures come apart. What it is given lives during the call only.
using AddCell = absl::FunctionRef<void(std::size_t set, std::span<const Value> values, const Gained& gained)>;

void contribute(const state::Facts& facts, std::span<const SetPlan> sets, Intern intern, AddCell add);

}  // namespace echoloop::sessions
