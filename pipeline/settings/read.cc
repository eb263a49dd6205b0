#include "pipeline/settings/read.h"

#include <unistd.h>

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>

#include "pipeline/settings/options.h"

namespace echoloop {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kPrefix = "ECHOLOOP_";
constexpr std::string_view kConfigVariable = "ECHOLOOP_CONFIG";
constexpr std::string_view kCrashVariable =
    "ECHOLOOP_CRASH_AT";  // an order of kill tests (base/crash_point.h), no option
constexpr const char* kArguments = "arguments";

struct Given {
  std::string where;
  std::string text;
};
using GivenOptions = std::map<std::string, Given, std::less<>>;  // by option name

// What the command line holds, before anything is judged but its form.
struct Words {
  GivenOptions options;
  std::optional<Given> config;
  std::vector<std::string> arguments;
  bool help = false;
};

// Boost lets a switch take the next word as its value, which may be a file: a bare switch is written out first.
std::vector<std::string> with_switches_written_out(Command command, std::span<const std::string> words) {
  std::vector<std::string> out(words.begin(), words.end());
  auto end = std::find(out.begin(), out.end(), "--");
  for (const Option& option : options()) {
    if (!option.kind.empty() || !option.commands.has(command)) continue;
    std::string bare = "--" + option.name;
    std::replace(out.begin(), end, bare, bare + "=true");
  }
  return out;
}

bool repeats(Command command, std::string_view name) {
  return std::any_of(options().begin(), options().end(), [&](const Option& option) {
    return option.repeats && option.name == name && option.commands.has(command);
  });
}

Result<Words> read_words(Command command, std::span<const std::string> words) {
  po::options_description description;
  description.add_options()("help,h", "")("config", po::value<std::string>(), "")(
      kArguments, po::value<std::vector<std::string>>(), "");
  add_options(description, command);
  po::positional_options_description positional;
  positional.add(kArguments, -1);
  Words out;
  try {
    auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    auto parsed = po::command_line_parser(with_switches_written_out(command, words))
                      .options(description)
                      .positional(positional)
                      .style(style)
                      .run();
    for (const po::option& option : parsed.options) {
      if (option.position_key >= 0 || option.string_key == kArguments) {
        // "--arguments=x" is nothing that a person may write.
        if (option.position_key < 0) return bad_input("--arguments", "there is no such option");
        out.arguments.insert(out.arguments.end(), option.value.begin(), option.value.end());
      } else if (option.string_key == "help") {
        out.help = true;
      } else {
        std::string where = "--" + option.string_key;
        Given given{where, option.value.empty() ? "true" : option.value.front()};
        bool first = option.string_key == "config" ? !out.config.has_value()
                                                   : out.options.emplace(option.string_key, given).second;
        if (!first && repeats(command, option.string_key)) {
          out.options[option.string_key].text += "\n" + given.text;
          continue;
        }
        if (!first) return bad_input(where, "is given twice");
        if (option.string_key == "config") out.config = std::move(given);
      }
    }
  } catch (const po::unknown_option& error) {
    return bad_input(error.get_option_name(), fmt::format("'{}' takes no such option", fact_of(command).name));
  } catch (const po::error_with_option_name& error) {
    return bad_input(error.get_option_name(), error.what());
  } catch (const po::error& error) {
    return bad_input("", error.what());
  }
  if (!out.arguments.empty() && fact_of(command).arguments.empty() && !out.help) {
    return bad_input(out.arguments.front(), fmt::format("'{}' takes options only", fact_of(command).name));
  }
  return out;
}

// Kubernetes and Docker tell every program of a service named "echoloop" where it is; none of it is an option.
bool is_service_link(std::string_view variable) {
  return variable.starts_with("ECHOLOOP_SERVICE_") || variable == "ECHOLOOP_PORT" ||
         variable.starts_with("ECHOLOOP_PORT_");
}

const Option* option_by_variable(std::string_view variable) {
  for (const Option& option : options()) {
    if (option.variable() == variable) return &option;
  }
  return nullptr;
}

const Option* option_by_name(std::string_view name) {
  for (const Option& option : options()) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

Result<GivenOptions> read_environment(const Environment& environment) {
  GivenOptions out;
  for (const auto& [variable, text] : environment) {
    if (!variable.starts_with(kPrefix) || variable == kConfigVariable || variable == kCrashVariable) continue;
    if (is_service_link(variable)) continue;
    const Option* option = option_by_variable(variable);
    if (option == nullptr) return bad_configuration(variable, "there is no such option");
    out.emplace(option->name, Given{variable, text});
  }
  return out;
}

Result<GivenOptions> read_file(const Given& config) {
  std::error_code failure;
  std::ifstream file(config.text, std::ios::binary);
  if (!file || !std::filesystem::is_regular_file(config.text, failure)) {
    return bad_configuration(config.where, fmt::format("cannot read {}", config.text));
  }
  std::string text{std::istreambuf_iterator<char>(file), {}};
  auto entries = parse_ini(text, config.text);
  if (!entries) return tl::make_unexpected(entries.error());
  GivenOptions out;
  for (const IniEntry& entry : *entries) {
    std::string where = fmt::format("{}:{}", config.text, entry.line);
    const Option* option = option_by_name(entry.key);
    if (option == nullptr) return bad_configuration(where, fmt::format("there is no option '{}'", entry.key));
    auto [known, fresh] = out.emplace(entry.key, Given{where, entry.value});
    if (fresh) continue;
    if (!option->repeats) return bad_configuration(where, fmt::format("'{}' is given twice", entry.key));
    known->second.text += "\n" + entry.value;
  }
  return out;
}

// Takes from `given` what the command takes. The table's order, so that the first wrong option is always the same.
Result<void> take_all(Command command, const GivenOptions& given, Fault fault, Settings& settings) {
  for (const Option& option : options()) {
    if (!option.commands.has(command)) continue;
    auto found = given.find(option.name);
    if (found == given.end()) continue;
    if (auto taken = option.take(settings, found->second.text); !taken) {
      bool named = found->second.where.starts_with("--") || found->second.where.starts_with(kPrefix);
      std::string reason = named ? taken.error().reason : option.name + ": " + taken.error().reason;
      return tl::make_unexpected(Error{fault, found->second.where, std::move(reason)});
    }
  }
  return {};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

std::optional<std::string> variable_of_process(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Environment process_environment() {
  Environment out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    std::size_t equals = text.find('=');
    if (!text.starts_with(kPrefix) || equals == std::string_view::npos) continue;
    out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

Result<Invocation> read_invocation(Command command, std::span<const std::string> words,
                                   const Environment& environment) {
  auto line = read_words(command, words);
  if (!line) return tl::make_unexpected(line.error());
  Invocation out{default_settings(), std::move(line->arguments), line->help};
  if (out.help) return out;

  std::optional<Given> config = line->config;
  if (auto named = environment.find(std::string(kConfigVariable)); !config && named != environment.end()) {
    config = Given{named->first, named->second};
  }
  if (config) {
    auto file = read_file(*config);
    if (!file) return tl::make_unexpected(file.error());
    if (auto taken = take_all(command, *file, Fault::configuration, out.settings); !taken)
      return tl::make_unexpected(taken.error());
  }
  auto variables = read_environment(environment);
  if (!variables) return tl::make_unexpected(variables.error());
  if (auto taken = take_all(command, *variables, Fault::configuration, out.settings); !taken)
    return tl::make_unexpected(taken.error());
  if (auto taken = take_all(command, line->options, Fault::bad_input, out.settings); !taken)
    return tl::make_unexpected(taken.error());
  return out;
}

Result<std::vector<IniEntry>> parse_ini(std::string_view text, std::string_view name) {
  std::vector<IniEntry> out;
  std::string section;
  int number = 0;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    std::string where = fmt::format("{}:{}", name, number);
    if (line.front() == '[') {
      if (line.back() != ']' || trimmed(line.substr(1, line.size() - 2)).empty()) {
        return bad_configuration(where, "a section is [name]");
      }
      section = std::string(trimmed(line.substr(1, line.size() - 2))) + ".";
      continue;
    }
    std::size_t equals = line.find('=');
    std::string_view key = trimmed(line.substr(0, std::min(equals, line.size())));
    if (equals == std::string_view::npos || key.empty())
      return bad_configuration(where, "neither [section] nor key = value");
    out.push_back({section + std::string(key), std::string(trimmed(line.substr(equals + 1))), number});
  }
  return out;
}

}  // namespace echoloop
