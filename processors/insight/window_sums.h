// Sums of cube rows over the windows that rules look at. Kept in memory between epochs and moved on by each change, so
// that an epoch costs what it changes and not what its windows hold; what is not kept is read from table `cube`.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/aggregates/cube.h"
#include "pipeline/aggregates/measures.h"
#include "pipeline/stage/processor.h"

namespace echoloop::insight {

using Scope = std::vector<std::string>;

// Not thread-safe: one per processor.
class WindowSums {
 public:
  // Counters only, which is all that metrics of rules read; scopes without a row in the window are absent.
  using Sums = absl::flat_hash_map<Scope, aggregates::Measures>;

  // A change of one cell, in every kept window that holds its bucket.
  void add(const aggregates::CubeKey& key, const aggregates::Measures& gained);

  // The sums over [start, end) of (tenant, set). The rows in `context` must hold every change added. The reference
  // lives until trim or clear.
  const Sums& of(const std::string& tenant, const std::string& set, std::int64_t start_ms, std::int64_t end_ms,
                 stage::Context& context);

  // End of an epoch: lets go of the windows not asked for lately while there are too many scopes.
  void trim();
  void clear();

 private:
  struct Window {
    std::int64_t start_ms, end_ms;
    std::uint64_t asked = 0;  // epoch in which it was asked for last
    Sums sums;
  };
  using Cells = std::pair<std::string, std::string>;  // tenant, set

  std::map<Cells, std::vector<std::unique_ptr<Window>>> windows_;
  std::uint64_t epoch_ = 0;
};

}  // namespace echoloop::insight
