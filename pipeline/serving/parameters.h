// Query parameters that many requests share, read and checked. Errors: bad_input; `where` is the parameter. Pure.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pipeline/http/message.h"
#include "schemas/domain.h"

namespace echoloop::serving {

// The tenant asked for; where the configuration has exactly one it may be left out.
Result<std::string> tenant_parameter(const http::Query& query, const Domain& domain);

// RFC 3339, or a date, which is its first instant in the zone.
Result<std::optional<Time>> time_parameter(const http::Query& query, std::string_view name, const TimeZone& zone);

// `from` and `to`, half open. Error: nothing lies between them.
struct Period {
  std::optional<Time> from, to;
};
Result<Period> period_parameters(const http::Query& query, const TimeZone& zone);

// `timezone`, else the tenant's. A zone whose hours begin at other minutes than the tenant's cannot be answered from
// hour buckets.
Result<TimeZone> zone_parameter(const http::Query& query, const TimeZone& of_tenant);

// The words of a list that knows all its words (group_by, state, kind, delay): commas and repeated parameters alike
// separate, however the comma is written, because no word holds one and many clients escape what they are given.
std::vector<std::string> words_parameter(const http::Query& query, std::string_view name);

// Default 50; above 200 counts as 200.
Result<std::size_t> limit_parameter(const http::Query& query);

// Dimensions used as filters: name → allowed values.
using Filters = std::map<std::string, std::set<std::string>>;
Filters filter_parameters(const http::Query& query);

// All dimensions, which is what filters may name.
const std::vector<std::string>& dimension_names();

// An opaque cursor of a key, and back. It belongs to the list it was made for: the same path, tenant and filters, in
// whatever order. Error: not one of ours, or of another list.
std::string make_cursor(const http::Request& request, std::string_view key);
Result<std::optional<std::string>> cursor_parameter(const http::Request& request);

http::Response refused(const Error& error);

// As text in UTF-8. What was kept as it came, an event or an answer, may be none: what is wrong in it becomes U+FFFD.
std::string text_of(const nlohmann::ordered_json& json);

}  // namespace echoloop::serving
