// Random feedback: few sessions with many contradicting events each, so that everything meets everything. The same seed
// gives the same stream.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace echoloop::random_stream {

// CloudEvents, each source + id once, every event with its time.
std::vector<std::string> events(std::uint64_t seed, int sessions);

}  // namespace echoloop::random_stream
