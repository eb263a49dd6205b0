#include "processors/sessions/recoveries.h"

#include <algorithm>
#include <map>
#include <set>

#include "pipeline/base/bytes.h"
#include "processors/sessions/red_lines.h"
#include "schemas/event.h"
#include "schemas/state.pb.h"

namespace echoloop::sessions {

bool recovery_holds(const RecoveryRule& rule, std::string_view tenant, const state::Facts& facts) {
  const auto any = [&](auto condition) { return std::any_of(facts.standing.begin(), facts.standing.end(), condition); };
  if (facts.standing.empty()) return false;
  if (!rule.tenants.empty() && !rule.tenants.contains(std::string(tenant))) return false;
  if (rule.unresolved && *rule.unresolved != (facts.customer_resolution == static_cast<int>(Resolution::unresolved)))
    return false;
  if (rule.low_score && *rule.low_score != any([](const auto& e) { return e.bottom; })) return false;
  return !rule.wants_contact || *rule.wants_contact == any([](const auto& e) { return e.wants_contact; });
}

void watch_recoveries(std::string_view tenant, std::string_view session_id, const state::Facts& facts,
                      const Domain& domain, state::Session& row, Arena& arena, stage::Context& context) {
  if (row.recoveries.empty() && facts.standing.empty()) return;  // of a session that nobody evaluated none holds
  std::set<std::string> before(row.recoveries.begin(), row.recoveries.end());
  std::map<std::string, int> rules;  // id → version, of all that hold or held
  for (const std::string& id : before) rules[id] = 0;
  std::set<std::string> now;
  for (const RecoveryRule& rule : domain.recoveries) {
    if (recovery_holds(rule, tenant, facts)) now.insert(rule.id);
    if (now.contains(rule.id) || before.contains(rule.id)) rules[rule.id] = rule.version;
  }
  if (now == before) return;
  row.recoveries.clear();
  for (const std::string& id : now) row.recoveries.add(arena, arena.copy(id));
  for (const auto& [id, version] : rules) {
    if (now.contains(id) == before.contains(id)) continue;
    state::CaseSignal signal;
    signal.set_kind(state::CaseSignal::RECOVERY);
    signal.set_tenant(std::string(tenant));
    signal.set_rule(id);
    signal.set_rule_version(version);
    signal.set_session_id(std::string(session_id));
    signal.set_holds(now.contains(id));
    signal.set_customer_id(row.close ? std::string(row.close->customer_id) : std::string());
    signal.set_event_time(facts.latest_submitted_at);
    for (auto& [name, value] : routing_properties(row)) (*signal.mutable_properties())[name] = value;
    for (state::Text tag : facts.tags) signal.add_tags(std::string(tag));
    std::string key;
    put_key_text(key, tenant);
    context.emit(stage::Topic::cases, stage::Kind::case_signal, std::move(key), signal.SerializeAsString());
  }
}

}  // namespace echoloop::sessions
