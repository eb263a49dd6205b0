// The engine: workers, each with a thread, that run the stages. It knows logs and stores only through stage::Link.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "pipeline/engine/worker.h"

namespace echoloop::engine {

struct EngineOptions {
  int workers = 2;
  EpochLimits limits;
};

// start() and stop() from one thread; failure() from any.
class Engine {
 public:
  using Connect = std::function<Result<std::unique_ptr<stage::Link>>(int worker, int workers)>;
  Engine(std::vector<stage::StageSpec> stages, Connect connect, EngineOptions options);
  ~Engine();

  // `on_failure` is called from a worker's thread, once, when the world broke; the engine then stands still until
  // stop(). `on_trouble` is called when the disk is full, or brokers are away, and all waits, and with nothing when
  // it goes on.
  void start(
      std::function<void(const Error&)> on_failure, Worker::OnTrouble on_trouble = [](const std::optional<Error>&) {});
  // Finishes the running epochs and joins the threads. What was not committed is read again at the next start.
  void stop();

 private:
  void fail(const Error& error);
  void trouble(const Worker& worker, const std::optional<Error>& error);

  std::vector<stage::StageSpec> stages_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  std::function<void(const Error&)> on_failure_;
  std::once_flag failed_;
  Worker::OnTrouble on_trouble_;
  std::mutex trouble_mutex_;
  std::set<const Worker*> troubled_;  // those that wait
};

}  // namespace echoloop::engine
