#include "pipeline/program/row_check.h"

#include <functional>
#include <nlohmann/json.hpp>

#include "pipeline/aggregates/cube.h"
#include "pipeline/base/bytes.h"
#include "schemas/session.h"
#include "schemas/state.pb.h"

namespace echoloop::program {
namespace {

using Check = std::function<bool(std::string_view key, std::string_view value)>;

template <class Message>
bool parses(std::string_view value) {
  Message message;
  return message.ParseFromArray(value.data(), static_cast<int>(value.size()));
}

template <class Message>
bool holds(std::string_view, std::string_view value) {
  return parses<Message>(value);
}

// A key that begins with a tenant and a name.
bool names_two(std::string_view key) {
  KeyReader reader{key};
  reader.text();
  reader.text();
  return reader.ok();
}

bool is_counter(std::string_view, std::string_view value) {
  Reader reader{value};
  reader.signed_varint();
  return reader.ok();
}

bool is_cell(std::string_view key, std::string_view value) {
  aggregates::Measures measures;
  return aggregates::parse_cube_key(key).has_value() && measures.parse(value);
}

// Findings stand beside tiers and time zones (processors/insight/verdict.h).
bool is_finding(std::string_view key, std::string_view value) {
  return !key.empty() && (key[0] != 'w' || parses<state::Finding>(value));
}

bool is_session(std::string_view value) {
  Arena arena;
  state::Session row;
  return state::parse(value, arena, row);
}
bool is_json(std::string_view, std::string_view value) { return nlohmann::json::accept(value); }
bool is_anything(std::string_view, std::string_view) { return true; }

struct Fact {
  stage::Table table;
  std::string_view name;
  Check check;
};

const std::vector<Fact>& facts() {
  using stage::Table;
  static const std::vector<Fact> kFacts = {
      {Table::sessions, "sessions", [](auto key, auto value) { return names_two(key) && is_session(value); }},
      {Table::feedback_index, "feedback_index", is_anything},
      {Table::dead, "dead", holds<state::DeadLetter>},
      {Table::counters, "counters", is_counter},
      {Table::counting, "counting", is_anything},
      {Table::cube, "cube", is_cell},
      {Table::evidence, "evidence", [](auto key, auto) { return aggregates::evidence_window_bytes(key) != 0; }},
      {Table::findings, "findings", is_finding},
      {Table::causes, "causes", holds<state::Cause>},
      {Table::tasks, "tasks", holds<state::Task>},
      {Table::command_results, "command_results", holds<state::CommandResult>},
      {Table::task_index, "task_index", is_anything},
      {Table::deliveries, "deliveries", is_anything},
      {Table::outcomes, "outcomes", is_json},
      {Table::orphans, "orphans", [](auto key, auto) { return names_two(key); }},
      {Table::session_ages, "session_ages", is_anything},
      {Table::admissions, "admissions", is_anything},
      {Table::row_ages, "row_ages", is_anything},
      {Table::timers, "timers", is_anything},
      {Table::verifications, "verifications", is_anything},
      {Table::open_customers, "open_customers", is_anything},
      {Table::effects, "effects", holds<state::Effects>},
      {Table::task_lists, "task_lists", is_anything},
      {Table::task_log, "task_log", is_anything},
      {Table::digests, "digests", is_anything},
      {Table::delivery_log, "delivery_log", holds<state::Delivery>},
  };
  return kFacts;
}

const Fact* fact_of(stage::Table table) {
  for (const Fact& fact : facts()) {
    if (fact.table == table) return &fact;
  }
  return nullptr;
}

}  // namespace

const std::vector<stage::Table>& tables() {
  static const std::vector<stage::Table> kTables = [] {
    std::vector<stage::Table> out;
    for (const Fact& fact : facts()) out.push_back(fact.table);
    return out;
  }();
  return kTables;
}

std::string_view name_of(stage::Table table) {
  const Fact* fact = fact_of(table);
  return fact == nullptr ? "unknown" : fact->name;
}

bool is_sound(stage::Table table, std::string_view key, std::string_view value) {
  const Fact* fact = fact_of(table);
  return fact != nullptr && fact->check(key, value);
}

}  // namespace echoloop::program
