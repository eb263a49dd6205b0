// Short forms of events, written out as CloudEvents.
#pragma once

#include <string>

#include "pipeline/base/time.h"
#include "tests/behaviour/script.h"

namespace echoloop::behaviour {

// Whether a step of this verb sends an event in short form.
bool is_event(std::string_view verb);

// The event that a step says: its type by the verb, its session (and evaluation) by the words, the rest by the data.
// What is not said: tenant acme, source /test, times `now`, id `id`. Throws std::runtime_error when the data cannot be
// read.
std::string document_of(const Step& step, Time now, const std::string& id);

// `*` replaced by the number of the round, in words and data.
Step round_of(const Step& step, int number);

}  // namespace echoloop::behaviour
