// What a session says, in canonical values: the row of a closed session read by the counting rules in force at its
// closed_at. docs/aggregates.md is the definition.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

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

// What was said about one tag, and whether it is what counts: of all that was said about a canonical tag in one
// direction the newest statement does.
struct TagSaid {
  int by = 0;             // TaggedBy
  std::string text, tag;  // as written, canonical
  bool present = false;
  std::int64_t time = 0;
  std::string id, source;  // of the tags.changed; empty: of an evaluation, the close or a review
  bool counts = false;
};
// Needs row.has_close().
std::vector<TagSaid> tags_said(const state::Session& row, const Counting& counting, Normaliser& normaliser);

}  // namespace echoloop::sessions
