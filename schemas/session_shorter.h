// What the bytes of a session's row leave out because the rest of the row says it: the facts repeat most of the close,
// and which events were seen is what the statements themselves name. A row is written with nearly every event, so its
// length is paid for in the store, in its compactions and in the changelog. Of the reference workload's rows 36 % go.
//
// What a bit means stands for ever: rows with it lie on disks. A fact that is computed otherwise one day differs from
// the row, and is written out.
#pragma once

#include <cstdint>
#include <string>

#include "schemas/session.h"

namespace echoloop::state {

enum AsRow : std::uint64_t {
  // Channel, category, entity, routing version, resolution by the agent, times; agent, group, department, bot and
  // credits by take_handlers: all as the close has them.
  kClose_as_row = 1,
  kBucket_as_row = 2,  // the hour of UTC in which it was closed
  // One evaluation stands, the row's only one, and it is the latest: its survey, version, language, score, questions
  // and
  // whether it wants contact.
  kStanding_as_row = 4,
  kMoment_unknown = 8,  // the only moment
};

// Who handled the session, as its close says: the last one that is no bot, and a credit for each. `facts` has none yet.
void take_handlers(const Close& close, Arena& arena, Facts& facts);

// Where shorten() leaves the lists that it makes; they must outlive what is done with the row.
struct ShorterLists {
  std::string seen, seen_as_row, tags_as_row;
  Facts::Standing standing;
};

// Takes out of a row what lengthen() puts back. The row is for its bytes only then.
void shorten(Session& row, ShorterLists& lists);
// False: the row refers to what it does not have.
bool lengthen(Session& row, Arena& arena);

}  // namespace echoloop::state
