// The one table of process options. Each row says an option's name, default, bounds, meaning, and the commands that
// take it; the command line, the environment, the INI file, --help and docs/options.md all follow from it. To add an
// option: a field of Settings and a row in options.cc. Immutable; safe from any thread.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "pipeline/settings/commands.h"
#include "pipeline/settings/settings.h"

namespace echoloop {

class Commands {  // a set of them
 public:
  Commands(std::initializer_list<Command> commands) {
    for (Command command : commands) bits_ |= 1u << static_cast<unsigned>(command);
  }
  bool has(Command command) const { return (bits_ >> static_cast<unsigned>(command) & 1u) != 0; }
  bool overlaps(const Commands& other) const { return (bits_ & other.bits_) != 0; }

 private:
  std::uint32_t bits_ = 0;
};

struct Option {
  std::string name;      // "log.segment-bytes"; two rows may share a name when no command takes both
  std::string kind;      // the word for its value in --help: "SIZE", "wall|event"; empty for a switch
  std::string fallback;  // the default as one would write it; empty: none
  std::string bounds;    // "64MiB..1TiB"; empty: none
  Commands commands;
  std::string help;
  // Reads the text into its field. Error: what is wrong with the text, without a place.
  std::function<Result<void>(Settings&, std::string_view text)> take;

  bool repeats = false;  // may be given several times on the command line: the text is then a value a line

  std::string variable() const;  // "ECHOLOOP_LOG_SEGMENT_BYTES"
};

std::span<const Option> options();

// Every field as the defaults have it.
Settings default_settings();

// The rows that this command takes, as Boost.Program_options knows them; values arrive as text.
void add_options(boost::program_options::options_description& description, Command command);

// What `echoloop COMMAND --help` prints.
std::string help_of(Command command);

// docs/options.md.
std::string options_markdown();

}  // namespace echoloop
