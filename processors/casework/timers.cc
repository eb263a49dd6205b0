#include "processors/casework/timers.h"

#include <algorithm>
#include <limits>

#include "pipeline/base/bytes.h"

namespace echoloop::casework {

std::string timer_key(std::int64_t at_ms, std::string_view tenant, std::string_view id) {
  std::string key;
  put_key_time(key, at_ms);
  put_key_text(key, tenant);
  put_key_text(key, id);
  return key;
}

std::optional<Due> parse_timer_key(std::string_view key) {
  KeyReader reader{key};
  Due out;
  out.at_ms = reader.time_ms();
  out.tenant = reader.text();
  out.id = reader.text();
  return reader.ok() ? std::optional{std::move(out)} : std::nullopt;
}

std::optional<Due> Timers::next(Time until, stage::Context& context) {
  if (earliest_ms_ > to_ms(until)) return std::nullopt;
  std::optional<Due> first;
  context.scan(stage::Table::timers, from_, "", [&](std::string_view key, std::string_view) {
    first = parse_timer_key(key);
    from_ = std::string(key);
    return !first;
  });
  earliest_ms_ = first ? first->at_ms : std::numeric_limits<std::int64_t>::max();
  return first && first->at_ms <= to_ms(until) ? first : std::nullopt;
}

void Timers::set(state::Task& task, std::int64_t at_ms, stage::Context& context) {
  const std::int64_t before = task.clock().timer();
  if (before == at_ms) return;
  if (before != 0) context.erase(stage::Table::timers, timer_key(before, task.tenant(), task.id()));
  task.mutable_clock()->set_timer(at_ms);
  if (at_ms == 0) return;
  std::string key = timer_key(at_ms, task.tenant(), task.id());
  earliest_ms_ = std::min(earliest_ms_, at_ms);
  from_ = std::min(from_, key);
  context.put(stage::Table::timers, std::move(key), "");
}

void Timers::forget(const Due& due, stage::Context& context) {
  context.erase(stage::Table::timers, timer_key(due.at_ms, due.tenant, due.id));
}

}  // namespace echoloop::casework
