// What a stage is made of. A stage runs once per shard (= partition of its input topic); each shard has its own
// processor and its own rows.
//
// A processor is a pure function of its records, its rows and the configuration of the epoch: no clock, no random
// numbers, no iteration over unordered containers into outputs. The same records in the same epochs give the same rows
// and outputs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/stage/record.h"
#include "pipeline/stage/store.h"

namespace echoloop::stage {

// The disk or the broker failed under a read. Thrown by Context, caught by the engine in the same thread, which stops
// the epoch cleanly.
class BrokenWorld : public std::runtime_error {
 public:
  explicit BrokenWorld(const Error& error) : std::runtime_error(error.text()) {}
};

// All that a processor may see. One per shard; used by one thread at a time.
class Context {
 public:
  virtual ~Context() = default;
  // Stage time: the greatest `at` of the records this shard has seen.
  virtual Time now() const = 0;
  virtual int shard() const = 0;
  // Whether records with that key are this shard's. One of another shard is emitted to Topic::misplaced, once.
  virtual bool belongs(std::string_view) const { return true; }

  // Rows of this shard, this epoch's changes included.
  virtual std::optional<std::string> get(Table table, std::string_view key) = 0;
  virtual void put(Table table, std::string_view key, std::string value) = 0;
  virtual void erase(Table table, std::string_view key) = 0;
  virtual void scan(Table table, std::string_view from, std::string_view to, const RowVisitor& visit) = 0;

  // A record for the next stage (or the outside); it travels when the epoch commits, with now() as its time.
  virtual void emit(Topic topic, Kind kind, std::string key, std::string value) = 0;

  // Ends the epoch as soon as may be: somebody waits (a red line, a person's command).
  virtual void hurry() = 0;

  // Asks for another epoch after this one even if no record comes: work that is too large for one epoch goes on there,
  // in end_epoch().
  virtual void go_on() = 0;

  // Adds to a durable counter of this shard, for example count("duplicate") or count("dead", "reason=unknown type").
  virtual void count(std::string_view name, std::int64_t by = 1) = 0;
};

class Processor {
 public:
  virtual ~Processor() = default;
  // Once, before anything else: reads what its rows say and may ask to go on with work that a restart or a failed
  // commit left over. Writes nothing.
  virtual void begin(Context&) {}
  virtual void process(const Record& record, Context& context) = 0;
  // Once before the epoch commits, if it held any record or go_on() asked for it: write the rows and emit what was
  // summed.
  virtual void end_epoch(Context&) {}
};

// A stage of the pipeline: its name, the topics whose partition n its shard n reads, and how one shard's processor is
// made. The factory is called again when a shard moves in or an epoch is rolled back, so a processor keeps nothing that
// its rows do not hold.
struct StageSpec {
  std::string name;
  std::vector<Topic> inputs;
  std::function<std::unique_ptr<Processor>(int shard)> make;
};

}  // namespace echoloop::stage
