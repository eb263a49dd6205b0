#include "pipeline/engine/engine.h"

namespace echoloop::engine {

Engine::Engine(std::vector<stage::StageSpec> stages, Connect connect, EngineOptions options)
    : stages_(std::move(stages)) {
  for (int i = 0; i < options.workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(
        stages_, [connect, i, options] { return connect(i, options.workers); }, options.limits));
  }
}

Engine::~Engine() { stop(); }

void Engine::start(std::function<void(const Error&)> on_failure, Worker::OnTrouble on_trouble) {
  on_failure_ = std::move(on_failure);
  on_trouble_ = std::move(on_trouble);
  for (auto& worker : workers_) {
    threads_.emplace_back([this, &worker] {
      auto ended = worker->run([this, &worker](const std::optional<Error>& error) { trouble(*worker, error); });
      if (!ended) fail(ended.error());
    });
  }
}

void Engine::stop() {
  for (auto& worker : workers_) worker->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

// The first worker in trouble tells, each again when its trouble is another one, and the last one out of it.
void Engine::trouble(const Worker& worker, const std::optional<Error>& error) {
  std::lock_guard lock{trouble_mutex_};
  const bool first = troubled_.empty(), known = troubled_.contains(&worker);
  if (error)
    troubled_.insert(&worker);
  else
    troubled_.erase(&worker);
  if (error ? first || known : troubled_.empty()) on_trouble_(error);
}

void Engine::fail(const Error& error) {
  std::call_once(failed_, [&] {
    if (on_failure_) on_failure_(error);
  });
}

}  // namespace echoloop::engine
