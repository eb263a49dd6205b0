// The cube: rows of table `cube`, one per (tenant, dimension set, bucket, values), each a Measures. And the evidence
// behind rules: which sessions stand in which cell. Keys sort by tenant, set, bucket, so that a query over a stretch of
// time is one range. Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/aggregates/measures.h"

namespace echoloop::aggregates {

// Dimensions joined by "×"; "" for ().
std::string set_name(const std::vector<std::string>& dimensions);
std::vector<std::string> dimensions_of(std::string_view set);

// The value that cells of values beyond the bound on cardinality are counted under.
inline constexpr std::string_view kOther = "other";

struct CubeKey {
  std::string tenant, set;
  std::int64_t bucket_ms = 0;
  std::vector<std::string> values;
  friend bool operator==(const CubeKey&, const CubeKey&) = default;
};

std::string cube_key(std::string_view tenant, std::string_view set, std::int64_t bucket_ms,
                     const std::vector<std::string_view>& values);
std::optional<CubeKey> parse_cube_key(std::string_view key);  // none: not such a key, or the values do not fit the set
// Start of the rows of (tenant, set) from this bucket on.
std::string cube_from(std::string_view tenant, std::string_view set, std::int64_t bucket_ms);

// Chooses the INSIGHT shard of everything about (tenant, set).
std::string cube_partition_key(std::string_view tenant, std::string_view set);

// The row as `export aggregates` prints it, without the end of the line (docs/aggregates.md).
std::string canonical_line(const CubeKey& key, const Measures& measures);

// Evidence: a session in a window of a rule's scope. Its key begins with the window, (tenant, rule, scope, start), and
// ends with the session id.
struct EvidenceWindow {
  std::string tenant, rule;
  std::vector<std::string> scope;
  std::int64_t window_ms = 0;
};

std::string evidence_key(std::string_view tenant, std::string_view rule, const std::vector<std::string_view>& scope,
                         std::int64_t window_ms, std::string_view session_id);
// How much of such a key names the window; 0 when it is no such key.
std::size_t evidence_window_bytes(std::string_view key);
std::optional<EvidenceWindow> parse_evidence_window(std::string_view window);
std::string evidence_from(std::string_view tenant, std::string_view rule, const std::vector<std::string_view>& scope,
                          std::int64_t window_ms);

}  // namespace echoloop::aggregates
