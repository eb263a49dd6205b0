// Lets stage time pass where no events come, and reads the numbers that verdicts rest on. Once a second it looks at
// each shard that this process holds: when a task's clock has run down it appends a tick for the tenant; when the weeks
// after an action are whole it compares them and appends a verdict; when a week is to be told it appends its digests. A
// task that waits costs nothing. By the wall clock; with --clock event as far as events have brought the time.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "pipeline/program/ground.h"
#include "pipeline/serving/digest.h"
#include "pipeline/serving/sources.h"
#include "pipeline/stage/commit_bell.h"
#include "processors/casework/timers.h"
#include "schemas/state.pb.h"

namespace echoloop::program {

struct TickerParts {
  // All outlive it.
  Ground* ground = nullptr;
  stage::CommitBell* bell = nullptr;
  std::shared_ptr<const serving::Sources> sources;
  std::function<Time()> now;        // stage time of what is appended
  std::function<bool()> caught_up;  // the rows hold what has come, but for the last moments
};

class Ticker {
 public:
  explicit Ticker(TickerParts parts) : parts_(std::move(parts)) {}
  ~Ticker() { stop(); }

  void start();
  void stop();

 private:
  // The first of the rows that records were appended for last, and when, so that they are not appended again before
  // they can have been heard.
  struct Said {
    std::string row;
    Time at{};
  };

  void look();
  void tick(int shard, Time now);
  void judge(int shard, Time now);
  void tell_week(int shard, Time now);
  // What the tenant's departments have not been told of that week.
  Result<std::vector<state::Digest>> untold(const std::string& tenant, int shard, serving::Week week,
                                            const Domain& domain) const;
  // The first rows of the table that are due; none when that was said of the first one lately.
  std::vector<casework::Due> due(stage::Table table, int shard, Time now, std::size_t most, Said& said) const;
  void append(stage::Kind kind, const std::string& tenant, const std::string& value);

  const TickerParts parts_;
  std::map<int, Said> ticks_, verdicts_;  // by shard
  // By tenant: since when nothing is to be told, or when something was appended.
  struct Telling {
    Time due{}, tried_at{};
    bool told = false;
  };
  std::map<std::string, Telling> weeks_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace echoloop::program
