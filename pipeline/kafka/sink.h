// The writing end of a worker: one transactional producer. A transaction holds all that an epoch wrote and where it had
// read to; the broker makes all of it true or nothing.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "pipeline/kafka/member.h"
#include "pipeline/kafka/records.h"
#include "pipeline/stage/link.h"

namespace echoloop::kafka {

// Where to read on, and the epoch of the shard that this is true of.
struct Committed {
  stage::Position position;
  std::int64_t epoch = 0;
};

// One thread. After an error it must be made anew; what it had begun is then aborted by the broker.
class Sink {
 public:
  // Ends whatever an earlier one of this name left under way. Error: away.
  static Result<std::unique_ptr<Sink>> open(const MemberOptions& options, int worker);
  ~Sink();

  Result<void> begin();
  // Where the offset of the record stands once finish() has succeeded, until the next begin().
  using Offset = const std::int64_t*;
  Result<Offset> write(stage::Output output, int partition);
  Result<Offset> write_changelog(int partition, std::string_view record);
  // Everything written, and the offsets, in one.
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
