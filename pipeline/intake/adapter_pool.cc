#include "pipeline/intake/adapter_pool.h"

namespace echoloop {
namespace {

constexpr std::chrono::seconds kWait_max{10};         // then the sender had better come again
constexpr std::chrono::seconds kSlow_remembered{10};  // after a document that used its time up

}  // namespace

AdapterResult AdapterPool::run(const std::string& name, const std::string& tenant, std::string_view document_json) {
  auto file = find_adapter(name, folder_);
  if (!file) return tl::make_unexpected(file.error());
  AdapterProgram program{*file, folder_, tenant, 0};
  Load* load = nullptr;
  {
    std::lock_guard lock(mutex_);
    program.turn = turn_;
    load = &loads_[*file];
  }
  auto worker = take(*load);
  if (!worker) return broken_world("", "its earlier documents still run");
  auto answers = worker->run(program, {&document_json, 1});
  give(*load, std::move(worker));
  if (!answers) return tl::make_unexpected(answers.error());
  return std::move(answers->front());
}

std::unique_ptr<AdapterWorker> AdapterPool::take(Load& load) {
  std::unique_lock lock(mutex_);
  auto ready = [this, &load] { return !idle_.empty() || made_ < kWorkers_max || crowded(load); };
  if (!changed_.wait_for(lock, kWait_max, ready) || crowded(load)) return nullptr;
  ++load.running;
  if (idle_.empty()) {
    ++made_;
    return std::make_unique<AdapterWorker>();
  }
  // The one used last: it has compiled what is asked for most.
  auto worker = std::move(idle_.back());
  idle_.pop_back();
  return worker;
}

void AdapterPool::give(Load& load, std::unique_ptr<AdapterWorker> worker) {
  {
    std::lock_guard lock(mutex_);
    --load.running;
    if (worker->was_slow()) load.slow_until = Clock::now() + kSlow_remembered;
    idle_.push_back(std::move(worker));
  }
  // All, as some of them wait for a worker and some should give up.
  changed_.notify_all();
}

void AdapterPool::clear() {
  std::lock_guard lock(mutex_);
  ++turn_;
}

}  // namespace echoloop
