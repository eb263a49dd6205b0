// Texts of option values, read into what they mean. Pure; safe from any thread. An Error says what was expected; its
// place is the caller's to add.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/settings/settings.h"

namespace echoloop {

// "1GiB", "512MiB", "64KiB", "3TiB", or plain bytes.
Result<std::uint64_t> parse_size(std::string_view text);
// In the greatest unit that divides it.
std::string format_size(std::uint64_t bytes);

// A whole number in decimal, no sign.
Result<std::uint64_t> parse_count(std::string_view text);

// "host:port", "[::1]:port".
Result<Address> parse_address(std::string_view text);

// "http://host:port" (the port may be absent); a slash at the end is dropped.
Result<std::string> parse_server(std::string_view text);

// RFC 3339, or a date: its first instant in UTC.
Result<Time> parse_moment(std::string_view text);

// "name=value", one a line.
Result<std::vector<std::pair<std::string, std::string>>> parse_properties(std::string_view text);

// true, yes, on, 1; false, no, off, 0.
Result<bool> parse_flag(std::string_view text);

}  // namespace echoloop
