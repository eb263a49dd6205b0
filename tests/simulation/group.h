// A group of processes on a cluster in memory, played step by step by one thread: what happens next, and what goes
// wrong, is drawn from a seed. Processes die between any two steps that they take towards the brokers, are left
// standing in between while others go on in their place, hear of failures that were none, lose their stores or find old
// ones.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "pipeline/engine/worker.h"
#include "pipeline/kafka/kafka_house.h"
#include "tests/kafka/memory_cluster.h"
#include "tests/simulation/play.h"

namespace echoloop::simulation {

struct Tally {
  std::int64_t steps = 0, commits = 0, crashes = 0, stands = 0, failures = 0, rebalances = 0, copied = 0;
  void add(const Tally& other);
};

class Group {
 public:
  // `folder` is empty, and the group's own. With `tell` it says what happens.
  Group(std::uint64_t seed, Play& play, std::filesystem::path folder, bool tell);
  ~Group();

  // The whole of it. Answers what is not as it must be.
  std::vector<std::string> run();
  const Tally& tally() const { return tally_; }

 private:
  struct Process;
  class Wire;
  struct Death {};
  enum class Misfortune : std::uint8_t { death, standing, failure };
  struct Armed {
    Misfortune misfortune{};
    int process = 0, worker = 0;
    std::uint64_t left = 0;  // steps until it strikes
  };

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  void say(const std::string& what);

  void happen();  // one thing, drawn
  void send();
  void start(Process& process);
  void stop(Process& process);
  void die(Process& process);
  void spoil_store(Process& process);
  void forget(Process& process);  // the group does
  void step(Process& process, int worker);
  void copy();  // some process reads on in the changelog, in half of the schedules
  void arm();
  Result<void> passing(int process, int worker, std::string_view step, bool done);
  void stand(Process& process);
  Process& any() { return *processes_[below(processes_.size())]; }
  bool settled() const;
  std::vector<std::string> judge();

  std::mt19937_64 random_, copies_random_;
  const bool copies_;
  Play& play_;
  const std::filesystem::path folder_;
  const bool tell_;
  kafka_tests::MemoryCluster cluster_;
  std::vector<Play::Document> documents_;
  std::size_t sent_ = 0;
  std::size_t record_bytes_ = 0, slice_bytes_ = 0;  // of the changelog
  std::vector<std::unique_ptr<Process>> processes_;
  std::optional<Armed> armed_;
  int depth_ = 0;      // of processes that stand
  bool calm_ = false;  // nothing goes wrong any more
  std::vector<std::string> faults_;
  Tally tally_;
};

}  // namespace echoloop::simulation
