// The writing end of a worker: one transactional producer. What its calls promise, Brokers says.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "pipeline/kafka/brokers.h"
#include "pipeline/kafka/member.h"
#include "pipeline/kafka/records.h"

namespace echoloop::kafka {

// One thread. After an error it must be made anew; what it had begun is then aborted by the broker.
class Sink {
 public:
  // Ends whatever an earlier one of this name left under way. Error: away.
  static Result<std::unique_ptr<Sink>> open(const MemberOptions& options, int worker);
  ~Sink();

  Result<void> begin();
  using Offset = Brokers::Offset;
  Result<Offset> write(stage::Output output, int partition);
  Result<Offset> write_changelog(int partition, std::string_view record);
  Result<void> finish(std::span<const Committed> offsets, const rd_kafka_consumer_group_metadata_t* group);

 private:
  explicit Sink(const MemberOptions& options) : options_(options) {}
  static void delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* self);
  Result<void> know_topics();
  Result<Offset> send(Message message);  // waits for room

  MemberOptions options_;
  std::string changelog_;
  ClientPtr producer_;
  bool open_ = false;                 // a transaction is
  std::deque<std::int64_t> offsets_;  // of its records; librdkafka writes them also after a step that failed
  std::optional<rd_kafka_resp_err_t> lost_;
};

}  // namespace echoloop::kafka
