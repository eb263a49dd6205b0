#include "pipeline/kafka/changelog.h"

#include <algorithm>

#include "pipeline/base/bytes.h"

namespace echoloop::kafka {
namespace {

constexpr stage::Table kMarkers_table{203};  // shard = partition; "" → epoch, next offset, begun varint
// 2: rows of sessions leave out what they say twice (schemas/session_shorter.h); records of version 1 are read as well.
constexpr std::uint8_t kVersion = 2, kVersion_oldest = 1;

constexpr std::size_t kEpoch_at = 1;

constexpr std::size_t kRow_bytes = 8;    // of a row beside its key and value
constexpr std::size_t kRoom_bytes = 64;  // of a record beside its rows

std::size_t bytes_of(const stage::Row& row) {
  return kRow_bytes + row.key.size() + (row.value ? row.value->size() : 0);
}

}  // namespace

Result<Marker> read_marker(const stage::View& store, int shard) {
  auto bytes = store.get(kMarkers_table, shard, "");
  if (!bytes) return tl::make_unexpected(bytes.error());
  Marker out;
  if (!*bytes) return out;
  Reader reader{**bytes};
  out.epoch = static_cast<std::int64_t>(reader.varint());
  out.next_offset = static_cast<std::int64_t>(reader.varint());
  if (reader.ok() && !reader.done()) out.begun = static_cast<std::int64_t>(reader.varint());
  if (!reader.ok()) return broken_world("store", "a damaged marker of the changelog");
  return out;
}

void put_marker(store::Batch& batch, int shard, const Marker& marker) {
  std::string value;
  put_varint(value, static_cast<std::uint64_t>(marker.epoch));
  put_varint(value, static_cast<std::uint64_t>(marker.next_offset));
  if (marker.begun > 0) put_varint(value, static_cast<std::uint64_t>(marker.begun));
  batch.put(kMarkers_table, shard, "", value);
}

std::vector<std::string> pack_epoch(std::int64_t epoch, std::span<const stage::Row* const> rows,
                                    std::size_t record_bytes) {
  std::vector<std::string> out;
  std::size_t last_at = 0, left = 0;  // bytes, about
  for (const stage::Row* row : rows) left += bytes_of(*row);
  const auto begin = [&] {
    std::string& record = out.emplace_back();
    record.reserve(std::min(left, record_bytes) + kRoom_bytes);
    record.push_back(static_cast<char>(kVersion));
    put_varint(record, static_cast<std::uint64_t>(epoch));
    last_at = record.size();
    record.push_back(0);
  };
  begin();
  for (const stage::Row* row : rows) {
    const std::size_t bytes = bytes_of(*row);
    if (out.back().size() > last_at + 1 && out.back().size() + bytes > record_bytes) begin();
    std::string& record = out.back();
    record.push_back(static_cast<char>(row->table));
    put_text(record, row->key);
    record.push_back(row->value ? 1 : 0);
    if (row->value) put_text(record, *row->value);
    left -= bytes;
  }
  out.back()[last_at] = 1;
  return out;
}

Result<Unpacked> unpack_epoch(std::string_view record, int shard, store::Batch& batch) {
  const auto damaged = [&](std::string_view what) {
    return broken_world(fmt::format("changelog {}", shard), std::string(what));
  };
  const auto version = record.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(record[0]);
  if (version < kVersion_oldest || version > kVersion)
    return damaged("a record of another version of echoloop, or none of echoloop's");
  Reader reader{record.substr(kEpoch_at)};
  Unpacked out;
  out.epoch = static_cast<std::int64_t>(reader.varint());
  out.last = reader.byte() == 1;
  while (reader.ok() && !reader.done()) {
    const stage::Table table{reader.byte()};
    const std::string_view key = reader.text();
    if (reader.byte() == 1) {
      const std::string_view value = reader.text();
      if (reader.ok()) batch.put(table, shard, key, value);
    } else if (reader.ok()) {
      batch.erase(table, shard, key);
    }
  }
  if (!reader.ok()) return damaged("a damaged record");
  return out;
}

}  // namespace echoloop::kafka
