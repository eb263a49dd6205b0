// How the changelog forgets: beside what it changed each epoch of a shard writes the next slice of all its rows, in the
// order of their keys, turn after turn. What lies before the last complete turn is not needed any more: a row has
// changed since, or was written as it stands when its turn came. So the changelog stays a small multiple of the state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/stage/store.h"
#include "pipeline/store/rocks_store.h"

namespace echoloop::kafka {

// Where the turn of a shard stands. It is a row of the shard itself, so it moves with it.
struct Turn {
  std::int64_t begin = 0;  // offset of the changelog at or before the turn's first record
  stage::Table table{};    // the next row to write is the first one from here on
  std::string key;
  // From there on the changelog must be whole: where the last complete turn began, before the first one the shard
  // itself. nullopt: written by an older version, which did not say.
  std::optional<std::int64_t> whole_from = kNone;
  static constexpr std::int64_t kNone = -1;  // no epoch was written yet
  // The topic was deleted and made anew: until a turn is complete it holds a part of the state only.
  static constexpr std::int64_t kNever = -2;
};
Result<Turn> read_turn(const stage::View& rows, int shard);
stage::Row row_of_turn(int shard, const Turn& turn);
void erase_turn(store::Batch& batch, int shard);

// What an epoch writes beside its changes, before them.
struct Slice {
  std::vector<stage::Row> rows;           // the turn's own row is the last one
  std::optional<std::int64_t> forgotten;  // once the epoch is true: records before that offset may go
};
// About `bytes` (more than 0) of rows as they were before the epoch. `next_offset`: the end of the changelog.
Result<Slice> next_slice(const stage::View& rows, int shard, std::size_t bytes, std::int64_t next_offset);

}  // namespace echoloop::kafka
