// An import through the door of this process: straight into its log.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "pipeline/base/time.h"
#include "pipeline/intake/door.h"
#include "pipeline/intake/import.h"

namespace echoloop {

struct DoorSinkOptions {
  std::string tenant;  // of the adapter; kept with what it rejects
  // How to wait while the log is full; answers false to give up. Empty: sleeps.
  std::function<bool(Duration)> wait;
  // settle(): waits until the pipeline has applied everything in the log, and answers the duplicates found since.
  // Empty: nothing is awaited.
  std::function<Result<std::int64_t>()> settled;
};

// Events of any age are taken.
std::unique_ptr<ImportSink> make_door_sink(Door& door, DoorSinkOptions options);

}  // namespace echoloop
