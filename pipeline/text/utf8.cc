#include <unicode/utf8.h>

#include <cstdint>
#include <cstring>

#include "pipeline/text/normalise.h"

namespace echoloop {

bool valid_utf8(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    std::uint64_t eight = 0;
    if (end - at >= 8) {
      std::memcpy(&eight, at, 8);
      if ((eight & 0x8080808080808080ULL) == 0) {
        at += 8;
        continue;
      }
    }
    int32_t read = 0;
    UChar32 c;
    const auto left = static_cast<int32_t>(end - at < 8 ? end - at : 8);
    U8_NEXT(at, read, left, c);
    if (c < 0) return false;
    at += read;
  }
  return true;
}

std::string_view cut_text(std::string_view text, std::size_t code_points_max) {
  std::size_t at = 0;
  for (; code_points_max > 0 && at < text.size(); --code_points_max) {
    int32_t read = 0;
    UChar32 c;
    const std::size_t left = text.size() - at < 8 ? text.size() - at : 8;
    U8_NEXT(text.data() + at, read, static_cast<int32_t>(left), c);
    static_cast<void>(c);  // an ill-formed sequence counts as the one U+FFFD it reads as
    at += static_cast<std::size_t>(read);
  }
  return text.substr(0, at);
}

}  // namespace echoloop
