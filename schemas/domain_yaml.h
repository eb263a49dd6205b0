// A YAML file as a tree that remembers its places. Stricter than YAML: duplicate keys, keys that are no text, tags
// (!!x) and a second document are faults. Scalars keep the text as written, so that decimals can be read exactly. Pure;
// any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "schemas/domain_fault.h"

namespace echoloop::yaml {

// From 1; column in characters.
struct Place {
  int line = 0, column = 0;
};

struct Member;

struct Node {
  enum class Kind : std::uint8_t { null, boolean, number, text, list, map };
  Kind kind = Kind::null;
  Place place;
  std::string scalar;           // as written
  std::vector<Node> items;      // list
  std::vector<Member> members;  // map, in the order written

  // The value under a key of a map; null for anything else.
  const Node* find(std::string_view key) const;
  // The text under a key, if it is one.
  std::optional<std::string_view> text(std::string_view key) const;
  // The list under a key; empty if it is none.
  const std::vector<Node>& list(std::string_view key) const;
  std::optional<std::int64_t> integer() const;
};

struct Member {
  std::string key;
  Place place;  // of the key
  Node value;
};

// A file with the list that its faults go to.
struct Document {
  std::string file;  // as faults name it
  Node root;
  std::vector<DomainFault>* faults = nullptr;

  void fault(const Place& place, std::string message) const;
};

// Files above this are not configuration: a wrong path must not fill the memory.
inline constexpr std::size_t kFileBytesMax = 4u << 20;
// Longest single text: patterns are matched by recursion.
inline constexpr std::size_t kScalarBytesMax = 8192;
// Lists and maps within each other, aliases filled in: trees are read, written and freed by recursion.
inline constexpr std::size_t kDepthMax = 64;
// Nodes after the aliases (*name) are copied out, against files that explode.
inline constexpr std::size_t kNodesMax = 1'000'000;

// Nothing when the text is no YAML at all; the faults say why. Other faults leave a tree that can be checked further.
std::optional<Document> parse(std::string file, std::string_view text, std::vector<DomainFault>& faults);

nlohmann::json to_json(const Node& node);

// A decimal as written, times 10^places, exactly: "0.3" with 6 → 300000. Error: no plain decimal, too many decimals, or
// above 10^12.
Result<std::int64_t> parse_decimal(std::string_view text, int places);

}  // namespace echoloop::yaml
