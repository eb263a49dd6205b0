// Compact bytes: varints for values, and keys whose byte order is the order of their parts. Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace echoloop {

// LEB128, 1–10 bytes.
inline void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}
// ZigZag, so that small negative numbers stay short.
void put_signed(std::string& out, std::int64_t value);
// Length, then the bytes.
void put_text(std::string& out, std::string_view text);

// Reads what the functions above wrote. After a read past the end or a malformed number ok() is false and every further
// read gives zero or empty, so that a decoder checks once, at the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  std::uint64_t varint() {
    if (!rest_.empty() && static_cast<std::uint8_t>(rest_.front()) < 0x80) {  // most are small
      auto value = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      return value;
    }
    return long_varint();
  }
  std::int64_t signed_varint() {
    std::uint64_t raw = varint();
    return static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
  }
  std::string_view text();  // a view into the bytes given
  std::uint8_t byte();
  bool ok() const { return ok_; }
  bool done() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::uint64_t long_varint();

  std::string_view rest_;
  bool ok_ = true;
};

// Ordered key parts. Text may hold any byte: 00 is written as 00 FF, and 00 01 ends it, so no key is a prefix of its
// neighbour's part.
void put_key_text(std::string& key, std::string_view text);
void put_key_u64(std::string& key, std::uint64_t value);  // big endian
void put_key_u32(std::string& key, std::uint32_t value);
void put_key_time(std::string& key, std::int64_t ms);  // ordered also below zero

class KeyReader {
 public:
  explicit KeyReader(std::string_view key) : rest_(key) {}
  std::string text();
  void skip_text();
  std::uint64_t u64();
  std::uint32_t u32();
  std::int64_t time_ms();
  bool ok() const { return ok_; }
  bool done() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// The smallest key that is greater than every key with this prefix; nullopt when there is none (all FF).
std::optional<std::string> prefix_end(std::string_view prefix);

std::string to_hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view hex);  // of lower-case digits; none when it is something else

}  // namespace echoloop
