// What a bench runs on: the file named on its command line, else the built-in sample.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

#include "pipeline/sample/sample.h"

namespace echoloop::bench {

inline std::string input(int argc, char** argv) {
  std::stringstream text;
  if (argc > 1) {
    text << std::ifstream(argv[1], std::ios::binary).rdbuf();
  } else {
    write_sample(text, {});
  }
  return text.str();
}

}  // namespace echoloop::bench
