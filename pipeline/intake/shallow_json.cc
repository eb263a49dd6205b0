#include "pipeline/intake/shallow_json.h"

#include <fmt/format.h>

namespace echoloop {

Result<nlohmann::ordered_json> parse_shallow_json(std::string_view text) {
  // For nlohmann::json a NUL is the end of the text.
  if (text.find('\0') != std::string_view::npos) return bad_input("", "not JSON");
  bool deep = false;
  auto json = nlohmann::ordered_json::parse(
      text,
      [&deep](int depth, nlohmann::ordered_json::parse_event_t, const nlohmann::ordered_json&) {
        deep = deep || depth > kJsonDepth_max;
        return !deep;
      },
      false);
  if (deep) return bad_input("", fmt::format("nested deeper than {} levels", kJsonDepth_max));
  if (json.is_discarded()) return bad_input("", "not JSON");
  return json;
}

}  // namespace echoloop
