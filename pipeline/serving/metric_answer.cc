#include "pipeline/serving/metric_answer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "pipeline/statistics/bounds.h"
#include "pipeline/statistics/mean.h"
#include "pipeline/statistics/nps.h"
#include "pipeline/statistics/quantile.h"
#include "pipeline/statistics/wilson.h"

namespace echoloop::serving {
namespace {

using aggregates::Counter;
using aggregates::Measures;
using aggregates::MetricShape;
using nlohmann::ordered_json;

constexpr double kLevel = 0.95;
constexpr double kThousandths = 1000.0;

struct Reading {
  ordered_json numerator = 0, value = nullptr, interval = nullptr, bounds = nullptr, suppressed = nullptr;
  std::int64_t n = 0;
};

ordered_json interval_json(const std::optional<statistics::ConfidenceInterval>& interval, const char* method,
                           double unit = 1) {
  if (!interval) return nullptr;
  return {{"level", kLevel}, {"method", method}, {"low", interval->low / unit}, {"high", interval->high / unit}};
}

ordered_json bounds_json(const std::optional<statistics::WorstBest>& bounds, double unit = 1) {
  if (!bounds) return nullptr;
  return {{"low", bounds->low / unit}, {"high", bounds->high / unit}};
}

// Answers that were possible: those given, and one more for each session that gave none.
std::int64_t possible_answers(const Measures& m, std::int64_t n) { return n + m.sessions() - m.get(Counter::answered); }

bool depends_on_answers(const aggregates::MetricSpec& metric) {
  return metric.name != "response_rate" && metric.name != "coverage";
}

void read_rate(const aggregates::MetricSpec& metric, const Measures& m, aggregates::Ratio ratio, Reading& out) {
  if (ratio.n > 0) out.value = static_cast<double>(ratio.numerator) / static_cast<double>(ratio.n);
  if (metric.shape == MetricShape::weighted) return;
  out.interval = interval_json(statistics::wilson_interval(ratio.numerator, ratio.n, kLevel), "wilson");
  if (depends_on_answers(metric))
    out.bounds = bounds_json(statistics::rate_bounds(ratio.numerator, ratio.n, possible_answers(m, ratio.n)));
}

void read_score_mean(aggregates::ScoreKind kind, const Measures& m, aggregates::Ratio ratio, Reading& out) {
  out.numerator = static_cast<double>(ratio.numerator) / kThousandths;
  if (ratio.numerator % 1000 == 0) out.numerator = ratio.numerator / 1000;
  std::set<std::pair<std::int64_t, std::int64_t>> scales;
  std::vector<statistics::ValueCount> histogram;
  for (const auto& [point, n] : m.scores()) {
    if (point.kind != kind) continue;
    scales.emplace(point.min, point.max);
    histogram.push_back({point.value, n});
  }
  if (scales.size() > 1) {
    out.suppressed = "scores on different scales: group or filter by survey";
    return;
  }
  auto mean = statistics::mean_of(histogram, kLevel);
  if (!mean) return;
  out.value = mean->value / kThousandths;
  out.interval = interval_json(mean->interval, "t", kThousandths);
  out.bounds = bounds_json(
      statistics::mean_bounds(mean->value, ratio.n, possible_answers(m, ratio.n),
                              static_cast<double>(scales.begin()->first), static_cast<double>(scales.begin()->second)),
      kThousandths);
}

Reading read(const aggregates::MetricSpec& metric, const Metric& definition, const Measures& m) {
  aggregates::Ratio ratio = metric.ratio(m);
  Reading out;
  out.numerator = ratio.numerator;
  out.n = ratio.n;
  switch (metric.shape) {
    case MetricShape::count:
      out.value = ratio.n;
      return out;
    case MetricShape::rate:
    case MetricShape::weighted:
      read_rate(metric, m, ratio, out);
      break;
    case MetricShape::nps:
      if (auto nps = statistics::net_promoter_score(m.get(Counter::nps_promoters), m.get(Counter::nps_detractors),
                                                    ratio.n, kLevel)) {
        out.value = nps->value;
        out.interval = interval_json(nps->interval, "score");
      }
      break;
    case MetricShape::mean:
      if (metric.scores) {
        read_score_mean(*metric.scores, m, ratio, out);
      } else if (ratio.n > 0) {
        out.value = static_cast<double>(ratio.numerator) / static_cast<double>(ratio.n);
      }
      break;
  }
  if (ratio.n == 0 && out.suppressed.is_null()) out.suppressed = "no data";
  if (ratio.n < definition.minimum_n && ratio.n > 0) out.suppressed = fmt::format("n below {}", definition.minimum_n);
  if (!out.suppressed.is_null()) out.value = out.interval = nullptr;
  return out;
}

ordered_json quantiles(aggregates::Timing timing, const Measures& m, bool suppressed) {
  std::vector<statistics::BinCount> bins;
  for (const auto& bin : m.bins()) {
    if (bin.timing == timing) bins.push_back({aggregates::bin_low(bin.bin), aggregates::bin_high(bin.bin), bin.n});
  }
  ordered_json out;
  for (auto [name, q] : {std::pair{"p50", 0.5}, std::pair{"p90", 0.9}, std::pair{"p99", 0.99}}) {
    auto value = suppressed ? std::nullopt : statistics::quantile(bins, q);
    out[name] = value ? ordered_json(*value) : ordered_json(nullptr);
  }
  return out;
}

// Agent says × customer says; the nine sum to the sessions. F14.
ordered_json resolution_table(const Measures& m) {
  ordered_json out;
  const char* agents[] = {"unknown", "resolved", "unresolved"};
  for (int agent : {1, 2, 0}) {
    const auto at = [&](int customer) { return m.get(static_cast<Counter>(agent * 3 + customer)); };
    out[agents[agent]] = {{"yes", at(1)}, {"no", at(2)}, {"unanswered", at(0)}};
  }
  return out;
}

std::int64_t unanswered(const Measures& m) {
  return m.get(Counter::unknown_unanswered) + m.get(Counter::resolved_unanswered) +
         m.get(Counter::unresolved_unanswered);
}

std::string csv_field(const ordered_json& value) {
  if (value.is_null()) return "";
  std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  // A cell that begins like a formula is text to a spreadsheet only behind an apostrophe.
  if (value.is_string() && !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos)
    text.insert(0, "'");
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

}  // namespace

ordered_json definition_json(const Metric& metric) {
  static constexpr const char* kAudiences[] = {"executive", "cross_department", "internal"};
  return {{"version", metric.version},    {"formula", metric.formula},
          {"unit", metric.unit},          {"source", metric.source},
          {"owner", metric.owner},        {"audience", kAudiences[static_cast<int>(metric.audience)]},
          {"minimum_n", metric.minimum_n}};
}

ordered_json metric_row(const MetricQuery& query, const Metric& definition, const MetricKey& key, const Measures& m) {
  Reading reading = read(*query.metric, definition, m);
  ordered_json row;
  row["group"] = ordered_json::object();
  for (std::size_t i = 0; i < query.group_by.size(); ++i) row["group"][query.group_by[i]] = key.group[i];
  bool all = query.interval == Interval::all;
  std::optional<Time> from = all ? query.from : std::optional{key.period};
  std::optional<Time> to = all ? query.to : std::optional{period_end(query.zone, query.interval, key.period)};
  row["from"] = from ? ordered_json(format_time(*from)) : ordered_json(nullptr);
  row["to"] = to ? ordered_json(format_time(*to)) : ordered_json(nullptr);
  row["numerator"] = reading.numerator;
  row["n"] = reading.n;
  row["value"] = reading.value;
  row["interval"] = reading.interval;
  row["coverage"] = {{"eligible", m.sessions()},
                     {"invited", m.get(Counter::invited)},
                     {"not_reached", m.get(Counter::not_reached)},
                     {"answered", m.get(Counter::answered)}};
  row["bounds"] = reading.bounds;
  row["suppressed"] = reading.suppressed;
  if (query.metric->timing) row["quantiles"] = quantiles(*query.metric->timing, m, !reading.suppressed.is_null());
  if (query.metric->name == "resolved_rate" || query.metric->name == "unresolved_rate")
    row["unanswered"] = unanswered(m);
  if (query.metric->name == "resolution_mismatch_rate") row["table"] = resolution_table(m);
  return row;
}

std::string metric_csv(const MetricQuery& query, const Metric& definition, const MetricRows& rows) {
  std::string out;
  for (const std::string& dimension : query.group_by) out += dimension + ",";
  out += "from,to,numerator,n,value,low,high,eligible,invited,not_reached,answered,bound_low,bound_high,suppressed\r\n";
  for (const auto& [key, measures] : rows) {
    ordered_json row = metric_row(query, definition, key, measures);
    for (const std::string& dimension : query.group_by) out += csv_field(row["group"][dimension]) + ",";
    const auto inner = [&](const char* object, const char* name) {
      return row[object].is_null() ? std::string{} : csv_field(row[object][name]);
    };
    out += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n", csv_field(row["from"]), csv_field(row["to"]),
                       csv_field(row["numerator"]), csv_field(row["n"]), csv_field(row["value"]),
                       inner("interval", "low"), inner("interval", "high"), inner("coverage", "eligible"),
                       inner("coverage", "invited"), inner("coverage", "not_reached"), inner("coverage", "answered"),
                       inner("bounds", "low"), inner("bounds", "high"), csv_field(row["suppressed"]));
  }
  return out;
}

}  // namespace echoloop::serving
