#include "processors/insight/verdict.h"

#include <algorithm>

#include "pipeline/aggregates/cube.h"
#include "pipeline/base/bytes.h"
#include "schemas/state.pb.h"

namespace echoloop::insight {
namespace {

std::string scope_key(char kind, std::string_view tenant, std::string_view rule, const Scope& scope) {
  std::string key(1, kind);
  put_key_text(key, tenant);
  put_key_text(key, rule);
  put_key_u32(key, static_cast<std::uint32_t>(scope.size()));
  for (const std::string& value : scope) put_key_text(key, value);
  return key;
}

// The tier state of (rule, scope): a tier fires when the value reaches it, and again only after the newest window
// fell below its bound less the hysteresis.
std::pair<int, int> fire(const Watched& cell, const Observation& seen, int level, stage::Context& context) {
  std::string key = scope_key('t', cell.tenant, cell.rule.id, cell.scope);
  std::int64_t fired = 0, newest = cell.start_ms;
  if (auto row = context.get(stage::Table::findings, key)) {
    Reader reader{*row};
    fired = reader.signed_varint();
    newest = reader.signed_varint();
  } else if (level == 0) {
    return {0, 0};
  }
  std::int64_t before = fired;
  if (cell.start_ms >= newest && seen.now.n >= cell.rule.minimum_n)
    fired = std::min<std::int64_t>(fired, held_level_of(cell.rule, seen));
  std::int64_t rearmed = fired;
  fired = std::max<std::int64_t>(fired, level);
  if (fired != before || cell.start_ms > newest) {
    std::string row;
    put_signed(row, fired);
    put_signed(row, std::max(newest, cell.start_ms));
    context.put(stage::Table::findings, key, std::move(row));
  }
  return {static_cast<int>(std::min(rearmed, fired)), static_cast<int>(fired)};
}

void add_sample(const Watched& cell, Evidence& evidence, state::Finding& finding, stage::Context& context) {
  std::vector<std::string_view> values(cell.scope.begin(), cell.scope.end());
  std::string window = aggregates::evidence_from(cell.tenant, cell.rule.id, values, cell.start_ms);
  for (std::string& session : evidence.sample(window, context)) finding.add_sample(std::move(session));
}

}  // namespace

void conclude(const Watched& cell, const Observation& seen, Evidence& evidence, stage::Context& context) {
  std::string key = scope_key('w', cell.tenant, cell.rule.id, cell.scope);
  put_key_time(key, cell.start_ms);
  auto sent = context.get(stage::Table::findings, key);
  int level = level_of(cell.rule, seen);
  auto [fires_from, fires_to] = fire(cell, seen, level, context);
  if (level == 0 && !sent) return;
  state::Finding finding;
  finding.set_tenant(cell.tenant);
  finding.set_rule(cell.rule.id);
  finding.set_rule_version(cell.rule.version);
  for (const std::string& value : cell.scope) finding.add_scope(value);
  finding.set_window_start(cell.start_ms);
  finding.set_window_end(to_ms(period_end(cell.zone, cell.rule.window, from_ms(cell.start_ms))));
  finding.set_level(level);
  finding.set_numerator(seen.now.numerator);
  finding.set_n(seen.now.n);
  finding.set_evidence(evidence_of(cell.rule, seen.now));
  if (finding.evidence() > 0) add_sample(cell, evidence, finding, context);
  std::string bytes = finding.SerializeAsString();
  if (sent && *sent == bytes && fires_from == fires_to) return;
  if (level > 0 || finding.evidence() > 0) {  // what ceased is told on: somebody may work on it
    context.put(stage::Table::findings, key, bytes);
  } else {
    context.erase(stage::Table::findings, key);
  }
  finding.set_usual_numerator(seen.usual.numerator);
  finding.set_usual_n(seen.usual.n);
  finding.set_usual_windows(seen.usual_windows_found);
  finding.set_fires_from(fires_from);
  finding.set_fires_to(fires_to);
  std::string tenant;
  put_key_text(tenant, cell.tenant);
  context.emit(stage::Topic::cases, stage::Kind::finding, std::move(tenant), finding.SerializeAsString());
}

}  // namespace echoloop::insight
