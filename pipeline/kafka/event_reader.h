// Reads topics events and misplaced at any place, for those who explain: beside the stages, and outside the group.
#pragma once

#include <memory>
#include <mutex>

#include "pipeline/kafka/member.h"
#include "pipeline/stage/link.h"

namespace echoloop::kafka {

// Safe from any thread; one question at a time.
class EventReader {
 public:
  explicit EventReader(MemberOptions options) : options_(std::move(options)) {}

  // Committed records from that offset on, as far as the limits allow; none at the end of the partition. A reader that
  // asks on where the last answer ended goes on reading. Error: away.
  // A place with kMisplaced is one of topic misplaced.
  Result<stage::Slice> read(int partition, std::int64_t from, const stage::PollLimits& limits);

 private:
  Result<void> seek(int partition, std::int64_t from);

  const MemberOptions options_;
  std::mutex mutex_;
  ClientPtr consumer_;
  int partition_ = -1;
  std::int64_t next_ = -1;
};

}  // namespace echoloop::kafka
