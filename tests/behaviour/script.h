// A behaviour test as text (README.md tells the language): read into steps, each with the block that is expected below
// it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"

namespace echoloop::behaviour {

struct Step {
  std::size_t line = 0;  // from 1
  std::string verb;
  std::vector<std::string> words;   // after the verb, up to `(` or `{`
  std::vector<std::string> fields;  // (a, b)
  std::string data;                 // {…}, or the rest of the line for `event` and `record`
  int times = 1;                    // 1..25 before the verb; * in words and data stands for the number
  std::vector<std::string> block;   // indented lines, without the indent
};

// Errors name the line.
Result<std::vector<Step>> read_script(std::string_view text);

// The text with the blocks of these steps in place of those it has.
std::string with_blocks(std::string_view text, const std::vector<Step>& steps);

}  // namespace echoloop::behaviour
