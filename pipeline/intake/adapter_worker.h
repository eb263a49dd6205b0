// Adapters in a process of their own. libjq 1.6 can neither be stopped nor keeps the process alive where its own
// assertions or its memory fail; so whatever a program does to a document, at most that process ends, its document is
// bad input, and the next one has a new process.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/intake/adapter_messages.h"
#include "pipeline/intake/adapter_process.h"

namespace echoloop {

// One process, started when first needed: this program itself, executed anew with the hidden command adapter-worker
// (forking alone would copy other threads' locks). Its environment is empty but for the time zone: an adapter sees no
// secrets. Not thread-safe: one for each lane.
class AdapterWorker {
 public:
  AdapterWorker() = default;
  AdapterWorker(const AdapterWorker&) = delete;
  AdapterWorker& operator=(const AdapterWorker&) = delete;
  ~AdapterWorker() { stop(); }

  // What becomes of each document, in their order: as Adapter::run tells it, or bad input that names what it did to its
  // process. Error: configuration, the program does not compile; world, no process can be started. No documents: says
  // whether the program compiles.
  Result<std::vector<AdapterResult>> run(const AdapterProgram& program, std::span<const std::string_view> documents);
  // Whether one of the documents of the last run used its time up.
  bool was_slow() const { return was_slow_; }

 private:
  enum class End { answered, died_compiling, died };
  Result<void> start();
  // Asks for some documents and appends the answers that came.
  Result<End> ask(const AdapterProgram& program, std::span<const std::string_view> documents,
                  std::vector<AdapterResult>& answers);
  // Ends the process; how it died by itself is in status_.
  void stop();
  bool overran() const;
  std::string cause(std::chrono::milliseconds limit) const;

  pid_t pid_ = -1;
  int socket_ = -1;
  bool was_slow_ = false;
  int status_ = 0;  // of the process that ended last, as waitpid tells it
};

}  // namespace echoloop
