// Files that live inside the program (cmake/embed.cmake): schemas, the console. Tables are constant, sorted by name;
// safe from any thread.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

namespace echoloop {

struct Embedded {
  std::string_view name;  // path below the folder that embeds it, "config/rules.schema.json"
  std::string_view text;  // its bytes
};

inline std::optional<std::string_view> find_embedded(std::span<const Embedded> table, std::string_view name) {
  auto found = std::lower_bound(table.begin(), table.end(), name,
                                [](const Embedded& one, std::string_view wanted) { return one.name < wanted; });
  if (found == table.end() || found->name != name) return std::nullopt;
  return found->text;
}

}  // namespace echoloop
