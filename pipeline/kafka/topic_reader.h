// Reads a topic at any place, beside the stages and outside the group: topics events and misplaced for those who
// explain, topic tasks for those who tell.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "pipeline/kafka/member.h"
#include "pipeline/stage/link.h"

namespace echoloop::kafka {

// Safe from any thread; one question at a time.
class TopicReader {
 public:
  // `topic`: events, with misplaced, or tasks.
  TopicReader(MemberOptions options, stage::Topic topic) : options_(std::move(options)), topic_(topic) {}

  // Committed records from that offset on, as far as the limits allow; none: all that were committed when this was
  // asked lie before it. A reader that asks on where the last answer ended goes on reading. Error: away. A place with
  // kMisplaced is one of topic misplaced.
  Result<stage::Slice> read(int partition, std::int64_t from, const stage::PollLimits& limits);
  // The record with that offset, or none. Error: away.
  Result<stage::Slice> read_one(int partition, std::int64_t offset);
  // The offset behind the last record that is committed, of each partition. Error: away.
  Result<std::vector<std::int64_t>> ends(int partitions);

 private:
  Result<ClientPtr> open() const;
  Result<stage::Slice> read_here(int partition, std::int64_t from, const stage::PollLimits& limits);
  Result<void> seek(int partition, std::int64_t from);

  const MemberOptions options_;
  const stage::Topic topic_;
  std::mutex asking_mutex_;
  ClientPtr asking_;  // for the ends; it reads nothing
  std::mutex mutex_;
  ClientPtr consumer_;
  int partition_ = -1;
  std::int64_t next_ = -1;
  bool ends_before_ = false;  // the topic, before the offset that was asked for last
};

}  // namespace echoloop::kafka
