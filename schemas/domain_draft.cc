#include "schemas/domain_draft.h"

#include <algorithm>

#include "schemas/domain_schema.h"

namespace echoloop {

std::vector<std::string> Draft::tag_ids() const {
  std::vector<std::string> ids;
  for (const Tag& tag : domain.tags) ids.push_back(tag.id);
  return ids;
}

std::vector<std::string> Draft::department_ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, department] : domain.departments) ids.push_back(id);
  return ids;
}

std::vector<std::string> Draft::tenant_ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, tenant] : domain.tenants) ids.push_back(id);
  return ids;
}

std::vector<std::string> Draft::rule_ids() const {
  std::vector<std::string> ids;
  for (const ThresholdRule& rule : domain.thresholds) ids.push_back(rule.id);
  for (const RecoveryRule& rule : domain.recoveries) ids.push_back(rule.id);
  for (const RedLine& line : domain.red_lines) ids.push_back(line.id);
  return ids;
}

std::string read_text(const yaml::Node& node, std::string_view key) { return std::string{node.text(key).value_or("")}; }

Bilingual read_bilingual(const yaml::Node& node, std::string_view key) {
  const yaml::Node* value = node.find(key);
  if (value == nullptr) return {};
  return {read_text(*value, "zh"), read_text(*value, "en")};
}

std::int64_t read_integer(const yaml::Node& node, std::string_view key, std::int64_t otherwise) {
  const yaml::Node* value = node.find(key);
  return value == nullptr ? otherwise : value->integer().value_or(otherwise);
}

std::optional<std::int64_t> read_decimal(const yaml::Document& document, const yaml::Node& node, std::string_view key,
                                         int places) {
  const yaml::Node* value = node.find(key);
  if (value == nullptr || value->kind != yaml::Node::Kind::number) return std::nullopt;
  auto parsed = yaml::parse_decimal(value->scalar, places);
  if (parsed) return *parsed;
  document.fault(value->place, parsed.error().reason);
  return std::nullopt;
}

std::optional<Duration> read_duration(const yaml::Document& document, const yaml::Node& node, std::string_view key) {
  const yaml::Node* value = node.find(key);
  if (value == nullptr || value->kind != yaml::Node::Kind::text) return std::nullopt;
  auto parsed = parse_duration(value->scalar);
  if (parsed) return *parsed;
  document.fault(value->place, parsed.error().reason);
  return std::nullopt;
}

std::optional<Time> read_effective_from(const yaml::Document& document, const yaml::Node& node) {
  const yaml::Node* value = node.find("effective_from");
  if (value == nullptr || value->kind != yaml::Node::Kind::text) return std::nullopt;
  auto parsed = parse_time(value->scalar);
  if (parsed) return std::max(*parsed, kBeginning);
  document.fault(value->place, parsed.error().reason);
  return std::nullopt;
}

std::optional<Severity> read_severity(const yaml::Node& node, std::string_view key) {
  auto text = node.text(key);
  for (Severity severity : {Severity::low, Severity::medium, Severity::high, Severity::critical}) {
    if (text && *text == name_of(severity)) return severity;
  }
  return std::nullopt;
}

std::vector<const yaml::Node*> read_texts(const yaml::Node& node, std::string_view key) {
  std::vector<const yaml::Node*> texts;
  for (const yaml::Node& item : node.list(key)) {
    if (item.kind == yaml::Node::Kind::text) texts.push_back(&item);
  }
  return texts;
}

bool Unique::take(const yaml::Place& place, const std::string& id) {
  auto [first, fresh] = lines_.emplace(id, place.line);
  if (!fresh) document_.fault(place, fmt::format("{} '{}' stands twice (first in line {})", what_, id, first->second));
  return fresh;
}

bool check_reference(const yaml::Document& document, const yaml::Node& text, std::string_view what,
                     const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), text.scalar) != known.end()) return true;
  document.fault(text.place, fmt::format("unknown {} '{}'{}", what, text.scalar, did_you_mean(text.scalar, known)));
  return false;
}

}  // namespace echoloop
