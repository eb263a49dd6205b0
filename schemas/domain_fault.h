// One thing that is wrong in the domain configuration, and its place.
#pragma once

#include <string>

namespace echoloop {

struct DomainFault {
  std::string file;     // "config/rules.yaml"
  int line = 0;         // from 1; 0: the file as a whole
  int column = 0;       // from 1, in characters
  std::string message;  // one sentence, lower case, no full stop

  // "config/rules.yaml:12:5: unknown key 'minimun_n', did you mean 'minimum_n'?"
  std::string text() const;
  friend auto operator<=>(const DomainFault&, const DomainFault&) = default;
};

}  // namespace echoloop
