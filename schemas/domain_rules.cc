// rules.yaml.
#include <fmt/format.h>

#include <algorithm>

#include "pipeline/text/normalise.h"
#include "schemas/domain_draft.h"
#include "schemas/domain_schema.h"

namespace echoloop {
namespace {

constexpr Duration kReopenWithin{14 * kDay_ms};
constexpr std::int64_t kRateMax_ppm = 1'000'000;
constexpr std::string_view kEscalation[] = {"person", "lead", "manager", "executive"};

const MetricForm* form_of(std::string_view name) {
  auto found = std::find_if(std::begin(kMetricForms), std::end(kMetricForms),
                            [&](const MetricForm& form) { return form.name == name; });
  return found == std::end(kMetricForms) ? nullptr : found;
}

class ThresholdReader {
 public:
  ThresholdReader(const yaml::Document& document, const Draft& draft, const yaml::Node& node)
      : document_(document), draft_(draft), node_(node) {}

  ThresholdRule read(const std::string& id) {
    rule_.id = id;
    rule_.version = static_cast<int>(read_integer(node_, "version", 1));
    rule_.minimum_n = read_integer(node_, "minimum_n", 20);
    if (auto window = parse_interval(node_.text("window").value_or("day"))) rule_.window = *window;
    rule_.reopen_within = read_duration(document_, node_, "reopen_within").value_or(kReopenWithin);
    if (const yaml::Node* verify = node_.find("verify")) {
      const VerifyRule usual;
      rule_.verify = {static_cast<int>(read_integer(*verify, "weeks_before", usual.weeks_before)),
                      static_cast<int>(read_integer(*verify, "weeks_after", usual.weeks_after)),
                      read_integer(*verify, "minimum_n", usual.minimum_n), read_text(*verify, "outside")};
    }
    if (const yaml::Node* usual = node_.find("over_usual")) {
      rule_.usual_periods = static_cast<int>(read_integer(*usual, "periods", 1));
    }
    read_metric();
    read_group_by();
    read_where();
    for (const yaml::Node* tenant : read_texts(node_, "tenants")) {
      if (!draft_.read.contains("organisation") || check_reference(document_, *tenant, "tenant", draft_.tenant_ids())) {
        rule_.tenants.insert(tenant->scalar);
      }
    }
    read_title();
    read_tiers();
    read_hysteresis();
    return std::move(rule_);
  }

 private:
  void read_metric() {
    const yaml::Node* metric = node_.find("metric");
    if (metric == nullptr || metric->kind != yaml::Node::Kind::text) return;
    rule_.metric = metric->scalar;
    std::vector<std::string> usable;
    for (const MetricForm& form : kMetricForms) {
      if (form.in_rules) usable.emplace_back(form.name);
    }
    form_ = form_of(rule_.metric);
    if (form_ == nullptr) {
      check_reference(document_, *metric, "metric", usable);
    } else if (!form_->in_rules) {
      document_.fault(metric->place, fmt::format("metric '{}' cannot open tasks; these can: {}", rule_.metric,
                                                 fmt::join(usable, ", ")));
    } else if (draft_.read.contains("metrics") && !draft_.domain.metrics.contains(rule_.metric)) {
      document_.fault(metric->place, fmt::format("metric '{}' does not stand in metrics.yaml", rule_.metric));
    }
  }

  void read_group_by() {
    const yaml::Node* list = node_.find("group_by");
    if (list == nullptr || list->items.empty()) return;
    for (const yaml::Node& dimension : list->items) rule_.group_by.push_back(dimension.scalar);
    if (draft_.read.contains("metrics")) check_set_is_stored(*list);
    if (form_ != nullptr && form_->handlers) {
      const auto handler = [](const std::string& one) {
        return one == "agent" || one == "group" || one == "department";
      };
      if (std::none_of(rule_.group_by.begin(), rule_.group_by.end(), handler)) {
        document_.fault(list->place,
                        fmt::format("metric '{}' exists only by agent, group or department", rule_.metric));
      }
    }
  }

  void check_set_is_stored(const yaml::Node& list) {
    DimensionSet wanted = rule_.group_by;
    std::sort(wanted.begin(), wanted.end());
    for (const DatedSet& stored : draft_.sets) {
      if (stored.set == rule_.group_by) return;
      DimensionSet sorted = stored.set;
      std::sort(sorted.begin(), sorted.end());
      if (sorted == wanted) {
        document_.fault(list.place, fmt::format("metrics.yaml keeps this set as [{}]: write it in that order",
                                                fmt::join(stored.set, ", ")));
        return;
      }
    }
    document_.fault(list.place,
                    fmt::format("[{}] is none of the dimension_sets of metrics.yaml", fmt::join(rule_.group_by, ", ")));
  }

