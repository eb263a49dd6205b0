// metrics.yaml.
#include <fmt/format.h>

#include <algorithm>

#include "schemas/domain_draft.h"
#include "schemas/domain_schema.h"

namespace echoloop {
namespace {

Audience audience_named(std::string_view name) {
  if (name == "executive") return Audience::executive;
  if (name == "cross_department") return Audience::cross_department;
  return Audience::internal;
}

void read_dictionary(const yaml::Document& document, Draft& draft) {
  std::vector<std::string> known;
  for (const MetricForm& form : kMetricForms) known.emplace_back(form.name);
  Unique names{document, "metric"};
  for (const yaml::Node& one : document.root.list("metrics")) {
    const yaml::Node* name = one.find("name");
    if (name == nullptr || name->kind != yaml::Node::Kind::text || !names.take(name->place, name->scalar)) continue;
    if (!check_reference(document, *name, "metric", known)) continue;
    Metric metric;
    metric.name = name->scalar;
    metric.formula = read_text(one, "formula");
    metric.unit = read_text(one, "unit");
    metric.source = read_text(one, "source");
    metric.owner = read_text(one, "owner");
    metric.audience = audience_named(one.text("audience").value_or(""));
    metric.version = static_cast<int>(read_integer(one, "version", 1));
    metric.minimum_n = read_integer(one, "minimum_n", 0);
    draft.domain.metrics.emplace(metric.name, metric);
  }
}

std::string shown(const DimensionSet& set) { return fmt::format("[{}]", fmt::join(set, ", ")); }

void read_sets(const yaml::Document& document, Draft& draft) {
  Unique sets{document, "dimension set"};
  for (const yaml::Node& one : document.root.list("dimension_sets")) {
    const yaml::Node* list = one.kind == yaml::Node::Kind::list ? &one : one.find("dimensions");
    if (list == nullptr || list->kind != yaml::Node::Kind::list) continue;
    DatedSet dated;
    for (const yaml::Node& dimension : list->items) dated.set.push_back(dimension.scalar);
    if (one.kind == yaml::Node::Kind::map) {
      auto from = read_effective_from(document, one);
      if (!from) continue;
      dated.from = *from;
    }
    DimensionSet sorted = dated.set;  // the order is for reading: both orders count the same
    std::sort(sorted.begin(), sorted.end());
    if (sets.take(one.place, shown(sorted))) draft.sets.push_back(std::move(dated));
  }
}

}  // namespace

void read_metrics(const yaml::Document& document, Draft& draft) {
  read_dictionary(document, draft);
  read_sets(document, draft);
}

}  // namespace echoloop
