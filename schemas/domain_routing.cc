// routing.yaml.
#include <fmt/format.h>

#include <algorithm>

#include "schemas/domain_draft.h"
#include "schemas/domain_schema.h"

namespace echoloop {
namespace {

void check_match(const yaml::Document& document, const Draft& draft, const yaml::Node& match) {
  const auto check = [&](const char* key, const char* file, const std::vector<std::string>& known) {
    const yaml::Node* value = match.find(key);
    if (value != nullptr && value->kind == yaml::Node::Kind::text && draft.read.contains(file)) {
      check_reference(document, *value, key, known);
    }
  };
  check("tag", "taxonomy", draft.tag_ids());
  if (draft.read.contains("taxonomy")) check("rule", "rules", draft.rule_ids());
}

std::vector<Route> read_routes(const yaml::Document& document, const Draft& draft, const yaml::Node& version) {
  std::vector<Route> routes;
  std::map<std::map<std::string, std::string>, int> lines;
  for (const yaml::Node& one : version.list("routes")) {
    const yaml::Node* match = one.find("match");
    if (match == nullptr) continue;
    check_match(document, draft, *match);
    Route route;
    for (const yaml::Member& condition : match->members) route.match[condition.key] = condition.value.scalar;
    for (const yaml::Node* department : read_texts(one, "departments")) {
      if (!draft.read.contains("organisation") ||
          check_reference(document, *department, "department", draft.department_ids())) {
        route.departments.push_back(department->scalar);
      }
    }
    auto [first, fresh] = lines.emplace(route.match, match->place.line);
    if (!fresh) {
      document.fault(match->place,
                     fmt::format("has the same conditions as the route in line {}, which always wins", first->second));
    }
    routes.push_back(std::move(route));
  }
  return routes;
}

}  // namespace

void read_routing(const yaml::Document& document, Draft& draft) {
  Unique numbers{document, "version"};
  Unique times{document, "effective_from"};
  for (const yaml::Node& one : document.root.list("versions")) {
    RoutingVersion version;
    version.version = static_cast<int>(read_integer(one, "version", 0));
    version.routes = read_routes(document, draft, one);
    auto from = read_effective_from(document, one);
    if (!from || !one.find("version")) continue;
    version.effective_from = *from;
    if (!numbers.take(one.find("version")->place, std::to_string(version.version))) continue;
    if (!times.take(one.find("effective_from")->place, format_time(*from))) continue;
    draft.domain.routing.push_back(std::move(version));
    const auto& all = draft.domain.routing;
    if (all.size() > 1 &&
        (all.back().version > all[all.size() - 2].version) != (*from > all[all.size() - 2].effective_from)) {
      document.fault(one.find("version")->place, "versions must rise with effective_from");
    }
  }
  std::sort(draft.domain.routing.begin(), draft.domain.routing.end(),
            [](const RoutingVersion& a, const RoutingVersion& b) { return a.effective_from < b.effective_from; });
}

}  // namespace echoloop
