// What a pipeline stands on: the logs, the store, and the way of intake into topic events. On one machine a data folder
// (ground_local.cc), in a group the brokers and a store that caches (ground_kafka.cc). All functions are safe from any
// thread unless they say otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/delivery/deliveries.h"
#include "pipeline/delivery/task_file.h"
#include "pipeline/http/router.h"
#include "pipeline/intake/believed_clock.h"
#include "pipeline/settings/settings.h"
#include "pipeline/stage/appender.h"
#include "pipeline/stage/link.h"
#include "pipeline/stage/store.h"

namespace echoloop::program {

class Ground {
 public:
  virtual ~Ground() = default;  // after its links and appender

  virtual int partitions() const = 0;
  // Committed rows of all shards; of those that other processes hold by asking them. Error (away): a shard is on its
  // way.
  virtual const stage::View& rows() const = 0;
  // Of those that this process holds.
  virtual const stage::View& held_rows() const { return rows(); }
  virtual std::shared_ptr<const stage::View> snapshot() const = 0;
  // Shards that this process holds, ascending.
  virtual std::vector<int> shards() const = 0;
  // Records of topic events from that offset on; one at that place, or none.
  virtual Result<stage::Slice> read_events(int partition, std::int64_t from, const stage::PollLimits& limits) = 0;
  virtual Result<stage::Slice> read_event(int partition, std::int64_t offset) = 0;

  // Durable events that the stages have not processed yet; size of the event log, as far as they lie here.
  virtual std::int64_t backlog() const = 0;
  virtual std::uint64_t log_bytes() const = 0;
  // Copies kept of shards that other processes hold, and how many records they lack.
  struct Copies {
    std::size_t shards = 0;
    std::int64_t behind = 0;
  };
  virtual Copies copies() const { return {}; }
  // Everything durable has gone through all stages.
  virtual bool settled() const = 0;

  // Other processes read their configuration again; what each says, by its name.
  virtual std::map<std::string, Result<std::string>> reload_others() { return {}; }
  // Routes by which other processes ask this one, or have it reload, and that it is reached at this address from now
  // on.
  using Reload = std::function<Result<std::string>()>;
  virtual void add_routes(http::Router&, Reload /*reload*/) {}
  virtual void reached_at(const std::string& /*address*/) {}

  virtual stage::Appender& appender() = 0;
  virtual Result<std::unique_ptr<stage::Link>> link(int worker, int workers) = 0;
  // Called after each commit, from the thread that committed; must not commit itself.
  virtual void on_commit(std::function<void()> listener) = 0;
  // The file with the tasks; none where a topic has them. What the parts say of reading and writing is set here.
  virtual Result<std::unique_ptr<delivery::TaskFile>> task_file(delivery::TaskFileParts parts) = 0;
  // How endpoints are told: what they need of logs and store. `stage_time`: of what is appended.
  virtual delivery::DeliveryParts deliveries(std::function<Time()> stage_time) = 0;
};

// `clock`: no record is later than it; null: records say their times themselves. Errors: configuration, world, away.
Result<std::unique_ptr<Ground>> local_ground(const Settings& settings, BelievedClock* clock);
Result<std::unique_ptr<Ground>> kafka_ground(const Settings& settings, BelievedClock* clock);

}  // namespace echoloop::program
