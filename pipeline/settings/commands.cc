#include "pipeline/settings/commands.h"

#include <algorithm>
#include <array>

namespace echoloop {
namespace {

constexpr std::array kCommands = {
    CommandFact{Command::run, "run", "", "pipeline and API in one process"},
    CommandFact{Command::import_files, "import", "FILE...", "backfill from files, and leave when all is committed"},
    CommandFact{Command::check, "check", "", "validate configuration and adapters, offline and completely"},
    CommandFact{Command::try_rules, "try", "",
                "apply rules to stored history, without effect: which tasks they would have opened"},
    CommandFact{Command::explain, "explain", "task|metric|session|event ID",
                "say where a task, a number, a session or an event comes from"},
    CommandFact{Command::export_rows, "export", "feedback|metrics|tasks|aggregates", "write rows to standard output"},
    CommandFact{Command::sample, "sample", "", "write the built-in deterministic sample as canonical NDJSON"},
    CommandFact{Command::dead, "dead", "list|show|replay|drop [ID...]", "look after dead letters"},
    CommandFact{Command::deliveries, "deliveries", "list|show|redeliver [ID...]",
                "what endpoints were told, by a running server; tell it once more"},
    CommandFact{Command::verify_store, "verify-store", "", "check every byte of a data folder that no server holds"},
    CommandFact{Command::print_options, "options", "", "write the reference of all options as Markdown"},
};

}  // namespace

std::span<const CommandFact> commands() { return kCommands; }

const CommandFact& fact_of(Command command) {
  return *std::find_if(kCommands.begin(), kCommands.end(),
                       [&](const CommandFact& fact) { return fact.command == command; });
}

Result<Command> parse_command(std::string_view name) {
  for (const CommandFact& fact : kCommands) {
    if (fact.name == name) return fact.command;
  }
  return bad_input("", fmt::format("there is no command '{}'", name.substr(0, 64)));
}

}  // namespace echoloop
