// What travels between stages: records on partitioned topics.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/base/time.h"

namespace echoloop::stage {

// The numbers lie in logs: never reuse one.
enum class Kind : std::uint8_t {
  event = 1,         // a canonical CloudEvent as JSON (schemas/)
  rejected = 2,      // a document that could not become an event: schemas/state.proto Rejected
  dead_settled = 3,  // a dead letter was replayed or dropped: state.proto DeadSettled
  // 4 was delta in another form
  finding = 5,      // a rule's verdict on one window: state.proto Finding
  case_signal = 6,  // one session calls for a task of its own: state.proto CaseSignal
  command = 7,      // a task command, as its CloudEvent
  task = 8,         // a task event to the outside, as its CloudEvent
  reload = 9,       // the configuration was changed: wakes every shard of SESSIONS
  delta = 10,       // aggregates and evidence to add, packed per epoch: pipeline/aggregates/delta.h
  dead = 11,        // a document became a dead letter: state.proto DeadNotice
  tick = 12,      // stage time has come so far that tasks of this tenant wait for it: the tenant, as its key writes it
  verdict = 13,   // whether the work on a task had an effect: state.proto Verdict
  rows = 14,      // what deliveries keep on Kafka: state.proto Rows
  digest = 15,    // a week of a department: state.proto Digest
  customer = 16,  // the open issues of a customer as JSON; empty: there are none
};

// Topics inside a running echoloop. `events` is fed by intake, the others by stages. `misplaced`: events that lay in a
// partition that is not their key's, once more in the right one. `dead` and `customers`: dead letters and open issues
// for the outside; where there is no outside their rows are all there is, and the link drops them.
enum class Topic : std::uint8_t {
  events = 1,
  deltas = 2,
  cases = 3,
  tasks = 4,
  misplaced = 5,
  dead = 6,
  customers = 7
};
std::string_view name_of(Topic topic);
inline bool is_for_outside_only(Topic topic) { return topic == Topic::dead || topic == Topic::customers; }

// In the place of an event: it is an offset of topic misplaced. Numbers up to 2^53 survive JSON anywhere.
inline constexpr std::int64_t kMisplaced = std::int64_t{1} << 52;

// A record as a stage reads it. The views live as long as the batch that the record came in.
struct Record {
  Kind kind{};
  std::string_view key;  // chose the partition: session id, tenant + dimension set, or tenant
  std::string_view value;
  Time at{};                // stage time: when intake appended the event, handed on to everything that follows from it
  std::int64_t offset = 0;  // of its partition; strictly rising, gaps allowed
  bool misplaced = false;   // it lies in topic misplaced
  bool foreign = false;     // somebody outside wrote it into topic events: no door of ours has looked at it

  // Where it lies, as rows remember it: unique among the events of a shard.
  std::int64_t place() const { return misplaced ? offset | kMisplaced : offset; }
};

// A record on its way into a topic. Its partition is partition_of(key, partitions of the topic).
struct Output {
  Topic topic{};
  Kind kind{};
  std::string key;
  std::string value;
  Time at{};
};

}  // namespace echoloop::stage
