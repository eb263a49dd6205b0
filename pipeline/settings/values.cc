#include "pipeline/settings/values.h"

#include <array>
#include <charconv>
#include <limits>

namespace echoloop {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array kUnits = {Unit{"TiB", 1ull << 40}, Unit{"GiB", 1ull << 30}, Unit{"MiB", 1ull << 20},
                               Unit{"KiB", 1ull << 10}};

std::string_view shortened(std::string_view text) { return text.substr(0, 64); }

// The number at the start of `text`, which is cut off it; false when there is none or it does not fit.
bool cut_number(std::string_view& text, std::uint64_t& number) {
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool is_host(std::string_view text) {
  return !text.empty() && text.find_first_of(" /?#@[]:") == std::string_view::npos;
}

}  // namespace

std::string format_address(const Address& address) {
  bool six = address.host.find(':') != std::string::npos;
  return six ? fmt::format("[{}]:{}", address.host, address.port) : fmt::format("{}:{}", address.host, address.port);
}

Result<std::uint64_t> parse_size(std::string_view text) {
  auto bad =
      bad_input("", fmt::format("'{}' is not a size (bytes, or a number with KiB, MiB, GiB or TiB)", shortened(text)));
  std::uint64_t number = 0;
  if (!cut_number(text, number)) return bad;
  if (text.empty()) return number;
  for (const Unit& unit : kUnits) {
    if (text != unit.name) continue;
    if (number > std::numeric_limits<std::uint64_t>::max() / unit.bytes) return bad;
    return number * unit.bytes;
  }
  return bad;
}

std::string format_size(std::uint64_t bytes) {
  for (const Unit& unit : kUnits) {
    if (bytes != 0 && bytes % unit.bytes == 0) return fmt::format("{}{}", bytes / unit.bytes, unit.name);
  }
  return fmt::format("{}", bytes);
}

Result<std::uint64_t> parse_count(std::string_view text) {
  std::string_view rest = text;
  std::uint64_t number = 0;
  if (!cut_number(rest, number) || !rest.empty()) {
    return bad_input("", fmt::format("'{}' is not a whole number", shortened(text)));
  }
  return number;
}

Result<Address> parse_address(std::string_view text) {
  auto bad = bad_input("", fmt::format("'{}' is not an address (host:port)", shortened(text)));
  std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad;
  std::string_view host = text.substr(0, colon);
  std::string_view port = text.substr(colon + 1);
  bool six = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (six) {
    host = host.substr(1, host.size() - 2);
    if (host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) return bad;
  } else if (!is_host(host)) {
    return bad;
  }
  auto number = parse_count(port);
  if (!number || *number > 65'535) return bad;
  return Address{std::string(host), static_cast<std::uint16_t>(*number)};
}

Result<std::string> parse_server(std::string_view text) {
  auto bad = bad_input("", fmt::format("'{}' is not a server (http://host:port)", shortened(text)));
  constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) return bad;
  if (text.ends_with('/')) text.remove_suffix(1);
  std::string_view authority = text.substr(std::min(kScheme.size(), text.size()));
  if (!is_host(authority) && !parse_address(authority)) return bad;
  return std::string(text);
}

Result<Time> parse_moment(std::string_view text) {
  if (text.size() != 10) return parse_time(text);
  auto day = parse_date(text);
  if (!day) return tl::make_unexpected(day.error());
  return from_ms(*day * kDay_ms);
}

Result<std::vector<std::pair<std::string, std::string>>> parse_properties(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty()) continue;
    const auto equals = line.find('=');
    if (equals == 0 || equals == std::string_view::npos)
      return bad_input("", fmt::format("'{}' is not NAME=VALUE", line.substr(0, 64)));
    out.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  return out;
}

Result<bool> parse_flag(std::string_view text) {
  for (std::string_view yes : {"true", "yes", "on", "1"}) {
    if (text == yes) return true;
  }
  for (std::string_view no : {"false", "no", "off", "0"}) {
    if (text == no) return false;
  }
  return bad_input("", fmt::format("'{}' is neither true nor false", shortened(text)));
}

}  // namespace echoloop
