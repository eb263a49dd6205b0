// A small pipeline over links whose result shows every record lost or counted twice: each event is counted in the rows
// of its shard and sends a delta, each delta is counted and sends a case and a task, each case is counted. The numbers
// of all four must be those of the events.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "pipeline/stage/link.h"

namespace echoloop::tally {

using stage::Topic;
using Counts = std::map<std::string, std::int64_t>;

inline stage::Table table_of(Topic topic) {
  if (topic == Topic::events) return stage::Table::sessions;
  return topic == Topic::deltas ? stage::Table::cube : stage::Table::tasks;
}

// What the records of a poll lead to.
inline Result<stage::Epoch> epoch_of(const stage::Poll& poll, const stage::View& view) {
  stage::Epoch epoch;
  std::map<std::tuple<stage::Table, int, std::string>, std::int64_t> counts;
  for (const stage::Slice& slice : poll.slices) {
    const auto [topic, shard] = slice.partition;
    for (const stage::Record& record : slice.records) {
      const std::string key{record.key};
      auto [count, fresh] = counts.try_emplace({table_of(topic), shard, key}, 0);
      if (fresh) {
        auto row = view.get(table_of(topic), shard, key);
        if (!row) return tl::make_unexpected(row.error());
        count->second = *row ? std::stoll(**row) : 0;
      }
      ++count->second;
      const std::string value{record.value};
      if (topic == Topic::events) epoch.outputs.push_back({Topic::deltas, stage::Kind::delta, key, value, record.at});
      if (topic == Topic::deltas) {
        epoch.outputs.push_back({Topic::cases, stage::Kind::case_signal, key, value, record.at});
        epoch.outputs.push_back({Topic::tasks, stage::Kind::task, key, value, record.at});
      }
    }
    epoch.positions.push_back({slice.partition, slice.records.back().offset + 1});
  }
  for (const auto& [place, count] : counts) {
    epoch.rows.push_back({std::get<0>(place), std::get<1>(place), std::get<2>(place), std::to_string(count)});
  }
  return epoch;
}

// One poll and, where it found records, one commit; answers how many.
inline Result<std::size_t> step(stage::Link& link, const stage::PollLimits& limits, Duration timeout = Duration{0}) {
  Result<stage::Poll> poll = link.poll(timeout, limits);
  if (!poll) return tl::make_unexpected(poll.error());
  std::size_t records = 0;
  for (const stage::Slice& slice : poll->slices) records += slice.records.size();
  if (records == 0) return poll->assigned.size();
  Result<stage::Epoch> epoch = epoch_of(*poll, link.view());
  if (!epoch) return tl::make_unexpected(epoch.error());
  Result<void> done = link.commit(std::move(*epoch));
  if (!done) return tl::make_unexpected(done.error());
  return records;
}

inline Counts counts_of(const stage::View& view, Topic topic, int partitions) {
  Counts counts;
  for (int shard = 0; shard < partitions; ++shard) {
    (void)view.scan(table_of(topic), shard, "", "", [&](std::string_view key, std::string_view value) {
      counts[std::string{key}] += std::stoll(std::string{value});
      return true;
    });
  }
  return counts;
}

}  // namespace echoloop::tally
