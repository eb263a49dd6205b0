// UUIDs as they are written most often, 36 lower-case characters (RFC 9562, section 4), and as 16 bytes. Whatever is
// written otherwise is no UUID here: the text comes back as it was. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pipeline/base/arena.h"

namespace echoloop {

using UuidBytes = std::array<char, 16>;
inline constexpr std::size_t kUuid_text_bytes = 36;

namespace uuid_detail {

inline constexpr std::uint8_t kNo_digit = 0xff;
inline constexpr std::array<std::uint8_t, 256> kDigits = [] {
  std::array<std::uint8_t, 256> out{};
  out.fill(kNo_digit);
  for (int i = 0; i < 16; ++i) out[static_cast<std::uint8_t>("0123456789abcdef"[i])] = static_cast<std::uint8_t>(i);
  return out;
}();
// Where the 16 pairs of digits begin.
inline constexpr std::array<std::uint8_t, 16> kPairs = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

inline std::uint8_t digit(char c) { return kDigits[static_cast<std::uint8_t>(c)]; }

}  // namespace uuid_detail

inline bool is_uuid(std::string_view text) {
  using namespace uuid_detail;
  if (text.size() != kUuid_text_bytes || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-')
    return false;
  std::uint8_t all = 0;
  for (std::size_t pair : kPairs) all |= digit(text[pair]) | digit(text[pair + 1]);
  return all < 16;
}

// Of a text that is one.
inline UuidBytes uuid_bytes(std::string_view text) {
  using namespace uuid_detail;
  UuidBytes out;
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<char>(digit(text[kPairs[i]]) << 4 | digit(text[kPairs[i] + 1]));
  return out;
}

// Of 16 bytes.
inline std::string_view uuid_text(std::string_view bytes, Arena& arena) {
  using namespace uuid_detail;
  char* out = static_cast<char*>(arena.allocate(kUuid_text_bytes));
  for (std::size_t at : {8, 13, 18, 23}) out[at] = '-';
  for (std::size_t i = 0; i < kPairs.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    out[kPairs[i]] = "0123456789abcdef"[byte >> 4];
    out[kPairs[i] + 1] = "0123456789abcdef"[byte & 15];
  }
  return {out, kUuid_text_bytes};
}

}  // namespace echoloop
