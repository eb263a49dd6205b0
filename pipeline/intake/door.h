// The door: everything that enters echoloop comes through here. Documents are decoded and checked; events go into the
// durable log, what cannot become an event goes there too, as a rejected document with its reason, so that nothing that
// was sent is ever lost silently. Safe from any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/base/time.h"
#include "pipeline/stage/appender.h"
#include "schemas/codec.h"
#include "schemas/state.pb.h"

namespace echoloop {

// What a stage time is made of.
enum class StageClock {
  wall,   // when the event arrived
  event,  // the event's own time: for samples, tests and trials
};

struct DoorOptions {
  StageClock clock = StageClock::wall;
  std::function<Time()> now = wall_clock;
  Duration retention{400 * kDay_ms};                            // an older event is rejected "beyond retention"
  std::function<bool(std::string_view tenant)> knows_tenant{};  // an event of another is rejected; empty: all are known
};

// Where documents come from; kept with those that are rejected.
struct Origin {
  std::string_view door;     // "http", "hook", "import"
  std::string_view adapter;  // empty: canonical
  std::string_view tenant;   // bound for the adapter; else empty
  bool any_age = false;      // backfill: retention does not count
  bool keeps = true;         // what enter() and enter_lines() refuse is kept; false: the caller keeps it, or its source
};

struct Rejection {
  std::size_t index = 0;  // of the document, from 0
  std::string where;      // JSON pointer or byte
  std::string reason;
};

// What became of some documents. When `full`, nothing was taken, and the same may be sent again later.
struct Entered {
  bool full = false;
  std::size_t accepted = 0;
  std::vector<Rejection> rejected;  // by index
};

// A document that somebody else has found wanting: an adapter, an import elsewhere.
struct Refused {
  std::string_view document;
  std::string_view where;
  std::string_view reason;
  std::string_view adapter;
  std::string_view tenant;
};

class Door {
 public:
  Door(stage::Appender& appender, DoorOptions options) : appender_(appender), options_(std::move(options)) {}

  int partitions() const { return appender_.partitions(); }

  // All of these return when everything, accepted or rejected, is durable. Errors: world, when the log cannot be
  // written; bad_input as told.

  // Each document is one structured CloudEvent.
  Result<Entered> enter(std::span<const std::string_view> documents, const Origin& origin);
  // A body of lines, each one event.
  Result<Entered> enter_lines(std::string_view body, const Origin& origin);
  // A JSON array of events. Error (bad_input): it is none; nothing is kept.
  Result<Entered> enter_batch(std::string_view body, const Origin& origin);
  // One event in binary mode.
  Result<Entered> enter_binary(const Attributes& attributes, std::string_view data, const Origin& origin);
  // What an adapter made of one source document: where any of the events is wrong, the source document is rejected
  // once, so that it can be replayed. Rejection.index is that of the event.
  Result<Entered> enter_adapted(std::string_view document, std::span<const std::string_view> events,
                                const Origin& origin);

  // Keeps rejected documents. Answers false when the log is full.
  Result<bool> reject(std::span<const Refused> documents, const Origin& origin);

  // Sends a dead letter through again: its document, or what its adapter made of it (`events`). When all of it is
  // accepted the letter is settled as replayed, in the same append; otherwise it stays open with its newest reason.
  // `shard`: where the letter lies.
  Result<Entered> replay(const std::string& id, int shard, const state::Rejected& letter,
                         std::span<const std::string_view> events);
  // The adapter failed once more.
  Result<Entered> replay_failed(const std::string& id, int shard, const state::Rejected& letter, const Error& error);
  // Settles a letter as dropped. Answers false when the log is full.
  Result<bool> drop(const std::string& id, int shard);

 private:
  class Batch;
  class Decoding;
  Result<bool> append(Batch& batch);
  // Puts an event, or the document it should have been, into the batch.
  void take(std::size_t index, std::string_view document, Result<Event> event, const Origin& origin, Batch& batch,
            Entered& entered) const;
  // Puts the good ones into the batch; answers whether all are good.
  bool take_all(std::span<const std::string_view> events, const Origin& origin, Batch& batch, Entered& entered);
  void put_replay_failure(const std::string& id, int shard, const state::Rejected& letter, const Error& error,
                          Batch& batch) const;
  void settle(const std::string& id, int shard, state::DeadLetter::State state, Batch& batch) const;
  // Why an event that is valid in itself may not enter: its age, its tenant.
  std::optional<Error> unwelcome(const Event& event, const Origin& origin) const;
  Time stage_time(const Event& event) const;
  Time rejection_time() const;
  std::string key_of_shard(int shard) const;

  stage::Appender& appender_;
  const DoorOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<EventDecoder>>
      idle_;  // reused, as their buffers are costly; never more than there were threads
};

}  // namespace echoloop
