#include "pipeline/http/router.h"

#include <algorithm>
#include <cassert>
#include <optional>

namespace echoloop::http {
namespace {

bool is_placeholder(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    auto slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

// Literals before placeholders, from the left.
bool before(const Route& a, const Route& b) {
  auto key = [](const std::string& segment) { return std::pair{is_placeholder(segment), std::string_view{segment}}; };
  return std::lexicographical_compare(a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(),
                                      [&key](const auto& x, const auto& y) { return key(x) < key(y); });
}

bool matches(const Route& route, const std::vector<std::string>& segments) {
  if (route.segments.size() != segments.size()) return false;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    bool fits = is_placeholder(route.segments[i]) ? !segments[i].empty() : route.segments[i] == segments[i];
    if (!fits) return false;
  }
  return true;
}

}  // namespace

void Router::add(Operation operation, Handler handler) {
  assert(handler && operation.path.starts_with('/') && operation.method != "HEAD" && operation.method != "OPTIONS");
  Route route{std::move(operation), std::move(handler), {}};
  for (auto segment : split(route.operation.path)) route.segments.emplace_back(segment);
  for ([[maybe_unused]] const auto& known : routes_) {
    assert(known.operation.method != route.operation.method || known.operation.path != route.operation.path);
  }
  auto place = std::upper_bound(routes_.begin(), routes_.end(), route, before);
  routes_.insert(place, std::move(route));
}

Router::Found Router::find(std::string_view method, std::string_view path) const {
  Found found;
  std::vector<std::string> segments;
  for (auto raw : split(path)) {
    auto segment = percent_decode(raw, false);
    if (!segment) {
      found.malformed = true;
      return found;
    }
    segments.push_back(std::move(*segment));
  }
  auto wanted = method == "HEAD" ? std::string_view{"GET"} : method;
  const Route* best = nullptr;
  for (const auto& route : routes_) {
    if (!matches(route, segments)) continue;
    // Routes of the best path lie side by side; a path further down is another, less literal one.
    if (best == nullptr) best = &route;
    if (route.segments != best->segments) continue;
    found.allowed.push_back(route.operation.method);
    if (route.operation.method == "GET") found.allowed.push_back("HEAD");
    if (route.operation.method == wanted) found.route = &route;
  }
  if (best == nullptr) return found;
  found.allowed.push_back("OPTIONS");
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto& name = best->segments[i];
    if (is_placeholder(name)) found.parts.emplace(name.substr(1, name.size() - 2), std::move(segments[i]));
  }
  return found;
}

std::vector<Operation> Router::operations() const {
  std::vector<Operation> out;
  for (const auto& route : routes_) out.push_back(route.operation);
  return out;
}

}  // namespace echoloop::http