  void read_where() {
    const yaml::Node* where = node_.find("where");
    if (where == nullptr) return;
    for (const yaml::Member& member : where->members) {
      if (std::find(std::begin(kDimensions), std::end(kDimensions), member.key) == std::end(kDimensions)) continue;
      if (!rule_.group_by.empty() &&
          std::find(rule_.group_by.begin(), rule_.group_by.end(), member.key) == rule_.group_by.end()) {
        document_.fault(member.place, fmt::format("'{}' is not in group_by", member.key));
      }
      for (const yaml::Node* value : read_texts(*where, member.key)) {
        if (check_value(member.key, *value)) rule_.where[member.key].insert(value->scalar);
      }
    }
  }

  bool check_value(const std::string& dimension, const yaml::Node& value) {
    if (value.scalar == "unknown") return true;
    if (dimension == "tag" || dimension == "agent_tag" || dimension == "review_tag") return check_tag(value);
    if (dimension == "moment")
      return check_reference(document_, value, "moment", {std::begin(kMoments), std::end(kMoments)});
    if (dimension == "delay") return check_reference(document_, value, "delay", {"T+0", "T+1", "T+2", "later"});
    return true;
  }

  bool check_tag(const yaml::Node& value) {
    if (!draft_.read.contains("taxonomy")) return true;
    const std::vector<std::string> known = draft_.tag_ids();
    if (std::find(known.begin(), known.end(), value.scalar) != known.end()) return true;
    std::string normalised = normalise_tag(value.scalar);
    for (const DatedAlias& alias : draft_.aliases) {
      if (alias.normalised != normalised) continue;
      document_.fault(value.place,
                      fmt::format("'{}' is a text for tag '{}': write the tag's id", value.scalar, alias.tag));
      return false;
    }
    return check_reference(document_, value, "tag", known);
  }

  // A placeholder that the scope cannot fill would reach people as it stands.
  void read_title() {
    rule_.title = read_bilingual(node_, "title");
    const yaml::Node* title = node_.find("title");
    if (title == nullptr) return;
    for (const yaml::Member& language : title->members) {
      const std::string& text = language.value.scalar;
      for (std::size_t open = text.find('{'); open != std::string::npos; open = text.find('{', open + 1)) {
        std::size_t close = text.find('}', open);
        std::string name = close == std::string::npos ? text.substr(open) : text.substr(open + 1, close - open - 1);
        if (close != std::string::npos &&
            std::find(rule_.group_by.begin(), rule_.group_by.end(), name) != rule_.group_by.end())
          continue;
        document_.fault(language.value.place, fmt::format("'{{{}}}' in the title is not in group_by", name));
      }
    }
  }

  void read_tiers() {
    const auto& tiers = node_.list("tiers");
    std::optional<bool> below;
    for (const yaml::Node& one : tiers) {
      if (one.find("above") != nullptr && one.find("below") != nullptr) continue;
      std::string key = one.find("below") != nullptr ? "below" : "above";
      auto bound = read_decimal(document_, one, key, 6);
      if (!bound) continue;
      const yaml::Node& value = *one.find(key);
      if (below && *below != (key == "below"))
        document_.fault(value.place, "tiers of one rule are all 'above' or all 'below'");
      if (!below) below = key == "below";
      check_bound(value, key == "below", *bound);
      Tier tier{*bound, read_severity(one, "severity").value_or(Severity::medium), read_text(one, "escalate_to")};
      if (!rule_.tiers.empty()) check_order(one, value, rule_.tiers.back(), tier, key == "below");
      rule_.tiers.push_back(std::move(tier));
    }
    rule_.below = below.value_or(false);
  }

  void check_bound(const yaml::Node& value, bool below, std::int64_t bound_ppm) {
    if (bound_ppm <= 0 && !below) {
      document_.fault(value.place, "must be above 0");
    } else if (bound_ppm < 0) {
      document_.fault(value.place, "must not be below 0");
    }
    if (form_ == nullptr) return;
    if (below && rule_.usual_periods) {
      document_.fault(value.place, "over_usual knows 'above' only");
    } else if (below && form_->shape == MetricShape::count) {
      document_.fault(value.place, fmt::format("'{}' is a count, and a count has no cases below a bound: only rates do",
                                               rule_.metric));
    } else if (!rule_.usual_periods && form_->shape == MetricShape::rate && bound_ppm > kRateMax_ppm) {
      document_.fault(value.place,
                      fmt::format("'{}' is a rate: its bounds lie between 0 and 1 (0.3 for 30 %)", rule_.metric));
    }
  }

