// The data folder for commands that read: beside a running server too, as they open it read-only and see what was
// committed when they began.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "pipeline/serving/sources.h"
#include "pipeline/settings/settings.h"
#include "pipeline/store/rocks_store.h"

namespace echoloop::program {

// The server to go through: --server, or the one that runs on --data, by the address it left there.
std::optional<std::string> running_server(const Settings& settings);

struct Reading {
  std::unique_ptr<store::RocksStore> store;
  serving::Sources sources;  // one thread at a time, as far as it reads events
};
Result<Reading> open_for_reading(const Settings& settings);

}  // namespace echoloop::program
