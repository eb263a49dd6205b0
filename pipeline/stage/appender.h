// Where documents enter the pipeline: the durable end of topic `events`. pipeline/local implements it on the event log,
// pipeline/kafka on a producer; the door (pipeline/intake/door.h) is its only user.
#pragma once

#include <span>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/stage/record.h"

namespace echoloop::stage {

// A record on its way into topic `events`; the partition is partition_of(key, partitions). The views need live only
// during the call.
struct Append {
  Kind kind{};
  std::string_view key;
  std::string_view value;
  Time at{};                  // stage time; the log never lets it run backwards
  std::string_view tenant{};  // whose share of what may wait it takes; empty: nobody's
};

enum class Appended {
  durable,  // every record survives a crash from now on
  full,     // too much is waiting, of all or of one of the tenants: nothing was taken, try again later
};

// Safe from any thread.
class Appender {
 public:
  virtual ~Appender() = default;
  // Of topic `events`; constant.
  virtual int partitions() const = 0;
  // All records or none, in this order within each partition; returns when they are durable. Error (Fault::world):
  // nothing may be assumed durable; appending the same records again is harmless, as duplicates are found by source and
  // id.
  virtual Result<Appended> append(std::span<const Append> records) = 0;
};

}  // namespace echoloop::stage
