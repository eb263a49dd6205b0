#include "pipeline/local/block.h"

#include <lz4.h>
#include <zstd.h>

#include <bit>
#include <cstring>
#include <limits>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"

namespace echoloop::local {
namespace {

static_assert(std::endian::native == std::endian::little, "the log is written little endian, by copying");

constexpr std::uint32_t kMagic = 0x4b4c4245;  // "EBLK"
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kChecked_from = 8;  // the header's own check covers what follows it
constexpr int kZstd_level = 1;
constexpr std::uint64_t kOffset_max = std::numeric_limits<std::int64_t>::max();  // readers count offsets in 63 bits

template <class T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T take(std::string_view& in) {
  T value;
  std::memcpy(&value, in.data(), sizeof value);
  in.remove_prefix(sizeof value);
  return value;
}

}  // namespace

std::string encode_header(const BlockHeader& header) {
  std::string out;
  out.reserve(kHeader_bytes);
  append(out, kMagic);
  append(out, std::uint32_t{0});
  append(out, header.payload_check);
  append(out, header.first_offset);
  append(out, header.group);
  append(out, header.records);
  append(out, header.raw_size);
  append(out, header.stored_size);
  append(out, header.left_in_group);
  append(out, header.first_at);
  append(out, header.last_at);
  append(out, header.partition);
  append(out, static_cast<std::uint8_t>(header.compression));
  append(out, kVersion);
  const auto check = static_cast<std::uint32_t>(hash64(std::string_view{out}.substr(kChecked_from)));
  std::memcpy(out.data() + sizeof kMagic, &check, sizeof check);
  return out;
}

std::optional<BlockHeader> decode_header(std::string_view bytes) {
  if (bytes.size() < kHeader_bytes) return std::nullopt;
  std::string_view rest = bytes.substr(0, kHeader_bytes);
  if (take<std::uint32_t>(rest) != kMagic) return std::nullopt;
  if (take<std::uint32_t>(rest) != static_cast<std::uint32_t>(hash64(rest))) return std::nullopt;
  BlockHeader header;
  header.payload_check = take<std::uint64_t>(rest);
  header.first_offset = take<std::uint64_t>(rest);
  header.group = take<std::uint64_t>(rest);
  header.records = take<std::uint32_t>(rest);
  header.raw_size = take<std::uint32_t>(rest);
  header.stored_size = take<std::uint32_t>(rest);
  header.left_in_group = take<std::uint32_t>(rest);
  header.first_at = take<std::int64_t>(rest);
  header.last_at = take<std::int64_t>(rest);
  header.partition = take<std::uint16_t>(rest);
  const auto compression = take<std::uint8_t>(rest);
  if (compression > static_cast<std::uint8_t>(Compression::zstd) || take<std::uint8_t>(rest) != kVersion)
    return std::nullopt;
  header.compression = Compression{compression};
  if (header.records == 0 || header.raw_size > kBlock_bytes_max || header.stored_size > kBlock_bytes_max)
    return std::nullopt;
  if (header.first_offset > kOffset_max - header.records) return std::nullopt;
  return header;
}

std::optional<std::string> decode_payload(const BlockHeader& header, std::string_view stored) {
  if (stored.size() != header.stored_size || hash64(stored) != header.payload_check) return std::nullopt;
  if (header.compression == Compression::none) {
    if (header.raw_size != header.stored_size) return std::nullopt;
    return std::string{stored};
  }
  std::string raw(header.raw_size, '\0');
  if (header.compression == Compression::lz4) {
    const int size =
        LZ4_decompress_safe(stored.data(), raw.data(), static_cast<int>(stored.size()), static_cast<int>(raw.size()));
    if (size < 0 || static_cast<std::size_t>(size) != raw.size()) return std::nullopt;
  } else {
    const std::size_t size = ZSTD_decompress(raw.data(), raw.size(), stored.data(), stored.size());
    if (ZSTD_isError(size) != 0 || size != raw.size()) return std::nullopt;
  }
  return raw;
}

void Packed::add(stage::Kind kind, std::string_view key, std::string_view value, std::int64_t at_ms) {
  if (records == 0) first_at = at_ms;
  last_at = at_ms;
  ++records;
  raw.push_back(static_cast<char>(kind));
  put_varint(raw, static_cast<std::uint64_t>(at_ms - first_at));
  put_text(raw, key);
  put_text(raw, value);
}

std::optional<std::string> compress(std::string_view raw, Compression wanted, BlockHeader& header) {
  std::optional<std::string> packed;
  if (wanted != Compression::none && raw.size() >= kCompress_from_bytes) {
    std::size_t size = 0;
    if (wanted == Compression::lz4) {
      packed.emplace(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(raw.size()))), '\0');
      size = static_cast<std::size_t>(LZ4_compress_default(raw.data(), packed->data(), static_cast<int>(raw.size()),
                                                           static_cast<int>(packed->size())));
    } else {
      packed.emplace(ZSTD_compressBound(raw.size()), '\0');
      size = ZSTD_compress(packed->data(), packed->size(), raw.data(), raw.size(), kZstd_level);
      if (ZSTD_isError(size) != 0) size = 0;
    }
    if (size == 0 || size > raw.size() - raw.size() / 8) {
      packed.reset();  // less than an eighth won: not worth the unpacking
    } else {
      packed->resize(size);
    }
  }
  const std::string_view stored = packed ? std::string_view{*packed} : raw;
  header.compression = packed ? wanted : Compression::none;
  header.raw_size = static_cast<std::uint32_t>(raw.size());
  header.stored_size = static_cast<std::uint32_t>(stored.size());
  header.payload_check = hash64(stored);
  return packed;
}

BlockCursor::BlockCursor(const Block& block) : block_(block), rest_(block.raw), offset_(block.header.first_offset) {}

std::optional<stage::Record> BlockCursor::next() {
  if (rest_.empty()) {
    ok_ = ok_ && offset_ == block_.header.end_offset();
    return std::nullopt;
  }
  Reader reader{rest_};
  stage::Record record;
  record.kind = stage::Kind{reader.byte()};
  std::int64_t at_ms = 0;
  const bool in_time =
      !__builtin_add_overflow(block_.header.first_at, static_cast<std::int64_t>(reader.varint()), &at_ms);
  record.at = from_ms(at_ms);
  record.key = reader.text();
  record.value = reader.text();
  record.offset = static_cast<std::int64_t>(offset_++);
  rest_ = reader.rest();
  if (!reader.ok() || !in_time) {
    ok_ = false;
    rest_ = {};
    return std::nullopt;
  }
  return record;
}

}  // namespace echoloop::local
