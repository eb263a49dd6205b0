#include <iostream>

#include "pipeline/program/commands.h"
#include "pipeline/sample/sample.h"

namespace echoloop::program {

int sample(const Invocation& invocation) {
  const Settings::Sample& asked = invocation.settings.sample;
  SampleOptions options;
  options.seed = asked.seed;
  options.sessions = static_cast<std::int64_t>(asked.sessions);
  options.from_day = asked.from_day;
  options.days = asked.days;
  std::ios::sync_with_stdio(false);
  write_sample(std::cout, options);
  std::cout.flush();
  return std::cout ? 0 : failed({Fault::world, "standard output", "cannot be written"});
}

}  // namespace echoloop::program