  void check_order(const yaml::Node& one, const yaml::Node& value, const Tier& before, const Tier& tier, bool below) {
    if (below ? tier.bound_ppm >= before.bound_ppm : tier.bound_ppm <= before.bound_ppm) {
      document_.fault(value.place, below ? "must lie below the tier before it" : "must lie above the tier before it");
    }
    if (read_severity(one, "severity") && tier.severity < before.severity)
      document_.fault(one.find("severity")->place, "is milder than the tier before it");
    const auto level = [](const std::string& name) {
      return std::find(std::begin(kEscalation), std::end(kEscalation), name);
    };
    if (level(tier.escalate_to) < level(before.escalate_to)) {
      document_.fault(one.find("escalate_to")->place, "stands lower on the ladder than the tier before it");
    }
  }

  void read_hysteresis() {
    rule_.hysteresis_ppm = read_decimal(document_, node_, "hysteresis", 6).value_or(0);
    if (rule_.hysteresis_ppm == 0 || rule_.tiers.empty()) return;
    const Tier& first = rule_.tiers.front();
    const yaml::Node& value = *node_.find("hysteresis");
    if (!rule_.below && rule_.hysteresis_ppm >= first.bound_ppm) {
      document_.fault(value.place, "reaches down to zero from the first tier: it could never fire again");
    } else if (rule_.below && first.bound_ppm + rule_.hysteresis_ppm >= kRateMax_ppm) {
      document_.fault(value.place, "reaches up to 1 from the first tier: it could never fire again");
    }
  }

  const yaml::Document& document_;
  const Draft& draft_;
  const yaml::Node& node_;
  const MetricForm* form_ = nullptr;
  ThresholdRule rule_;
};

std::optional<bool> read_condition(const yaml::Node& when, std::string_view key) {
  const yaml::Node* value = when.find(key);
  if (value == nullptr || value->kind != yaml::Node::Kind::boolean) return std::nullopt;
  return value->scalar.front() == 't' || value->scalar.front() == 'T';
}

RecoveryRule read_recovery(const yaml::Document& document, const Draft& draft, const yaml::Node& one,
                           const std::string& id) {
  RecoveryRule rule;
  rule.id = id;
  rule.version = static_cast<int>(read_integer(one, "version", 1));
  rule.title = read_bilingual(one, "title");
  rule.severity = read_severity(one, "severity").value_or(Severity::high);
  if (const yaml::Node* when = one.find("when")) {
    rule.unresolved = read_condition(*when, "unresolved");
    rule.low_score = read_condition(*when, "low_score");
    rule.wants_contact = read_condition(*when, "wants_contact");
  }
  for (const yaml::Node* tenant : read_texts(one, "tenants")) {
    if (!draft.read.contains("organisation") || check_reference(document, *tenant, "tenant", draft.tenant_ids())) {
      rule.tenants.insert(tenant->scalar);
    }
  }
  return rule;
}

}  // namespace

void read_rules(const yaml::Document& document, Draft& draft) {
  // one name space: a task's cause and a route name a rule by its id alone
  Unique ids{document, "rule"};
  const auto take = [&](const yaml::Node& one) -> const yaml::Node* {
    const yaml::Node* id = one.find("id");
    if (id == nullptr || id->kind != yaml::Node::Kind::text || !ids.take(id->place, id->scalar)) return nullptr;
    for (const RedLine& line : draft.domain.red_lines) {
      if (line.id == id->scalar)
        document.fault(id->place, fmt::format("'{}' is a red line of taxonomy.yaml already", line.id));
    }
    return id;
  };
  for (const yaml::Node& one : document.root.list("thresholds")) {
    if (const yaml::Node* id = take(one))
      draft.domain.thresholds.push_back(ThresholdReader{document, draft, one}.read(id->scalar));
  }
  for (const yaml::Node& one : document.root.list("recoveries")) {
    if (const yaml::Node* id = take(one))
      draft.domain.recoveries.push_back(read_recovery(document, draft, one, id->scalar));
  }
}

}  // namespace echoloop
