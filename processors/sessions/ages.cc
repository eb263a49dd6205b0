#include "processors/sessions/ages.h"

#include <algorithm>
#include <vector>

#include "pipeline/base/bytes.h"
#include "processors/sessions/sessions.h"

namespace echoloop::sessions {
namespace {

constexpr std::int64_t kStepsInRetention = 64;
constexpr std::size_t kExpiredPerEpoch_max = 20'000;

std::int64_t step_of(Duration retention) { return std::max<std::int64_t>(1, retention.count() / kStepsInRetention); }

std::string age_key(std::int64_t age_ms, std::string_view session) {
  std::string key;
  put_key_time(key, age_ms);
  key += session;
  return key;
}

void erase(const std::string& session, stage::Context& context) {
  auto bytes = context.get(stage::Table::sessions, session);
  state::Session row;
  if (!bytes || !row.ParseFromString(*bytes))
    throw stage::BrokenWorld({Fault::world, "table sessions", "a row that cannot be read"});
  KeyReader reader{session};
  const std::string tenant = reader.text();
  const std::string session_id = reader.text();
  if (!row.has_close()) {
    context.erase(stage::Table::orphans, session);
    context.count("orphans", -1);
  } else if (row.counted().latest_submitted_at() != 0) {
    context.erase(stage::Table::feedback_index, feedback_key(tenant, row.counted().latest_submitted_at(), session_id));
  }
  context.erase(stage::Table::sessions, session);
  context.count("sessions_expired");
}

}  // namespace

void note_age(const std::string& key, Duration retention, state::Session& row, stage::Context& context) {
  const std::int64_t age_ms = floor_to(row.touched_at(), step_of(retention));
  if (row.has_age() && row.age() == age_ms) return;
  if (row.has_age()) context.erase(stage::Table::session_ages, age_key(row.age(), key));
  context.put(stage::Table::session_ages, age_key(age_ms, key), "");
  row.set_age(age_ms);
}

void Expiry::run(Duration retention, stage::Context& context) {
  const std::int64_t step = step_of(retention);
  // A row of this age was touched less than a step later.
  const std::int64_t over_ms = floor_to(to_ms(context.now()) - retention.count() - step, step);
  if (over_ms <= done_ms_) return;
  std::vector<std::string> keys;
  std::string end;
  put_key_time(end, over_ms + 1);
  context.scan(stage::Table::session_ages, "", end, [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return keys.size() < kExpiredPerEpoch_max;
  });
  for (const std::string& key : keys) {
    KeyReader reader{key};
    reader.time_ms();
    erase(std::string(reader.rest()), context);
    context.erase(stage::Table::session_ages, key);
  }
  if (keys.size() < kExpiredPerEpoch_max) {
    done_ms_ = over_ms;
  } else {
    context.go_on();
  }
}

}  // namespace echoloop::sessions
