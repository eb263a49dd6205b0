// What a session says, in canonical values: the row of a closed session read by the counting rules in force at its
// closed_at. docs/aggregates.md is the definition.
#pragma once

#include <absl/container/node_hash_map.h>

#include <functional>
#include <string>
#include <vector>

#include "pipeline/base/hash.h"
#include "schemas/domain.h"
#include "schemas/session.h"

namespace echoloop::sessions {

// Remembers normalised texts, because customers write the same few thousand tags again and again. Not thread-safe.
class Normaliser {
 public:
  const std::string& tag(std::string_view text);  // lives until trim()
  void trim();                                    // between epochs: bounds the memory

 private:
  absl::node_hash_map<std::string, std::string, TextHash, std::equal_to<>> known_;
};

// Fills `facts`, which must be empty; its texts lie in the row, the counting rules and the normaliser, its lists in the
// arena. Needs row.close. The zone is the tenant's.
void facts_of(const state::Session& row, const Counting& counting, const TimeZone& zone, Normaliser& normaliser,
              Arena& arena, state::Facts& facts);

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
// Needs row.close.
std::vector<TagSaid> tags_said(const state::Session& row, const Counting& counting, Normaliser& normaliser);

}  // namespace echoloop::sessions
