// The pipeline: the three stages on the ground of a data folder or of Kafka, and the ends that commands work with. The
// one place that puts log, store, engine, stages and delivery together.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "pipeline/delivery/task_file.h"
#include "pipeline/engine/engine.h"
#include "pipeline/intake/believed_clock.h"
#include "pipeline/intake/door.h"
#include "pipeline/program/ground.h"
#include "pipeline/program/ticker.h"
#include "pipeline/serving/sources.h"
#include "pipeline/settings/settings.h"
#include "pipeline/stage/commit_bell.h"
#include "schemas/current_domain.h"

namespace echoloop::program {

// The configuration folder: --config-dir, else the project's, else the installed one.
std::filesystem::path config_folder(const Settings& settings);
// Loads it. Error (configuration): every fault, one a line.
Result<std::shared_ptr<const Domain>> load_configuration(const Settings& settings);

class Pipeline {
 public:
  // Opens everything; nothing runs before start(). Errors: configuration or world, as main reports them.
  static Result<std::unique_ptr<Pipeline>> open(const Settings& settings);
  ~Pipeline();  // stop()

  void start();
  // Tells the endpoints of the configuration from now on: a server does, an import does not.
  void start_deliveries();
  // Null before start_deliveries().
  delivery::Deliveries* deliveries() { return deliveries_.get(); }
  // Finishes running epochs, writes the outbox file, keeps the rest for the next start.
  void stop();

  Door& door() { return *door_; }
  stage::Appender& appender() { return ground_->appender(); }
  stage::CommitBell& bell() { return bell_; }
  Ground& ground() { return *ground_; }
  const std::shared_ptr<CurrentDomain>& domain() { return domain_; }
  const std::shared_ptr<serving::Sources>& sources() { return sources_; }

  // Waits for what a commit is about to show, at most as long as only a machine in trouble needs.
  void await_commit(const std::function<bool()>& ready) { bell_.wait(Duration{10'000}, ready); }

  // Everything durable has gone through all stages, and every session obeys the newest counting rules.
  bool settled() const;
  // Waits for that. Error: what stopped the engine or holds it up meanwhile.
  Result<void> wait_settled();
  // The engine's failure, if it has stopped.
  std::optional<Error> failure() const;
  // That, or what all waits for: room on the disk.
  std::optional<Error> trouble() const;
  // Of what is appended now: the wall clock, or wherever events have brought it.
  Time stage_time();
  // The wall clock has leapt and is not believed yet.
  bool clock_doubted() { return settings_.clock == Clock::wall && clock_.doubts(); }
  // Called once, from any thread, when the engine or the outbox file fails.
  void on_failure(std::function<void()> listener) { failure_listener_ = std::move(listener); }

  // Loads the configuration anew, all or nothing; sessions that other rules counted are counted anew.
  Result<std::string> reload();

 private:
  explicit Pipeline(const Settings& settings) : settings_(settings) {}
  Result<void> build();
  void fail(const Error& error);
  void trouble(const std::string& who, const std::optional<Error>& error);

  const Settings settings_;
  std::shared_ptr<CurrentDomain> domain_;  // shared by every shard and request
  std::shared_ptr<serving::Sources> sources_;
  BelievedClock clock_;
  stage::CommitBell bell_;  // the ground rings it
  std::unique_ptr<Ground> ground_;
  std::unique_ptr<Door> door_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<delivery::TaskFile> task_file_;
  std::unique_ptr<delivery::Deliveries> deliveries_;  // while a server runs
  std::unique_ptr<Ticker> ticker_;
  mutable std::mutex failure_mutex_;
  std::optional<Error> failure_;
  std::map<std::string, Error> troubles_;
  std::function<void()> failure_listener_;
};

}  // namespace echoloop::program
