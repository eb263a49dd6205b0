// What the answers are made from: committed rows, raw events, the configuration in force. Read only; one for all
// requests; safe from any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/stage/link.h"
#include "pipeline/stage/record.h"
#include "pipeline/stage/store.h"
#include "schemas/current_domain.h"

namespace echoloop::serving {

struct RawEvent {
  Time at{};  // when intake appended it
  std::string json;
};

struct Sources {
  const stage::View* rows = nullptr;
  const stage::View* held = nullptr;  // of them, what this process holds, where that is not all
  // The rows as they are now, for readers that look more than once. Empty: rows never change.
  std::function<std::shared_ptr<const stage::View>()> snapshot;
  int shards = 1;  // of every stage
  std::shared_ptr<const CurrentDomain> domain;
  // The record of topic events at that place; none when it is no longer there.
  std::function<Result<std::optional<RawEvent>>(int shard, std::int64_t offset)> raw_event;

  // Records of topic events from that offset on, as EventLog has them; empty: they cannot be read here.
  std::function<Result<stage::Slice>(int shard, std::int64_t from_offset, const stage::PollLimits& limits)> read_events;

  // Shard of a key of topic events, deltas or cases.
  int shard_of(std::string_view key) const;
  // Tenants that have rows in a table whose keys begin with the tenant, configured or not, sorted: a seek for each.
  Result<std::vector<std::string>> tenants_in(stage::Table table) const;
  // A durable counter, summed over the shards that this process holds.
  std::int64_t counter(std::string_view name) const;
};

}  // namespace echoloop::serving
