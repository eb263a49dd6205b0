// Adapters for requests: a few worker processes that all hooks and replays share. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/intake/adapter_worker.h"

namespace echoloop {

class AdapterPool {
 public:
  explicit AdapterPool(std::string folder) : folder_(std::move(folder)) {}
  // `name`: of an adapter in the folder, or a .jq file. Waits for a worker. Errors: of the document (bad input), of the
  // program (configuration), no worker to be had for now (world).
  AdapterResult run(const std::string& name, const std::string& tenant, std::string_view document_json);
  // Compiles anew from now on: the files have changed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  // Of one program: what runs now, and until when its documents count as slow.
  struct Load {
    std::size_t running = 0;
    Clock::time_point slow_until{};
  };
  bool crowded(const Load& load) const { return load.running >= kSlow_max && Clock::now() < load.slow_until; }
  std::unique_ptr<AdapterWorker> take(Load& load);
  void give(Load& load, std::unique_ptr<AdapterWorker> worker);

  // More than cores help nobody.
  static constexpr std::size_t kWorkers_max = 4;
  // A program whose document has just not ended leaves a worker to others, and who waits for it is told to come again
  // rather than hold a handler of the server.
  static constexpr std::size_t kSlow_max = kWorkers_max - 1;

  const std::string folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t turn_ = 0;  // rises with clear()
  std::size_t made_ = 0;
  std::vector<std::unique_ptr<AdapterWorker>> idle_;
  std::map<std::string, Load> loads_;  // by file; as many as there are adapters
};

}  // namespace echoloop
