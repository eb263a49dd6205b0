// The unit of the event log: some records of one partition behind one checked header. On disk, little endian:
//
//   magic u32 · check u32 (xxh3 of the rest of the header) · payload check u64 (xxh3 of the payload as stored) · first
//   offset u64 · group u64 · records u32 · raw size u32 · stored size u32 · blocks left in the group u32 · first at i64
//   · last at i64 · partition u16 · compression u8 · version u8 · payload
//
// A group is what one fsync covered: its blocks lie side by side and count down "blocks left" to zero. So a reader of a
// damaged tail can tell what was never acknowledged (the last group) from what was (any earlier one). The raw payload
// holds, for each record: kind u8, at minus first at (varint), key, value (each length and bytes). Pure functions and
// plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/stage/record.h"

namespace echoloop::local {

// The numbers lie on disk.
enum class Compression : std::uint8_t { none = 0, lz4 = 1, zstd = 2 };

inline constexpr std::size_t kHeader_bytes = 68;
inline constexpr std::size_t kBlock_raw_bytes = 256 << 10;   // a block is closed when it has reached this
inline constexpr std::size_t kRecord_bytes_max = 64u << 20;  // key and value together
inline constexpr std::size_t kBlock_bytes_max = kBlock_raw_bytes + kRecord_bytes_max + 64;
inline constexpr std::size_t kCompress_from_bytes = 512;  // smaller ones stay raw

struct BlockHeader {
  std::uint64_t payload_check = 0;
  std::uint64_t first_offset = 0;
  std::uint64_t group = 0;
  std::uint32_t records = 0;
  std::uint32_t raw_size = 0;
  std::uint32_t stored_size = 0;
  std::uint32_t left_in_group = 0;
  std::int64_t first_at = 0;  // ms
  std::int64_t last_at = 0;
  std::uint16_t partition = 0;
  Compression compression = Compression::none;

  std::uint64_t end_offset() const { return first_offset + records; }
  std::size_t disk_size() const { return kHeader_bytes + stored_size; }
};

std::string encode_header(const BlockHeader& header);
// Nothing when the bytes are not a whole, sound header.
std::optional<BlockHeader> decode_header(std::string_view bytes);
// Nothing when the bytes are not what the header promises.
std::optional<std::string> decode_payload(const BlockHeader& header, std::string_view stored);

// Records of one partition on their way into a block.
struct Packed {
  std::string raw;
  std::uint32_t records = 0;
  std::int64_t first_at = 0, last_at = 0;

  void add(stage::Kind kind, std::string_view key, std::string_view value,
           std::int64_t at_ms);  // at_ms never below the one before
};

// The stored payload: compressed when that pays, else nothing and the raw bytes stand. Sets what the header says of the
// payload.
std::optional<std::string> compress(std::string_view raw, Compression wanted, BlockHeader& header);

// A block in memory. Shared, because the log's ring and any number of slices hold it.
struct Block {
  BlockHeader header;
  std::string raw;
};

// Steps through the records of a block; views into its bytes.
class BlockCursor {
 public:
  explicit BlockCursor(const Block& block);
  // The next record; nothing at the end, or when the payload is malformed (then ok() is false).
  std::optional<stage::Record> next();
  bool ok() const { return ok_; }

 private:
  const Block& block_;
  std::string_view rest_;
  std::uint64_t offset_;
  bool ok_ = true;
};

}  // namespace echoloop::local
