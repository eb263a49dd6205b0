#include "pipeline/serving/explain_metric.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "pipeline/base/bytes.h"
#include "pipeline/serving/row_scan.h"

namespace echoloop::serving {
namespace {

std::string order_of(Time bucket, std::string_view session_id) {
  std::string order;
  put_key_time(order, ~to_ms(bucket));  // newest first
  put_key_text(order, session_id);
  return order;
}

bool adds_something(const MetricQuery& query, const aggregates::Measures& adds) {
  const aggregates::Ratio ratio = query.metric->ratio(adds);
  return ratio.numerator != 0 || ratio.n != 0;
}

tl::unexpected<Error> too_many() {
  return bad_input("tenant", fmt::format("has more than {} sessions: those behind a number are not listed for so many",
                                         kComputedSessions_max));
}

}  // namespace

Result<RowParts> parts_of_rows(const MetricQuery& query, const Sources& sources, const Domain& domain) {
  MetricQuery by_hour = query;  // tells when each session closed
  by_hour.interval = Interval::hour;
  by_hour.zone = domain.zone_of(query.tenant);
  RowParts out;
  std::string session;
  std::map<MetricKey, std::pair<Time, aggregates::Measures>> adds;  // of that session
  const auto hand_on = [&] {
    for (const auto& [key, part] : adds) {
      if (!adds_something(query, part.second)) continue;
      out[key].push_back({session, part.first, query.metric->ratio(part.second)});
    }
    adds.clear();
  };
  const auto add = [&](std::string_view session_id, MetricKey row, const aggregates::Measures& cell) {
    if (session != session_id) hand_on();
    session = session_id;
    const Time bucket = row.period;
    row.period = period_start(query.zone, query.interval, bucket);
    auto& part = adds[std::move(row)];
    part.first = bucket;
    part.second.merge(cell);
    return true;
  };
  const std::vector<std::string> dimensions = needed_dimensions(query);
  auto whole = scan_sessions(by_hour, dimensions, sources, all_facts, add);
  if (!whole) return tl::make_unexpected(whole.error());
  if (!*whole) return too_many();
  hand_on();
  for (auto& [key, parts] : out) {
    std::sort(parts.begin(), parts.end(), [](const RowPart& a, const RowPart& b) {
      return std::tuple(b.bucket, std::string_view(a.session_id)) <
             std::tuple(a.bucket, std::string_view(b.session_id));
    });
  }
  return out;
}

Result<MetricParts> parts_of_metric(const MetricQuery& query, const std::optional<std::string>& after,
                                    std::size_t limit, const Sources& sources, const Domain& domain) {
  MetricQuery by_hour = query;  // tells when each session closed
  by_hour.interval = Interval::hour;
  by_hour.zone = domain.zone_of(query.tenant);
  MetricParts out;
  std::vector<MetricPart> all;
  const auto add = [&](std::string_view session_id, MetricKey row, const aggregates::Measures& cell) {
    // The cells of one session come one behind the other.
    if (all.empty() || all.back().session_id != session_id)
      all.push_back({order_of(row.period, session_id), std::string(session_id), row.period, {}});
    all.back().adds.merge(cell);
    return true;
  };
  const std::vector<std::string> dimensions = needed_dimensions(query);
  auto whole = scan_sessions(by_hour, dimensions, sources, all_facts, add);
  if (!whole) return tl::make_unexpected(whole.error());
  if (!*whole) return too_many();
  for (const MetricPart& part : all) out.sum.merge(part.adds);
  std::erase_if(all, [&](const MetricPart& part) { return !adds_something(query, part.adds); });
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.order < b.order; });
  auto first = std::partition_point(all.begin(), all.end(),
                                    [&](const MetricPart& part) { return after && part.order <= *after; });
  auto last =
      static_cast<std::size_t>(all.end() - first) > limit ? first + static_cast<std::ptrdiff_t>(limit) : all.end();
  out.more = last != all.end();
  std::move(first, last, std::back_inserter(out.parts));
  return out;
}

}  // namespace echoloop::serving
