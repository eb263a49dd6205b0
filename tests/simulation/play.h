// What a simulated group runs, and what must have become of it whatever happened to the group.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/stage/processor.h"
#include "tests/kafka/memory_cluster.h"

namespace echoloop::simulation {

class Play {
 public:
  virtual ~Play() = default;
  struct Document {
    stage::Kind kind = stage::Kind::event;
    std::string key, value;
  };
  // All that is sent, in the order of sending; some twice.
  virtual std::vector<Document> documents() = 0;
  // Of one process.
  virtual std::vector<stage::StageSpec> stages() = 0;
  // What is not as it must be, once everything was sent and processed. `rows`: of all shards.
  virtual std::vector<std::string> faults(const kafka_tests::MemoryCluster& cluster, const stage::View& rows) = 0;
};

// Small stages whose rows name every event: JOIN by session, CUSTOMERS by customer, which no real stage is keyed by.
std::unique_ptr<Play> small_play(std::uint64_t seed);
// SESSIONS, INSIGHT and CASEWORK over random feedback, against a run of one worker to which nothing happens.
std::unique_ptr<Play> real_play(std::uint64_t seed);

}  // namespace echoloop::simulation
