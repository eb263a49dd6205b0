#include "processors/sessions/ages.h"

#include <algorithm>
#include <vector>

#include "pipeline/base/bytes.h"
#include "processors/sessions/sessions.h"

namespace echoloop::sessions {
namespace {

constexpr std::int64_t kStepsInRetention = 64;
constexpr std::size_t kExpiredPerEpoch_bytes = 512 * 1024;  // of the keys of sessions: some 20,000

std::int64_t step_of(Duration retention) { return std::max<std::int64_t>(1, retention.count() / kStepsInRetention); }

std::string age_key(std::int64_t age_ms, std::string_view session) {
  std::string key;
  put_key_time(key, age_ms);
  key += session;
  return key;
}

// Unless it was touched since.
void erase(const std::string& session, std::int64_t age_ms, stage::Context& context) {
  auto bytes = context.get(stage::Table::sessions, session);
  if (!bytes) return;
  Arena arena;
  state::Session row;
  if (!state::parse(*bytes, arena, row))
    throw stage::BrokenWorld({Fault::world, "table sessions", "a row that cannot be read"});
  if (row.age != age_ms) return;
  KeyReader reader{session};
  const std::string tenant = reader.text();
  const std::string session_id = reader.text();
  if (!row.close) {
    context.erase(stage::Table::orphans, session);
    context.count("orphans", -1);
  } else if (row.facts.latest_submitted_at != 0) {
    context.erase(stage::Table::feedback_index, feedback_key(tenant, row.facts.latest_submitted_at, session_id));
  }
  context.erase(stage::Table::sessions, session);
  context.count("sessions_expired");
}

}  // namespace

void Ages::note(const std::string& key, Duration retention, state::Session& row) {
  const std::int64_t age_ms = floor_to(row.touched_at, step_of(retention));
  if (row.age == age_ms) return;
  noted_[age_ms].push_back(key);
  row.age = age_ms;
}

void Ages::end_epoch(Duration retention, stage::Context& context) {
  for (const auto& [age_ms, keys] : noted_) {
    std::string others;
    for (auto key = std::next(keys.begin()); key != keys.end(); ++key) put_text(others, *key);
    context.put(stage::Table::session_ages, age_key(age_ms, keys.front()), std::move(others));
  }
  noted_.clear();
  expire(retention, context);
}

void Ages::expire(Duration retention, stage::Context& context) {
  const std::int64_t step = step_of(retention);
  // A row of this age was touched less than a step later.
  const std::int64_t over_ms = floor_to(to_ms(context.now()) - retention.count() - step, step);
  if (over_ms <= done_ms_) return;
  std::vector<std::pair<std::string, std::string>> rows;
  std::size_t bytes = 0;
  std::string end;
  put_key_time(end, over_ms + 1);
  context.scan(stage::Table::session_ages, "", end, [&](std::string_view key, std::string_view others) {
    rows.emplace_back(key, others);
    bytes += key.size() + others.size();
    return bytes < kExpiredPerEpoch_bytes;
  });
  for (const auto& [key, others] : rows) {
    KeyReader reader{key};
    const std::int64_t age_ms = reader.time_ms();
    erase(std::string(reader.rest()), age_ms, context);
    for (Reader more{others}; more.ok() && !more.done();) erase(std::string(more.text()), age_ms, context);
    context.erase(stage::Table::session_ages, key);
  }
  if (bytes < kExpiredPerEpoch_bytes) {
    done_ms_ = over_ms;
  } else {
    context.go_on();
  }
}

}  // namespace echoloop::sessions
