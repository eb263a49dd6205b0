#include "pipeline/kafka/rolling.h"

#include "pipeline/base/bytes.h"

namespace echoloop::kafka {
namespace {

constexpr stage::Table kTurn_table{
    204};  // shard = partition; "" → begin varint, table byte, key text, whole from varint

std::string bytes_of(const Turn& turn) {
  std::string out;
  put_varint(out, static_cast<std::uint64_t>(turn.begin));
  out.push_back(static_cast<char>(turn.table));
  put_text(out, turn.key);
  if (turn.whole_from) put_varint(out, static_cast<std::uint64_t>(*turn.whole_from));
  return out;
}

}  // namespace

Result<Turn> read_turn(const stage::View& rows, int shard) {
  auto bytes = rows.get(kTurn_table, shard, "");
  if (!bytes) return tl::make_unexpected(bytes.error());
  Turn out;
  if (!*bytes) return out;
  Reader reader{**bytes};
  out.begin = static_cast<std::int64_t>(reader.varint());
  out.table = stage::Table{reader.byte()};
  out.key = reader.text();
  out.whole_from.reset();
  if (reader.ok() && !reader.done()) out.whole_from = static_cast<std::int64_t>(reader.varint());
  if (!reader.ok()) return broken_world("store", "a damaged turn of the changelog");
  return out;
}

stage::Row row_of_turn(int shard, const Turn& turn) { return {kTurn_table, shard, "", bytes_of(turn)}; }

void erase_turn(store::Batch& batch, int shard) { batch.erase(kTurn_table, shard, ""); }

Result<Slice> next_slice(const stage::View& rows, int shard, std::size_t bytes, std::int64_t next_offset) {
  Slice out;
  auto turn = read_turn(rows, shard);
  if (!turn) return tl::make_unexpected(turn.error());
  if (turn->table == stage::Table{}) {  // the next turn begins
    turn->begin = next_offset;
    turn->table = stage::Table{1};
    if (turn->whole_from == Turn::kNone) turn->whole_from = next_offset;
  }
  std::size_t taken = 0;
  bool more = false;  // in this table
  while (static_cast<int>(turn->table) < stage::kTables_end) {
    auto scanned = rows.scan(turn->table, shard, turn->key, "", [&](std::string_view key, std::string_view value) {
      if (taken >= bytes) {
        turn->key = key;
        more = true;
        return false;
      }
      out.rows.push_back({turn->table, shard, std::string(key), std::string(value)});
      taken += key.size() + value.size();
      return true;
    });
    if (!scanned) return tl::make_unexpected(scanned.error());
    if (more) break;
    turn->table = stage::Table{static_cast<std::uint8_t>(static_cast<int>(turn->table) + 1)};
    turn->key.clear();
  }
  if (static_cast<int>(turn->table) >= stage::kTables_end) {
    out.forgotten = turn->begin;
    turn->whole_from = turn->begin;
    turn->begin = 0;
    turn->table = {};
  }
  out.rows.push_back(row_of_turn(shard, *turn));
  return out;
}

}  // namespace echoloop::kafka
