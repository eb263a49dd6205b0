// The writing end of a worker: one transactional producer. A transaction holds all that an epoch wrote and where it had
// read to; the broker makes all of it true or nothing.
#pragma once

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
  // Ends whatever an earlier one of this name left under way. Errors: away; (world) another one goes on in its name.
  static Result<std::unique_ptr<Sink>> open(const MemberOptions& options, int worker);
  ~Sink();

  Result<void> begin();
  // The offset of a record is known when finish() has succeeded; the place it is written to must live until then.
  Result<void> write(stage::Output output, int partition, std::int64_t* offset);
  Result<void> write_changelog(int partition, std::string_view record, std::int64_t* offset);
  // Everything written, and the offsets, in one.
  Result<void> finish(std::span<const Committed> offsets, const rd_kafka_consumer_group_metadata_t* group);

 private:
  explicit Sink(const MemberOptions& options) : options_(options) {}
  static void delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* self);
  Result<void> know_topics();
  Result<void> send(const Message& message);  // waits for room

  MemberOptions options_;
  std::string changelog_;
  ClientPtr producer_;
  bool open_ = false;  // a transaction is
  std::optional<rd_kafka_resp_err_t> lost_;
};

}  // namespace echoloop::kafka
