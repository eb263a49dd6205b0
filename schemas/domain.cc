#include "schemas/domain.h"

#include <algorithm>
#include <cassert>
#include <tuple>

namespace echoloop {
namespace {

// Whether the path is `under` or lies below it.
bool lies_under(std::string_view path, std::string_view under) {
  return path.starts_with(under) && (path.size() == under.size() || path[under.size()] == '/');
}

bool holds(const Route& route, const RoutingProperties& properties) {
  return std::all_of(route.match.begin(), route.match.end(), [&](const auto& condition) {
    const auto [first, last] = properties.equal_range(condition.first);
    return std::any_of(first, last, [&](const auto& property) {
      if (condition.first == "category") return lies_under(property.second, condition.second);
      return property.second == condition.second;
    });
  });
}

// Greater is more specific. Two categories that hold lie on one path, so the longer text is the longer path.
std::tuple<std::size_t, std::size_t> weight(const Route& route) {
  auto category = route.match.find("category");
  return {route.match.size(), category == route.match.end() ? 0 : category->second.size()};
}

}  // namespace

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::low:
      return "low";
    case Severity::medium:
      return "medium";
    case Severity::high:
      return "high";
    case Severity::critical:
      return "critical";
  }
  return "";
}

const Counting& Domain::counting_at(Time closed_at) const {
  assert(!counting.empty());
  auto after = std::upper_bound(counting.begin(), counting.end(), closed_at,
                                [](Time t, const Counting& one) { return t < one.from; });
  return after == counting.begin() ? *after : *std::prev(after);
}

const TimeZone& Domain::zone_of(std::string_view tenant) const {
  static const TimeZone kUtc;
  auto found = tenants.find(std::string{tenant});
  return found == tenants.end() ? kUtc : found->second.zone;
}

Domain::Routed Domain::route(const RoutingProperties& properties, Time at) const {
  auto after = std::upper_bound(routing.begin(), routing.end(), at,
                                [](Time t, const RoutingVersion& one) { return t < one.effective_from; });
  if (after == routing.begin()) return {0, {std::string{kTriage}}};
  const RoutingVersion& version = *std::prev(after);
  const Route* best = nullptr;
  for (const Route& route : version.routes) {
    if (holds(route, properties) && (best == nullptr || weight(route) > weight(*best))) best = &route;
  }
  if (best == nullptr) return {version.version, {std::string{kTriage}}};
  return {version.version, best->departments, best->match};
}

}  // namespace echoloop
