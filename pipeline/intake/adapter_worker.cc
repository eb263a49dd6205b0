#include "pipeline/intake/adapter_worker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "pipeline/settings/read.h"

namespace echoloop {
namespace {

// In one message: enough that messages cost nothing beside jq, few enough to be run again one by one when one of them
// ends the process.
constexpr std::size_t kRequestDocuments = 256, kRequestBytes = 256u << 10;
// A process that says nothing for so long, not even using its CPU time up, is stopped or the machine stands still.
constexpr timeval kSilence_max{60, 0};

// jq's localtime needs the zone; the rest is for the program's own loading. Everything else may be a secret.
constexpr const char* kEnvironment[] = {"TZ", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};

std::vector<std::string> small_environment() {
  std::vector<std::string> out;
  for (const char* name : kEnvironment) {
    if (auto value = variable_of_process(name)) out.push_back(fmt::format("{}={}", name, *value));
  }
  return out;
}

// What posix_spawn is told; owns what has to be freed again.
struct Spawning {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};

  explicit Spawning(int socket) {
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, socket, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, socket, STDOUT_FILENO);
    // jq's `stderr` would write customers' texts into the log.
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    // Ctrl-C on a terminal is for the server alone, which ends its workers when it has no more need of them.
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  Spawning(const Spawning&) = delete;
  Spawning& operator=(const Spawning&) = delete;
  ~Spawning() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
};

std::size_t batch_of(std::span<const std::string_view> documents) {
  std::size_t count = 0, bytes = 0;
  while (count < documents.size() && count < kRequestDocuments && (count == 0 || bytes < kRequestBytes))
    bytes += documents[count++].size();
  return count;
}

}  // namespace

Result<void> AdapterWorker::start() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return broken_world("adapter process", std::strerror(errno));
  for (int option : {SO_RCVTIMEO, SO_SNDTIMEO})
    ::setsockopt(ends[0], SOL_SOCKET, option, &kSilence_max, sizeof kSilence_max);
  auto environment = small_environment();
  std::vector<char*> variables;
  for (auto& variable : environment) variables.push_back(variable.data());
  variables.push_back(nullptr);
  std::string name = "echoloop", command{kAdapterProcessCommand};
  char* const arguments[] = {name.data(), command.data(), nullptr};
  int failed = 0;
  {
    Spawning how{ends[1]};
    // Also when the file has been replaced since: this very program.
    failed = ::posix_spawn(&pid_, "/proc/self/exe", &how.files, &how.attributes, arguments, variables.data());
  }
  ::close(ends[1]);
  if (failed != 0) {
    ::close(ends[0]);
    pid_ = -1;
    return broken_world("adapter process", std::strerror(failed));
  }
  socket_ = ends[0];
  return {};
}

void AdapterWorker::stop() {
  if (pid_ < 0) return;
  ::close(socket_);
  status_ = 0;
  // One that has ended by itself keeps its own status.
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) continue;
  pid_ = socket_ = -1;
}

bool AdapterWorker::overran() const { return WIFSIGNALED(status_) && WTERMSIG(status_) == SIGPROF; }

std::string AdapterWorker::cause(std::chrono::milliseconds limit) const {
  if (overran()) return fmt::format("took longer than {} s", limit.count() / 1000);
  // Its assertions abort; where memory fails it aborts or goes on with a null pointer.
  if (WIFSIGNALED(status_) && (WTERMSIG(status_) == SIGABRT || WTERMSIG(status_) == SIGSEGV))
    return fmt::format("made jq give up: it needs more than {} MiB of memory, or what jq cannot do",
                       kAdapterMemory_max >> 20);
  return fmt::format("ended its process ({} {})", WIFSIGNALED(status_) ? "signal" : "status",
                     WIFSIGNALED(status_) ? WTERMSIG(status_) : WEXITSTATUS(status_));
}

Result<AdapterWorker::End> AdapterWorker::ask(const AdapterProgram& program,
                                              std::span<const std::string_view> documents,
                                              std::vector<AdapterResult>& answers) {
  if (pid_ < 0) {
    if (auto started = start(); !started) return tl::make_unexpected(started.error());
  }
  // Its answers come only after it has read all of the ask, so neither side waits for the other.
  if (send_all(socket_, with_length(write_ask(program, documents))) == Sent::all) {
    MessageReader reader{socket_};
    for (std::size_t i = 0; i <= documents.size(); ++i) {
      std::string_view message;
      auto answer = reader.next(message) ? read_answer(message) : bad_input("", "no answer");
      if (!answer) {
        stop();
        return i == 0 ? End::died_compiling : End::died;
      }
      if (i > 0) answers.push_back(std::move(*answer));
      if (i == 0 && !*answer) return tl::make_unexpected(answer->error());
    }
    return End::answered;
  }
  stop();
  return End::died_compiling;
}

Result<std::vector<AdapterResult>> AdapterWorker::run(const AdapterProgram& program,
                                                      std::span<const std::string_view> documents) {
  std::vector<AdapterResult> answers;
  answers.reserve(documents.size());
  was_slow_ = false;
  bool compiled = false;
  bool alone = false;  // after a process has ended: the one that ends the next is known at once
  while (!compiled || answers.size() < documents.size()) {
    const auto rest = documents.subspan(answers.size());
    const auto some = rest.first(alone ? std::min<std::size_t>(rest.size(), 1) : batch_of(rest));
    const bool fresh = pid_ < 0;
    auto end = ask(program, some, answers);
    if (!end) return tl::make_unexpected(end.error());
    compiled = compiled || *end != End::died_compiling;
    if (*end == End::answered) continue;
    if (*end == End::died_compiling) {
      // An idle process may have been ended by anybody; a new one that ends was ended by the program.
      if (fresh) return bad_configuration(program.file, "compiling it " + cause(kCompileCpu_max));
      continue;
    }
    // Memory that earlier documents have used up is not the fault of this one: what it did alone in a new process is.
    was_slow_ = was_slow_ || overran();
    if (some.size() == 1 && (fresh || overran())) {
      answers.push_back(bad_input("", "adapter " + program.file + ": this document " + cause(kDocumentCpu_max)));
    }
    alone = true;
  }
  return answers;
}

}  // namespace echoloop
