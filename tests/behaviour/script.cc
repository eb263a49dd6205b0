#include "tests/behaviour/script.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

namespace echoloop::behaviour {
namespace {

constexpr std::string_view kIndent = "  ";

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  std::istringstream in{std::string{text}};
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::string trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(' ');
  if (from == std::string_view::npos) return {};
  return std::string{text.substr(from, text.find_last_not_of(' ') - from + 1)};
}

std::string take_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const auto end = std::min(rest.find(' '), rest.size());
  std::string word{rest.substr(0, end)};
  rest.remove_prefix(end);
  return word;
}

// "1..25": the count; 0: not such a range.
int range_of(std::string_view word) {
  int last = 0;
  if (!word.starts_with("1..")) return 0;
  word.remove_prefix(3);
  const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), last);
  return fault == std::errc{} && end == word.data() + word.size() ? last : 0;
}

Result<Step> read_step(std::string_view line, std::size_t number) {
  Step step;
  step.line = number;
  step.verb = take_word(line);
  if (int times = range_of(step.verb); times > 0) {
    step.times = times;
    step.verb = take_word(line);
  }
  if (step.verb == "event" || step.verb == "record") {
    step.data = trimmed(line);
    return step;
  }
  if (const auto brace = line.find('{'); brace != std::string_view::npos) {
    step.data = trimmed(line.substr(brace));
    if (!step.data.ends_with('}')) return bad_input(fmt::format("line {}", number), "the braces do not close");
    line = line.substr(0, brace);
  } else if (const auto open = line.find('('); open != std::string_view::npos) {
    const auto close = line.find(')', open);
    if (close == std::string_view::npos)
      return bad_input(fmt::format("line {}", number), "the parenthesis is not closed");
    std::string_view fields = line.substr(open + 1, close - open - 1);
    while (!fields.empty()) {
      const auto comma = std::min(fields.find(','), fields.size());
      step.fields.push_back(trimmed(fields.substr(0, comma)));
      fields.remove_prefix(std::min(comma + 1, fields.size()));
    }
    line = line.substr(0, open);
  }
  for (std::string word = take_word(line); !word.empty(); word = take_word(line)) step.words.push_back(std::move(word));
  return step;
}

}  // namespace

Result<std::vector<Step>> read_script(std::string_view text) {
  std::vector<Step> steps;
  std::size_t number = 0;
  for (const std::string& line : lines_of(text)) {
    ++number;
    if (line.starts_with('#') || trimmed(line).empty()) continue;
    if (line.starts_with(kIndent)) {
      if (steps.empty()) return bad_input(fmt::format("line {}", number), "an indented line before the first step");
      steps.back().block.push_back(line.substr(kIndent.size()));
    } else {
      auto step = read_step(line, number);
      if (!step) return tl::make_unexpected(step.error());
      steps.push_back(std::move(*step));
    }
  }
  return steps;
}

std::string with_blocks(std::string_view text, const std::vector<Step>& steps) {
  std::string out;
  std::size_t number = 0;
  auto step = steps.begin();
  for (const std::string& line : lines_of(text)) {
    ++number;
    if (line.starts_with(kIndent)) continue;
    out += line + "\n";
    if (step == steps.end() || step->line != number) continue;
    for (const std::string& expected : step->block) out += std::string{kIndent} + expected + "\n";
    ++step;
  }
  return out;
}

}  // namespace echoloop::behaviour
