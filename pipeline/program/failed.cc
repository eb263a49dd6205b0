#include <fmt/format.h>

#include <cstdio>

#include "pipeline/program/commands.h"

namespace echoloop::program {

int failed(const Error& error) {
  fmt::print(stderr, "echoloop: {}\n", error.text());
  return error.fault == Fault::configuration ? 3 : 1;
}

}  // namespace echoloop::program
