// What a session says, in canonical values: the row of a closed session read by the counting rules in force at its
// closed_at. docs/aggregates.md is the definition.
#pragma once

#include <string>
#include <unordered_map>

#include "schemas/domain.h"
#include "schemas/state.pb.h"

namespace echoloop::sessions {

// Remembers normalised texts, because customers write the same few thousand tags again and again. Not thread-safe.
class Normaliser {
 public:
  const std::string& tag(const std::string& text);

 private:
  std::unordered_map<std::string, std::string> known_;
};

// Fills `facts`, which must be empty. Needs row.has_close(). The zone is the tenant's.
void facts_of(const state::Session& row, const Counting& counting, const TimeZone& zone, Normaliser& normaliser,
              state::Facts& facts);

}  // namespace echoloop::sessions
