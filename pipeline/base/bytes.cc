#include "pipeline/base/bytes.h"

namespace echoloop {

void put_signed(std::string& out, std::int64_t value) {
  put_varint(out, (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}

std::uint64_t Reader::long_varint() {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < rest_.size() && i < 10; ++i) {
    auto byte = static_cast<std::uint8_t>(rest_[i]);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      rest_.remove_prefix(i + 1);
      return value;
    }
  }
  ok_ = false;
  rest_ = {};
  return 0;
}

std::string_view Reader::text() {
  std::uint64_t size = varint();
  if (!ok_ || size > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  std::string_view out = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return out;
}

std::uint8_t Reader::byte() {
  if (rest_.empty()) {
    ok_ = false;
    return 0;
  }
  auto out = static_cast<std::uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return out;
}

void put_key_text(std::string& key, std::string_view text) {
  for (std::size_t zero = text.find('\0'); zero != std::string_view::npos; zero = text.find('\0')) {
    key.append(text.substr(0, zero + 1)).push_back('\xff');
    text.remove_prefix(zero + 1);
  }
  key.append(text);
  key.push_back('\0');
  key.push_back('\1');
}

void put_key_u64(std::string& key, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(value >> shift));
}

void put_key_u32(std::string& key, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(value >> shift));
}

void put_key_time(std::string& key, std::int64_t ms) {
  put_key_u64(key, static_cast<std::uint64_t>(ms) ^ (1ULL << 63));
}

std::string KeyReader::text() {
  std::string out;
  for (std::size_t i = 0; i + 1 < rest_.size(); ++i) {
    if (rest_[i] != '\0') {
      out.push_back(rest_[i]);
    } else if (rest_[i + 1] == '\xff') {
      out.push_back('\0');
      ++i;
    } else if (rest_[i + 1] == '\1') {
      rest_.remove_prefix(i + 2);
      return out;
    } else {
      break;
    }
  }
  ok_ = false;
  rest_ = {};
  return {};
}

void KeyReader::skip_text() {
  for (std::size_t zero = rest_.find('\0'); zero < rest_.size() - 1; zero = rest_.find('\0', zero + 2)) {
    if (rest_[zero + 1] != '\1' && rest_[zero + 1] != '\xff') break;
    if (rest_[zero + 1] == '\xff') continue;
    rest_.remove_prefix(zero + 2);
    return;
  }
  ok_ = false;
  rest_ = {};
}

std::uint64_t KeyReader::u64() {
  if (rest_.size() < 8) {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<std::uint8_t>(rest_[i]);
  rest_.remove_prefix(8);
  return value;
}

std::uint32_t KeyReader::u32() {
  if (rest_.size() < 4) {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(rest_[i]);
  rest_.remove_prefix(4);
  return value;
}

std::int64_t KeyReader::time_ms() { return static_cast<std::int64_t>(u64() ^ (1ULL << 63)); }

std::optional<std::string> prefix_end(std::string_view prefix) {
  std::string end{prefix};
  while (!end.empty() && static_cast<std::uint8_t>(end.back()) == 0xff) end.pop_back();
  if (end.empty()) return std::nullopt;
  end.back() = static_cast<char>(static_cast<std::uint8_t>(end.back()) + 1);
  return end;
}

constexpr std::string_view kHex = "0123456789abcdef";

std::string to_hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char c : bytes) {
    out.push_back(kHex[static_cast<std::uint8_t>(c) >> 4]);
    out.push_back(kHex[static_cast<std::uint8_t>(c) & 15]);
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const auto high = kHex.find(hex[i]), low = kHex.find(hex[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return out;
}

}  // namespace echoloop
