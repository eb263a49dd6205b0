#include "pipeline/program/ticker.h"

#include <spdlog/spdlog.h>

#include "pipeline/base/bytes.h"
#include "pipeline/serving/task_rows.h"
#include "pipeline/serving/verify.h"
#include "processors/casework/case_book.h"
#include "processors/casework/digests.h"

namespace echoloop::program {
namespace {

constexpr Duration kTick{1000};
// A record that was not heard by then is sent again: it may have been lost with a broker, or lie behind much else.
constexpr Duration kAgain{10'000};
// At each look, of a shard.
constexpr std::size_t kVerdicts_max = 100;

}  // namespace

void Ticker::start() {
  thread_ = std::thread([this] {
    while (!stopping_) {
      look();
      const Time until = BelievedClock::time_since_boot() + kTick;
      while (!stopping_ && BelievedClock::time_since_boot() < until)
        parts_.bell->wait(until - BelievedClock::time_since_boot(), [this] { return stopping_.load(); });
    }
  });
}

void Ticker::stop() {
  stopping_ = true;
  parts_.bell->ring();
  if (thread_.joinable()) thread_.join();
}

void Ticker::look() {
  const Time at = parts_.now();
  for (int shard : parts_.ground->shards()) {
    tick(shard, at);
    judge(shard, at);
    tell_week(shard, at);
  }
}

std::vector<casework::Due> Ticker::due(stage::Table table, int shard, Time now, std::size_t most, Said& said) const {
  std::vector<casework::Due> out;
  // A shard that is on its way is another's to look after: its rows cannot be read.
  static_cast<void>(parts_.ground->held_rows().scan(table, shard, "", "", [&](std::string_view key, std::string_view) {
    auto parsed = casework::parse_timer_key(key);
    if (!parsed || parsed->at_ms > to_ms(now)) return false;
    out.push_back(std::move(*parsed));
    return out.size() < most;
  }));
  if (out.empty()) return out;
  const Time running = BelievedClock::time_since_boot();
  const std::string first = casework::timer_key(out.front().at_ms, out.front().tenant, out.front().id);
  if (said.row == first && running < said.at + kAgain) return {};
  said = {first, running};
  return out;
}

void Ticker::append(stage::Kind kind, const std::string& tenant, const std::string& value) {
  const std::string key = casework::tenant_key(tenant);
  const stage::Append record{kind, key, value, parts_.now()};
  auto appended = parts_.ground->appender().append({&record, 1});
  if (!appended) spdlog::warn("nothing could be appended for tasks that are due: {}", appended.error().text());
}

void Ticker::tick(int shard, Time now) {
  for (const casework::Due& due : due(stage::Table::timers, shard, now, 1, ticks_[shard]))
    append(stage::Kind::tick, due.tenant, casework::tenant_key(due.tenant));
}

void Ticker::judge(int shard, Time now) {
  const std::vector<casework::Due> all = due(stage::Table::verifications, shard, now, kVerdicts_max, verdicts_[shard]);
  if (all.empty()) return;
  // Numbers that are still on their way would be missing for ever.
  if (!parts_.caught_up()) {
    verdicts_[shard] = {};
    return;
  }
  for (const casework::Due& due : all) {
    auto task = serving::find_task(due.tenant, due.id, *parts_.sources);
    if (!task || !*task) continue;
    auto verification = serving::verify(**task, *parts_.sources, *parts_.sources->domain->get());
    if (!verification) {
      spdlog::warn("task {} cannot be verified now: {}", due.id, verification.error().text());
      continue;
    }
    state::Verdict verdict;
    verdict.set_tenant(due.tenant);
    verdict.set_task_id(due.id);
    verdict.set_asked_at((*task)->clock().from());
    verdict.set_due(due.at_ms);
    *verdict.mutable_verification() = std::move(*verification);
    append(stage::Kind::verdict, due.tenant, verdict.SerializeAsString());
  }
}

Result<std::vector<state::Digest>> Ticker::untold(const std::string& tenant, int shard, serving::Week week,
                                                  const Domain& domain) const {
  std::vector<state::Digest> out;
  std::vector<std::string> departments{""};  // praise
  for (const auto& [id, department] : domain.departments) departments.push_back(id);
  for (const std::string& department : departments) {
    auto row = parts_.ground->held_rows().get(stage::Table::digests, shard, casework::digest_key(tenant, department));
    if (!row) return tl::make_unexpected(row.error());
    if (*row && Reader{**row}.signed_varint() >= to_ms(week.from)) continue;
    auto digest = department.empty() ? serving::praise_digest(tenant, week, *parts_.sources, domain)
                                     : serving::department_digest(tenant, department, week, *parts_.sources, domain);
    if (!digest) return tl::make_unexpected(digest.error());
    if (!*digest) continue;
    state::Digest& one = out.emplace_back();
    one.set_tenant(tenant);
    one.set_department(department);
    one.set_from(to_ms(week.from));
    one.set_json((*digest)->dump());
  }
  return out;
}

void Ticker::tell_week(int shard, Time now) {
  const std::shared_ptr<const Domain> domain = parts_.sources->domain->get();
  for (const auto& [id, tenant] : domain->tenants) {
    if (!tenant.digest || serving::shard_of_tenant(id, *parts_.sources) != shard) continue;
    const Time due = serving::digest_due(*tenant.digest, tenant.zone, now), running = BelievedClock::time_since_boot();
    Telling& telling = weeks_[id];
    if (telling.due == due && (telling.told || running < telling.tried_at + kAgain)) continue;
    if (!parts_.caught_up()) return;
    auto digests = untold(id, shard, serving::week_before(tenant.zone, due), *domain);
    telling = {due, running, digests && digests->empty()};
    if (!digests) {
      spdlog::warn("the week of tenant {} cannot be told now: {}", id, digests.error().text());
      continue;
    }
    for (const state::Digest& one : *digests) append(stage::Kind::digest, id, one.SerializeAsString());
  }
}

}  // namespace echoloop::program
