// The data folder for commands that read: beside a running server too, as they open it read-only and see what was
// committed when they began.
#pragma once

#include <memory>

#include "pipeline/serving/sources.h"
#include "pipeline/settings/settings.h"
#include "pipeline/store/rocks_store.h"

namespace echoloop::program {

struct Reading {
  std::unique_ptr<store::RocksStore> store;
  serving::Sources sources;  // without raw events
};
Result<Reading> open_for_reading(const Settings& settings);

}  // namespace echoloop::program
