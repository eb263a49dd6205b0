// The three stages on a house in memory, run synchronously under a manual clock: nothing happens between two calls, no
// thread runs, no time passes by itself. Feedback goes in as JSON, committed rows come out. With a seed the epochs fall
// at random, and commits may fail, the same way for the same seed. For one thread. Throws std::runtime_error when the
// world breaks without having been told to.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/engine/worker.h"
#include "schemas/codec.h"
#include "schemas/current_domain.h"
#include "schemas/state.pb.h"
#include "tests/links/memory_house.h"

namespace echoloop::stages {

struct DriverOptions {
  int shards = 4;
  int workers = 1;
  std::size_t epoch_records_max = 65'536;
  std::optional<std::uint64_t> seed;  // epochs of 1 … epoch_records_max records, workers in any order
  double commit_failures = 0;         // share of commits that fail; needs a seed
};

class Driver {
 public:
  explicit Driver(std::shared_ptr<const Domain> domain, DriverOptions options = {});

  // Stage time of what is appended from now on. The log never lets it run backwards.
  Time now() const { return now_; }
  void set_now(Time now) { now_ = now; }

  // One document, as the door takes it: an event on the shard of its session, or a rejected document with its reason.
  void append(std::string_view document);
  // Any record of topic events.
  void append(stage::Kind kind, std::string_view key, std::string_view value);
  // Swaps the configuration and wakes every shard.
  void reload(std::shared_ptr<const Domain> domain);
  // Plays a crash: links and shards are made anew from what is committed.
  void restart();
  // The same with another configuration.
  void start_with(std::shared_ptr<const Domain> domain);
  void fail_next_commit();

  // Epochs until nothing is left to do.
  void run();
  // One worker's next epoch; answers whether it committed anything. An injected failure counts as true: there is more
  // to do.
  bool run_epoch(std::size_t worker = 0);

  // What is committed.
  std::vector<std::string> aggregates() const;           // canonical lines, as `export aggregates` prints them
  std::vector<state::Task> tasks() const;                // by tenant, rule, scope, id
  std::vector<std::string> told() const;                 // task events to the outside, as JSON, by time
  std::vector<state::DeadLetter> dead_letters() const;   // by shard and place
  std::map<std::string, std::int64_t> counters() const;  // summed over shards; without stage times
  std::optional<state::CommandResult> answer(std::string_view source, std::string_view id) const;

  int shards() const { return house_.partitions(); }
  memory::MemoryHouse& house() { return house_; }
  int failures() const { return failures_; }  // injected ones that struck

 private:
  const DriverOptions options_;
  memory::MemoryHouse house_;
  std::shared_ptr<CurrentDomain> domain_;
  std::vector<stage::StageSpec> stages_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<engine::Worker>> workers_;
  EventDecoder decoder_;
  Time now_{};
  int failures_ = 0;
};

}  // namespace echoloop::stages
