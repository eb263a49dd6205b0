// Task events as endpoints read them: each is read and parsed once for all endpoints that stand at about the same
// place.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/delivery/notice.h"
#include "pipeline/stage/link.h"
#include "pipeline/stage/store.h"

namespace echoloop::delivery {

// How deliveries read and remember; all safe from any thread.
struct DeliveryParts {
  int partitions = 1;  // of topic tasks
  // Tables deliveries and delivery_log; their rows lie in shard 0.
  const stage::View* rows = nullptr;
  std::function<Result<void>(const std::vector<stage::Row>&)> write;
  // Unless there is one of that key. They may be seen in `rows` a little later, in the order in which they were
  // written.
  std::function<Result<void>(const stage::Row&)> add;
  // Of topic tasks: committed records from that offset on, and the offset behind the last one of each partition.
  std::function<Result<stage::Slice>(int partition, std::int64_t from, const stage::PollLimits& limits)> read;
  std::function<Result<std::vector<std::int64_t>>()> ends;
  // Whether this process tells: one of a group does. Empty: always.
  std::function<bool()> leads;
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::function<Time()> now;  // the wall clock
};

// Safe from any thread.
class TaskEvents {
 public:
  struct Event {
    std::int64_t offset = 0;
    std::optional<Told> told;  // none: no event that anybody is told
  };
  // Events of one partition from `from` on, ascending; what follows them begins at `next`.
  struct Batch {
    int partition = 0;
    std::int64_t from = 0, next = 0;
    std::vector<Event> events;
  };

  explicit TaskEvents(const DeliveryParts& parts) : parts_(parts) {}

  // Asks where the topic ends now. Answers whether that has changed.
  Result<bool> look();
  // As look() found it; none before.
  std::optional<std::int64_t> end(int partition) const;
  // The events around or behind that offset; null: nothing is there before the end moves.
  Result<std::shared_ptr<const Batch>> read(int partition, std::int64_t offset);
  // That one; none: the topic has let it go. Error: it is not there yet.
  Result<std::optional<Told>> read_one(int partition, std::int64_t offset);

 private:
  const DeliveryParts& parts_;
  mutable std::mutex mutex_;
  std::vector<std::int64_t> ends_;
  std::list<std::shared_ptr<const Batch>> latest_;  // used last first
  struct Nothing {
    std::int64_t from = 0, end = 0;
    Time at{};
  };
  std::map<int, Nothing> nothing_;  // by partition: read without finding anything
};

}  // namespace echoloop::delivery
