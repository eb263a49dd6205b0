// What departments are told once a week. The numbers come with the record: whoever keeps the clock has read them
// (pipeline/serving/digest.h); here it becomes true once.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/stage/processor.h"
#include "schemas/state.pb.h"

namespace echoloop::casework {

// Key of table digests; its value is the begin of the week told last, in ms. Department: empty for praise.
std::string digest_key(std::string_view tenant, std::string_view department);

// Tells the outside, unless that week or a later one was told.
void take_digest(const state::Digest& digest, Time now, stage::Context& context);

}  // namespace echoloop::casework
