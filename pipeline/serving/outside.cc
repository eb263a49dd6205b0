#include "pipeline/serving/outside.h"

#include <map>

#include "pipeline/base/bytes.h"
#include "pipeline/statistics/difference.h"
#include "processors/casework/verification.h"
#include "schemas/codec.h"

namespace echoloop::serving {
namespace {

struct Week {
  double numerator = 0, denominator = 0;
};

bool concerns(const OutcomeObserved& seen, const state::Task& task) {
  const std::map<std::string_view, const std::optional<Text>*> says = {
      {"department", &seen.department}, {"category", &seen.category}, {"group", &seen.group}, {"entity", &seen.entity}};
  for (int i = 0; i < std::min(task.dimensions_size(), task.scope_size()); ++i) {
    auto found = says.find(task.dimensions(i));
    if (found != says.end() && *found->second && **found->second != task.scope(i)) return false;
  }
  return true;
}

Result<std::map<std::int64_t, Week>> read_weeks(const std::string& name, const state::Task& task,
                                                const Sources& sources, const TimeZone& zone, std::int64_t from,
                                                std::int64_t to) {
  std::map<std::int64_t, Week> out;
  std::string begin;
  put_key_text(begin, task.tenant());
  put_key_text(begin, name);
  std::string end = begin;
  put_key_time(begin, from);
  put_key_time(end, to);
  EventDecoder decoder;
  const std::int64_t first = zone.local_day(from_ms(from));
  auto scanned = sources.rows->scan(stage::Table::outcomes, sources.shard_of(name), begin, end,
                                    [&](std::string_view, std::string_view json) {
                                      auto event = decoder.decode(json);
                                      const auto* seen = event ? std::get_if<OutcomeObserved>(&event->data) : nullptr;
                                      if (seen == nullptr || !concerns(*seen, task)) return true;
                                      Week& week = out[(zone.local_day(seen->time) - first) / casework::kWeek_days];
                                      week.numerator += static_cast<double>(seen->numerator);
                                      week.denominator += static_cast<double>(seen->denominator);
                                      return true;
                                    });
  if (!scanned) return tl::make_unexpected(scanned.error());
  return out;
}

std::vector<double> rates_of(const std::map<std::int64_t, Week>& weeks, state::Verification::Part& sum) {
  std::vector<double> out;
  for (const auto& [number, week] : weeks) {
    sum.set_numerator(sum.numerator() + static_cast<std::int64_t>(week.numerator));
    sum.set_n(sum.n() + static_cast<std::int64_t>(week.denominator));
    if (week.denominator > 0) out.push_back(week.numerator / week.denominator);
  }
  sum.set_weeks(static_cast<int>(out.size()));
  return out;
}

}  // namespace

Result<void> add_outside(const std::string& name, const state::Task& task, const Sources& sources, const Domain& domain,
                         state::Verification& out) {
  const TimeZone& zone = domain.zone_of(task.tenant());
  auto before = read_weeks(name, task, sources, zone, out.before_from(), out.before_to());
  if (!before) return tl::make_unexpected(before.error());
  auto after = read_weeks(name, task, sources, zone, out.after_from(), out.after_to());
  if (!after) return tl::make_unexpected(after.error());
  state::Verification::Outside& outside = *out.mutable_outside();
  outside.set_name(name);
  const auto change = statistics::change_of_means(rates_of(*before, *outside.mutable_before()),
                                                  rates_of(*after, *outside.mutable_after()), statistics::kUsual_level);
  if (!change) return {};
  outside.set_has_effect(true);
  outside.set_effect(change->value);
  outside.set_low(change->interval.low);
  outside.set_high(change->interval.high);
  return {};
}

}  // namespace echoloop::serving
