// Stages small enough to see through: COUNT adds up its records per key and tells each count to the next, which keeps
// what it was told. What a record says, its stage does: "hurry", "more N" (N further epochs), "look KEY" (reads a row).
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/stage/link.h"
#include "pipeline/stage/processor.h"
#include "tests/links/memory_house.h"

namespace echoloop::engine_tests {

// What the processors saw, over all shards and epochs, failed ones included.
struct Diary {
  std::atomic<int> made{0}, begun{0}, processed{0}, epochs{0};
};

// Reads topic events, emits to deltas; reads deltas, keeps.
std::vector<stage::StageSpec> counting_stages(Diary& diary);

// Committed counts by key: of COUNT, and of what reached the next stage.
std::map<std::string, std::int64_t> counted(const memory::MemoryHouse& house);
std::map<std::string, std::int64_t> told(const memory::MemoryHouse& house);
std::int64_t counter(const memory::MemoryHouse& house, const std::string& name);

}  // namespace echoloop::engine_tests
