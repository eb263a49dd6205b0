// echoloop: reads the command line and hands over to the command.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#ifdef ECHOLOOP_MIMALLOC
#include <mimalloc.h>
#endif

#include <cstdio>
#include <span>

#include "pipeline/intake/adapter_process.h"
#include "pipeline/program/commands.h"
#include "pipeline/settings/options.h"
#include "pipeline/settings/read.h"

namespace {

using namespace echoloop;

constexpr int kWrongUse = 2, kWrongConfiguration = 3;

int usage(std::FILE* out) {
  fmt::print(
      out,
      "echoloop: customer-service feedback in, honest numbers and routed tasks out\n\necholoop COMMAND [options]\n\n");
  for (const CommandFact& fact : commands()) fmt::print(out, "  {:<10}{}\n", fact.name, fact.summary);
  fmt::print(out, "\n`echoloop COMMAND --help` lists the options of a command; `echoloop --version` the version.\n");
  return out == stdout ? 0 : kWrongUse;
}

void set_up_log(LogLevel level) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("echoloop"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
  spdlog::set_level(level == LogLevel::debug     ? spdlog::level::debug
                    : level == LogLevel::info    ? spdlog::level::info
                    : level == LogLevel::warning ? spdlog::level::warn
                                                 : spdlog::level::err);
}

int dispatch(Command command, const Invocation& invocation) {
  switch (command) {
    case Command::run:
      return program::run(invocation);
    case Command::import_files:
      return program::import_files(invocation);
    case Command::check:
      return program::check(invocation);
    case Command::export_rows:
      return program::export_rows(invocation);
    case Command::sample:
      return program::sample(invocation);
    case Command::dead:
      return program::dead(invocation);
    case Command::deliveries:
      return program::deliveries(invocation);
    case Command::try_rules:
      return program::try_rules(invocation);
    case Command::explain:
      return program::explain(invocation);
    case Command::verify_store:
      return program::verify_store(invocation);
    case Command::print_options:
      fmt::print("{}", options_markdown());
      return 0;
  }
  return kWrongUse;
}

// An epoch's memory is asked for again by the next one a moment later: to give it back to the system in between would
// cost a page fault for every 4 KiB of it (docs/decisions/013-allocator.md).
void set_up_memory() {
#ifdef ECHOLOOP_MIMALLOC
  mi_option_set_default(mi_option_decommit_delay, 100);  // ms, as long as an epoch; 25 by default
#endif
}

}  // namespace

int main(int argc, char** argv) {
  set_up_memory();
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) return usage(stderr);
  if (words[0] == "--help" || words[0] == "help" || words[0] == "-h") return usage(stdout);
  if (words[0] == "--version") {
    fmt::print("echoloop {}\n", ECHOLOOP_VERSION);
    return 0;
  }
  // Not for people: how echoloop starts the processes that run its adapters.
  if (words.size() == 1 && words[0] == kAdapterProcessCommand) return run_adapter_process();
  auto command = parse_command(words[0]);
  if (!command) {
    fmt::print(stderr, "echoloop: {}\n\n", command.error().text());
    return usage(stderr);
  }
  auto invocation = read_invocation(*command, std::span(words).subspan(1), process_environment());
  if (!invocation) {
    fmt::print(stderr, "echoloop {}: {}\n", words[0], invocation.error().text());
    return invocation.error().fault == Fault::configuration ? kWrongConfiguration : kWrongUse;
  }
  if (invocation->help) {
    fmt::print("{}", help_of(*command));
    return 0;
  }
  set_up_log(invocation->settings.log_level);
  return dispatch(*command, *invocation);
}
