// Plays a script on the stage driver and writes down what was to be seen at each step that looks.
#pragma once

#include <string>
#include <vector>

#include "schemas/domain_load.h"
#include "tests/behaviour/script.h"
#include "tests/stages/driver.h"

namespace echoloop::behaviour {

enum class Manner {
  step_by_step,   // all stages come to rest after every line, as where feedback trickles in
  in_any_epochs,  // epochs fall at random, workers take turns, commits fail; rest only where the script looks or a
                  // person acts
};

// What is to be seen at a step; `looks`: none for steps that only do something. With in_any_epochs only what does not
// depend on where epochs fall: rows, session rows and dead letters.
struct Seen {
  bool looks = false;
  std::vector<std::string> lines;
};

// By step. Throws std::runtime_error with the line when a step makes no sense or the configuration is faulty.
std::vector<Seen> play(const std::vector<Step>& steps, DomainTexts configuration, Manner manner, std::uint64_t seed);

}  // namespace echoloop::behaviour
