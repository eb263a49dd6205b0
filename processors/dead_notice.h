// A dead letter in its row and, for the outside, in topic dead.
#pragma once

#include <string>

#include "pipeline/stage/processor.h"
#include "schemas/state.pb.h"

namespace echoloop {

// `topic`: where the record lay that became it.
void write_dead_letter(std::string id, stage::Topic topic, const stage::Record& record, state::Rejected rejected,
                       stage::Context& context);

}  // namespace echoloop
