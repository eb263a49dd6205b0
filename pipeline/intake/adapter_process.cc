#include "pipeline/intake/adapter_process.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <fstream>
#include <list>
#include <optional>

#include "pipeline/intake/adapter_messages.h"

namespace echoloop {
namespace {

constexpr std::size_t kPrograms_max = 32;             // compiled ones, some 2 MB each; the least recently used goes
constexpr std::size_t kAnswerBytes = 64u << 10;       // sent together: a wake-up for each document costs more than it
constexpr std::chrono::seconds kAnswers_at_least{1};  // or what has gathered, so that silence means trouble

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

void set_limits() {
  const rlimit no_cores{0, 0};  // a core would put customers' texts on the disk
  setrlimit(RLIMIT_CORE, &no_cores);
  if (kSanitized) return;
  std::ifstream in("/proc/self/statm");
  rlim_t pages = 0;
  if (!(in >> pages)) return;
  const rlim_t bytes = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + kAdapterMemory_max;
  const rlimit memory{bytes, bytes};
  setrlimit(RLIMIT_AS, &memory);
}

// Ends this process when it uses that much CPU time from now on; zero: never.
void allow(std::chrono::milliseconds cpu) {
  itimerval timer{};
  timer.it_value.tv_sec = cpu.count() / 1000;
  timer.it_value.tv_usec = cpu.count() % 1000 * 1000;
  setitimer(ITIMER_PROF, &timer, nullptr);
}

// The compiled programs, the last used first.
class Programs {
 public:
  Result<Adapter*> find(const AdapterProgram& wanted) {
    if (wanted.turn != turn_) programs_.clear();
    turn_ = wanted.turn;
    for (auto at = programs_.begin(); at != programs_.end(); ++at) {
      const AdapterProgram& have = at->first;
      if (have.file != wanted.file || have.library != wanted.library || have.tenant != wanted.tenant) continue;
      programs_.splice(programs_.begin(), programs_, at);
      return &programs_.front().second;
    }
    auto made = Adapter::open(wanted.file, wanted.library, wanted.tenant);
    if (!made) return tl::make_unexpected(made.error());
    if (programs_.size() == kPrograms_max) programs_.pop_back();
    programs_.emplace_front(wanted, std::move(*made));
    return &programs_.front().second;
  }

 private:
  std::uint64_t turn_ = 0;
  std::list<std::pair<AdapterProgram, Adapter>> programs_;
};

bool answer(const AdapterAsk& ask, Programs& programs) {
  std::string out;
  allow(kCompileCpu_max);
  auto adapter = programs.find(ask.program);
  append_answer(out, adapter ? AdapterResult{} : AdapterResult{tl::make_unexpected(adapter.error())});
  // At once, so that whoever asks knows what a process that ends now was doing.
  if (send_all(STDOUT_FILENO, out) != Sent::all) return false;
  out.clear();
  auto sent_at = std::chrono::steady_clock::now();
  for (std::size_t i = 0; adapter && i < ask.documents.size(); ++i) {
    allow(kDocumentCpu_max);
    append_answer(out, (*adapter)->run(ask.documents[i]));
    const auto now = std::chrono::steady_clock::now();
    if (out.size() < kAnswerBytes && now - sent_at < kAnswers_at_least) continue;
    if (send_all(STDOUT_FILENO, out) != Sent::all) return false;
    out.clear();
    sent_at = now;
  }
  allow(std::chrono::milliseconds::zero());
  return send_all(STDOUT_FILENO, out) == Sent::all;
}

}  // namespace

int run_adapter_process() {
  set_limits();
  Programs programs;
  MessageReader reader{STDIN_FILENO};
  for (std::string_view message; reader.next(message);) {
    auto ask = read_ask(message);
    if (!ask || !answer(*ask, programs)) return 1;
  }
  return 0;
}

}  // namespace echoloop
