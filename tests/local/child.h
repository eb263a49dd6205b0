// This test program, started once more in another role: for what counts for a whole process (locks, limits, its death).
// Not by fork alone, because the tests have threads.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace echoloop::local {

// A role: what the program does instead of testing. Answers the exit status.
struct Role {
  Role(std::string name, int (*play)(const std::filesystem::path& folder));
};

class Child {
 public:
  // crash_at: what stands in ECHOLOOP_CRASH_AT.
  Child(const std::string& role, const std::filesystem::path& folder, const std::string& crash_at = "");
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t id() const { return id_; }
  // The next line of its output, without the end; empty at the end of it.
  std::string line();
  // Its standard input ends.
  void end_input();
  // Waits for its end; as waitpid tells it.
  int wait();

 private:
  pid_t id_ = 0;
  int input_ = -1, output_ = -1;
  bool waited_ = false;
  std::string read_;
};

}  // namespace echoloop::local
