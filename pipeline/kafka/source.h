// The reading end of a worker: a member of the consumer group that is told which partitions it holds and reads their
// records. Nothing is committed here; offsets travel in the worker's transactions.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pipeline/kafka/brokers.h"
#include "pipeline/kafka/member.h"

namespace echoloop::kafka {

// One thread, but wake(). What its calls promise, Brokers says.
class Source {
 public:
  // Joins the group. Errors: configuration, away.
  static Result<std::unique_ptr<Source>> open(const MemberOptions& options, int worker);
  ~Source();  // of a static member: the group waits for it to come back

  Result<Brokers::News> poll(Duration timeout, const stage::PollLimits& limits, std::vector<stage::Slice>& slices);
  Result<void> release();
  Result<void> yield();
  bool at_end() const;
  std::int64_t end_of(stage::Partition partition) const;
  // Who this worker is in the group at the moment: what a transaction shows.
  GroupPtr group() const;
  void wake();  // any thread

 private:
  explicit Source(const MemberOptions& options) : options_(options) {}
  static void rebalance(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list, void* self);
  static void failed(rd_kafka_t*, int code, const char* reason, void* self);
  Result<std::vector<Given>> take_over();
  Result<void> note(const rd_kafka_message_t& message);  // what is no record

  MemberOptions options_;
  ClientPtr consumer_;
  QueuePtr queue_;
  PartitionsPtr offered_;  // by the group, not yet taken over
  PartitionsPtr held_;
  bool taken_ = false, closing_ = false;
  std::set<stage::Partition> reading_;  // held, and not at their end
  std::string missing_;                 // what librdkafka says of a topic that is not there
};

}  // namespace echoloop::kafka
