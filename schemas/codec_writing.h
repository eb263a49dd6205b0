// Appends JSON values in canonical form. Private to the codec; pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/base/time.h"

namespace echoloop::codec {

// Only ", \ and characters below U+0020 are escaped: \b \f \n \r \t, the others \u00xx in lower case.
void put_json_text(std::string& out, std::string_view text);
void put_json_integer(std::string& out, std::int64_t value);
// 4500 → 4.5
void put_json_thousandths(std::string& out, std::int64_t value);
// "2026-03-01T00:00:00Z", as format_time() writes it.
void put_json_time(std::string& out, Time time);

}  // namespace echoloop::codec
