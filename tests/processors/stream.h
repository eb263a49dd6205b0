// Random feedback: few sessions with many contradicting events each, so that everything meets everything. The same seed
// gives the same stream.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/base/time.h"

namespace echoloop::random_stream {

// After all that a stream tells.
inline constexpr Time kAfter_all = from_ms(1'772'800'000'000);

// CloudEvents, each source + id once, every event with its time.
std::vector<std::string> events(std::uint64_t seed, int sessions);

}  // namespace echoloop::random_stream
