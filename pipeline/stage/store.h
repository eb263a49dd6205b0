// State rows: (table, shard, key) → bytes. Stages write them through their Context, an epoch at a time; everybody else
// reads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"

namespace echoloop::stage {

// Every table of the house. The numbers lie on disk: never reuse one. The comment names key → value.
enum class Table : std::uint8_t {
  sessions = 1,          // SESSIONS: tenant, session → schemas/session.h Session
  feedback_index = 2,    // SESSIONS: tenant, newest first (inverted time), session → empty
  dead = 3,              // SESSIONS: dead letter id → state.proto DeadLetter
  counters = 4,          // every stage: counter name (label=value…) → signed varint
  counting = 5,          // SESSIONS: hash of a counting version → its dimension sets
  cube = 6,              // INSIGHT: pipeline/aggregates/cube.h
  evidence = 7,          // INSIGHT: tenant, rule, scope, window, epoch → sessions that came and went
  findings = 8,          // INSIGHT: rule, scope, window → last finding sent
  causes = 9,            // CASEWORK: tenant, rule, scope → state.proto Cause
  tasks = 10,            // CASEWORK: tenant, task id → state.proto Task
  command_results = 11,  // CASEWORK: command event id → state.proto CommandResult
  task_index = 12,       // CASEWORK: tenant, newest first, task id → empty
  deliveries = 13,       // delivery: endpoint → position, state.proto EndpointState
  outcomes = 14,         // SESSIONS: tenant, name, time, source, id → the CloudEvent
  orphans = 15,          // SESSIONS: tenant, session → empty; evaluations and tags whose session was never closed
  session_ages = 16,     // SESSIONS: about when they were last touched, tenant, session → more of them
  admissions = 17,       // INSIGHT: values that are counted under their own name: processors/insight/admission.h
  row_ages = 18,         // every stage: table, about when it was written, key → empty: pipeline/stage/row_ages.h
  timers = 19,           // CASEWORK: when something happens by itself, tenant, task id → empty
  verifications = 20,    // CASEWORK: when the numbers of a task under verification are whole, tenant, task id → empty
  delivery_log = 21,     // delivery: endpoint, newest first, event, attempt → state.proto Delivery
  open_customers = 22,   // CASEWORK: tenant, customer, id of a live task about them → empty
  effects = 23,          // CASEWORK: tenant, month of the verdict, action type, department → state.proto Effects
  task_lists = 24,  // CASEWORK: what people ask for, newest first, task id → empty: processors/casework/task_lists.h
  task_log = 25,    // CASEWORK: tenant, department, word, time, task id → detail: processors/casework/task_log.h
  digests = 26,     // CASEWORK: tenant, department → begin of the week that it was told last
};
inline constexpr int kTables_end = 27;  // one more than the last

// Called with key and value; answers whether to go on.
using RowVisitor = std::function<bool(std::string_view key, std::string_view value)>;

// A read-only, consistent view of committed rows. Safe from any thread.
class View {
 public:
  virtual ~View() = default;
  virtual Result<std::optional<std::string>> get(Table table, int shard, std::string_view key) const = 0;
  // Rows with from ≤ key < to in byte order; an empty `to` means to the end of the shard.
  virtual Result<void> scan(Table table, int shard, std::string_view from, std::string_view to,
                            const RowVisitor& visit) const = 0;
};

// One row to write; no value erases it.
struct Row {
  Table table{};
  int shard = 0;
  std::string key;
  std::optional<std::string> value;
};

}  // namespace echoloop::stage
