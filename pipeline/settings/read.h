// From what a program was started with to its Settings. Precedence: command line, environment (ECHOLOOP_…), INI file
// (--config), default. Errors: Fault::bad_input for the command line (exit 2), Fault::configuration for environment and
// file (exit 3); `where` is "--memory", "ECHOLOOP_MEMORY" or "echoloop.ini:7". Reads the file named and nothing else;
// safe from any thread.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pipeline/settings/commands.h"
#include "pipeline/settings/settings.h"

namespace echoloop {

using Environment = std::map<std::string, std::string>;
// The variables of this process that begin with ECHOLOOP_. Call it at the start, before there are threads.
Environment process_environment();

// Any variable of this process, for secrets that a configuration names. Nothing in echoloop changes the environment.
std::optional<std::string> variable_of_process(const std::string& name);

struct Invocation {
  Settings settings;
  std::vector<std::string> arguments;  // what is no option, in order
  bool help = false;                   // --help was among the words: print help_of(command); nothing else was judged
};

// `words` are the command's, without the program's and the command's own name. A command that takes no arguments
// refuses them.
Result<Invocation> read_invocation(Command command, std::span<const std::string> words, const Environment& environment);

// One line of an INI file: `[section]` goes before the keys that follow, "section.key".
struct IniEntry {
  std::string key;
  std::string value;
  int line = 0;
};
// `#` and `;` begin a comment at the start of a line. Error: the line that is neither.
Result<std::vector<IniEntry>> parse_ini(std::string_view text, std::string_view name);

}  // namespace echoloop
