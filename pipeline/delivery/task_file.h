// The outbox file: every task event, one CloudEvent a line, in an append-only file that other programs can follow. Each
// line is written exactly once: the place reached is kept in the store, and what a crash left behind that place is cut
// off before writing goes on.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "pipeline/stage/commit_bell.h"
#include "pipeline/stage/link.h"
#include "pipeline/stage/store.h"

namespace echoloop::delivery {

// How the writer reads and remembers; all safe from its thread.
struct TaskFileParts {
  int partitions = 1;
  const stage::View* rows = nullptr;
  std::function<Result<stage::Slice>(int partition, std::int64_t from_offset)> read;  // of topic tasks
  std::function<Result<void>(const std::vector<stage::Row>&)> write;
  stage::CommitBell* bell = nullptr;
  std::function<void(const Error&)> on_failure;  // once, from its thread; then it stands still
  // When the disk is full, and with nothing when there is room again; between them it tries once a second.
  std::function<void(const std::optional<Error>&)> on_trouble;
};

class TaskFile {
 public:
  // Opens (or makes) the file and cuts it at the place reached. Error: world.
  static Result<std::unique_ptr<TaskFile>> open(const std::filesystem::path& file, TaskFileParts parts);
  ~TaskFile();  // writes what is there, then stops

  void start();
  // Writes everything that is committed now. Called by the thread, or instead of it. After an error nothing of it is
  // in the file.
  Result<void> write_on();

 private:
  TaskFile(int descriptor, TaskFileParts parts) : descriptor_(descriptor), parts_(std::move(parts)) {}
  Result<void> load();
  Result<void> append(std::string_view lines);
  Result<void> keep_place(std::int64_t bytes, const std::vector<std::int64_t>& next);

  int descriptor_;
  TaskFileParts parts_;
  std::vector<std::int64_t> next_;  // offset per partition
  std::int64_t bytes_ = 0;          // of the file, up to the place reached
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace echoloop::delivery
