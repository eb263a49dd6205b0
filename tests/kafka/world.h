// Brokers to hold to the contract: a cluster in memory, or a real one at ECHOLOOP_TEST_BROKERS
// (`tests/house/broker.py with -- test_kafka`). Each world is fresh: topics and group of its own.
#pragma once

#include <memory>
#include <string>

#include "pipeline/kafka/brokers.h"

namespace echoloop::kafka_tests {

class World {
 public:
  static constexpr int kPartitions = 3;
  virtual ~World() = default;
  // Reports to gtest what fails.
  virtual std::unique_ptr<kafka::Brokers> connect(const std::string& worker) = 0;
  // A record of somebody outside of the pipeline.
  virtual void append(stage::Topic topic, int partition, const std::string& key, const std::string& value) = 0;
  // A transaction of somebody else is open, with this offset and a record of that partition in it, and will be aborted
  // in a while.
  virtual void leave_pending(stage::Partition partition, std::int64_t next_offset, const std::string& value) = 0;
  // The group hears no more of this worker until its session is over; its brokers are gone already.
  virtual void forget(const std::string& worker) = 0;
};

std::unique_ptr<World> memory_world();
std::unique_ptr<World> real_world(const std::string& brokers);

}  // namespace echoloop::kafka_tests
