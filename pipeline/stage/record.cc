#include "pipeline/stage/record.h"

namespace echoloop::stage {

std::string_view name_of(Topic topic) {
  switch (topic) {
    case Topic::events:
      return "events";
    case Topic::deltas:
      return "deltas";
    case Topic::cases:
      return "cases";
    case Topic::tasks:
      return "tasks";
    case Topic::misplaced:
      return "misplaced";
    case Topic::dead:
      return "dead";
    case Topic::customers:
      return "customers";
  }
  return "unknown";
}

}  // namespace echoloop::stage
