#include "pipeline/stage/row_ages.h"

#include <algorithm>
#include <string>
#include <vector>

#include "pipeline/base/bytes.h"

namespace echoloop::stage {
namespace {

constexpr std::int64_t kStepsInRetention = 64;
constexpr std::size_t kExpiredPerEpoch_max = 5'000;

std::int64_t step_of(Duration retention) { return std::max<std::int64_t>(1, retention.count() / kStepsInRetention); }

std::string age_key(Table table, std::int64_t age_ms) {
  std::string key(1, static_cast<char>(table));
  put_key_time(key, age_ms);
  return key;
}

}  // namespace

void RowAges::note(Table table, std::string_view key, Duration retention, Context& context) {
  std::string age = age_key(table, floor_to(to_ms(context.now()), step_of(retention)));
  context.put(Table::row_ages, age.append(key), "");
}

void RowAges::expire(Table table, std::string_view name, Duration retention, Context& context,
                     const std::function<bool(std::string_view row, Time before)>& over) {
  const std::int64_t step = step_of(retention);
  // A row of this age was written less than a step later.
  const std::int64_t over_ms = floor_to(to_ms(context.now()) - retention.count() - step, step);
  if (auto done = done_ms_.find(table); done != done_ms_.end() && over_ms <= done->second) return;
  std::vector<std::string> ages;
  context.scan(Table::row_ages, std::string_view{age_key(table, 0)}.substr(0, 1), age_key(table, over_ms + 1),
               [&](std::string_view key, std::string_view) {
                 ages.emplace_back(key);
                 return ages.size() < kExpiredPerEpoch_max;
               });
  const std::size_t begin = age_key(table, 0).size();
  for (const std::string& age : ages) {
    const std::string_view key = std::string_view{age}.substr(begin);
    if (auto row = context.get(table, key); row && over(*row, from_ms(over_ms + step))) {
      context.erase(table, key);
      context.count(std::string(name) + "_expired");
    }
    context.erase(Table::row_ages, age);
  }
  if (ages.size() < kExpiredPerEpoch_max) {
    done_ms_[table] = over_ms;
  } else {
    context.go_on();
  }
}

}  // namespace echoloop::stage
