// What a LocalHouse and its links share. Lock order: commit_mutex, then the locks inside outbox, store and bells.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pipeline/local/file.h"
#include "pipeline/local/local_link.h"
#include "pipeline/local/outbox.h"

namespace echoloop::local {

// Wakes one worker. Any thread may ring.
class Bell {
 public:
  void ring(bool called);  // called: somebody wants the worker back, records or not
  // Waits for a ring or the moment; answers whether the worker was called. Rings count from before the wait.
  bool wait_until(std::chrono::steady_clock::time_point moment);

 private:
  std::mutex mutex_;
  std::condition_variable rung_;
  bool news_ = false, called_ = false;
};

struct LocalHouse::State {
  State(File held, HouseOptions opts) : lock(std::move(held)), options(std::move(opts)) {}

  File lock;
  HouseOptions options;
  std::vector<std::string> repairs;

  std::mutex bells_mutex;
  std::vector<Bell*> bells;  // of the links that live
  std::mutex listeners_mutex;
  std::vector<std::function<void()>> listeners;

  std::unique_ptr<store::RocksStore> store;
  std::unique_ptr<Outbox> outbox;
  std::mutex commit_mutex;
  std::unique_ptr<EventLog> log;  // last: its writer rings the bells until it has stopped

  std::mutex retention_mutex;

  void ring_all();
  // Removes segments of the log that are older than the retention and processed.
  void remove_old_events();
  // The commit of the embedded house; positions are already checked. `batch` is the caller's memory for it.
  Result<void> commit(stage::Epoch epoch, store::Batch& batch);
};

}  // namespace echoloop::local
