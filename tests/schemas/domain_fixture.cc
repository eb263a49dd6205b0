#include "tests/schemas/domain_fixture.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace echoloop {
namespace {

constexpr std::string_view kMark = "‸";

// "file:line:column" of the mark; the columns are characters.
std::string take_mark(std::string_view file, std::string& text) {
  std::size_t at = text.find(kMark);
  if (at == std::string::npos) return std::string{file};
  text.erase(at, kMark.size());
  int line = 1, column = 1;
  for (std::size_t i = 0; i < at; ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else if ((text[i] & 0xC0) != 0x80) {
      ++column;
    }
  }
  return fmt::format("{}:{}:{}", file, line, column);
}

void replace_once(std::string& text, std::string_view what, std::string_view with) {
  std::size_t at = text.find(what);
  if (at == std::string::npos || text.find(what, at + 1) != std::string::npos) {
    throw std::logic_error(fmt::format("'{}' must stand exactly once", what));
  }
  text.replace(at, what.size(), with);
}

}  // namespace

DomainTexts small_config() {
  return {
      {"organisation.yaml", R"(tenants:
  - id: hongtu
    name: {zh: 鸿图商城, en: Hongtu Retail}
    timezone: Asia/Shanghai
departments:
  - {id: design, name: {zh: 产品设计, en: Product design}, lead: ann}
  - {id: last-mile, name: {zh: 末端配送, en: Last mile}}
  - {id: triage, name: {zh: 待分派, en: Triage}}
due:
  critical: {acknowledge: 15m, done: 4h}
  high: {acknowledge: 2h, done: 2d}
  medium: {acknowledge: 1d, done: 7d}
  low: {acknowledge: 2d, done: 14d}
)"},
      {"surveys.yaml", R"(surveys:
  - id: chat
    kind: csat
    boxes:
      - {min: 1, max: 5, top_from: 4, bottom_to: 2}
  - id: nps
    kind: nps
)"},
      {"taxonomy.yaml", R"(tags:
  - {id: late, name: {zh: 配送慢, en: Late delivery}, moment: scope, sentiment: negative, aliases: [快递慢, slow parcel]}
  - id: rude
    name: {zh: 态度差, en: Bad attitude}
    moment: greeting
    aliases: [impolite]
red_lines:
  - {id: safety, version: 1, title: {zh: 安全, en: Safety}, tags: [rude], words: [着火, Caught Fire]}
)"},
      {"metrics.yaml", R"(metrics:
  - {name: dsat, version: 1, formula: bottom / scores, unit: ratio, source: s, owner: o, audience: executive, minimum_n: 5}
  - {name: evaluations, version: 1, formula: count, unit: n, source: s, owner: o, audience: internal}
dimension_sets:
  - []
  - [category]
  - [tag]
  - [channel, category]
)"},
      {"rules.yaml", R"(thresholds:
  - id: unhappy
    version: 3
    title: {zh: "「{category}」不满", en: "Unhappy in {category}"}
    metric: dsat
    group_by: [category]
    window: day
    hysteresis: 0.05
    tiers:
      - {above: 0.3, severity: medium, escalate_to: lead}
      - {above: 0.45, severity: high, escalate_to: manager}
  - id: surge
    version: 1
    title: {zh: 标签集中, en: Many report it}
    metric: evaluations
    group_by: [tag]
    where: {tag: [late]}
    window: week
    reopen_within: 28d
    tiers:
      - {above: 30, severity: medium, escalate_to: lead}
recoveries:
  - id: call-back
    version: 1
    title: {zh: 回电, en: Call back}
    when: {unresolved: true, wants_contact: true}
    severity: high
)"},
      {"routing.yaml", R"(versions:
  - version: 1
    effective_from: 2020-01-01T00:00:00Z
    routes:
      - {match: {tag: late}, departments: [last-mile, design]}
      - {match: {rule: unhappy}, departments: [design]}
)"},
      {"adapters/adapters.yaml", R"(adapters:
  - name: desk
    file: desk.jq
    signature: {scheme: hmac-sha256, header: X-Signature, secret_env: DESK_SECRET}
    example: examples/desk.ndjson
    expected: examples/desk.expected.ndjson
)"},
      {"adapters/desk.jq", "."},
      {"adapters/examples/desk.ndjson", "{}"},
      {"adapters/examples/desk.expected.ndjson", "{}"},
  };
}

DomainTexts shipped_config() {
  namespace fs = std::filesystem;
  DomainTexts texts;
  const fs::path folder = fs::path{ECHOLOOP_SOURCE_DIR} / "config";
  for (const auto& entry : fs::recursive_directory_iterator{folder}) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in{entry.path(), std::ios::binary};
    texts.emplace(entry.path().lexically_relative(folder).generic_string(),
                  std::string{std::istreambuf_iterator<char>{in}, {}});
  }
  return texts;
}

void expect_fault(std::string_view file, std::string_view what, std::string_view with, std::string_view message) {
  expect_fault(small_config(), file, what, with, message);
}

void expect_fault(DomainTexts texts, std::string_view file, std::string_view what, std::string_view with,
                  std::string_view message) {
  SCOPED_TRACE(fmt::format("{}: {} → {}", file, what, with));
  std::string& text = texts.at(std::string{file});
  replace_once(text, what, with);
  const std::string place = take_mark(fmt::format("config/{}", file), text);
  auto loaded = load_domain(texts);
  ASSERT_FALSE(loaded) << "loads clean";
  EXPECT_EQ(text_of(loaded.error()), fmt::format("{}: {}\n", place, message));
}

Domain load_changed(std::string_view file, std::string_view what, std::string_view with) {
  DomainTexts texts = small_config();
  replace_once(texts.at(std::string{file}), what, with);
  auto loaded = load_domain(texts);
  if (!loaded) throw std::runtime_error(text_of(loaded.error()));
  return std::move(*loaded);
}

}  // namespace echoloop
