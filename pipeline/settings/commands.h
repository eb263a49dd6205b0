// The commands of the program `echoloop`. Constants; safe from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "pipeline/base/result.h"

namespace echoloop {

enum class Command : std::uint8_t {
  run,
  import_files,
  check,
  try_rules,
  explain,
  export_rows,
  sample,
  dead,
  deliveries,
  verify_store,
  print_options
};

struct CommandFact {
  Command command{};
  std::string_view name;       // "import"
  std::string_view arguments;  // "FILE…"; empty: takes none
  std::string_view summary;
};

// In the order in which people read them.
std::span<const CommandFact> commands();
const CommandFact& fact_of(Command command);
// Error: no command has that name.
Result<Command> parse_command(std::string_view name);

}  // namespace echoloop
