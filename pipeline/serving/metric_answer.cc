#include "pipeline/serving/metric_answer.h"

#include <fmt/format.h>

#include <algorithm>
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

constexpr double kThousandths = 1000.0;

struct Reading {
  ordered_json numerator = 0, value = nullptr, interval = nullptr, bounds = nullptr, suppressed = nullptr;
  std::int64_t n = 0;
};

ordered_json interval_json(const std::optional<statistics::ConfidenceInterval>& interval, const char* method,
                           double unit = 1) {
  if (!interval) return nullptr;
  return {{"level", statistics::kUsual_level},
          {"method", method},
          {"low", interval->low / unit},
          {"high", interval->high / unit}};
}

ordered_json bounds_json(const std::optional<statistics::WorstBest>& bounds, double unit = 1) {
  if (!bounds) return nullptr;
  return {{"low", bounds->low / unit}, {"high", bounds->high / unit}};
}

// What is credited to all handlers counts more sessions than those whose last handler is in the group; how many of them
// were asked and answered is not kept.
ordered_json coverage_json(const aggregates::MetricSpec& metric, const Measures& m) {
  if (metric.needs_handler_set) {
    return {{"eligible", m.get(Counter::all_sessions)},
            {"invited", nullptr},
            {"not_reached", nullptr},
            {"answered", nullptr}};
  }
  return {{"eligible", m.sessions()},
          {"invited", m.get(Counter::invited)},
          {"not_reached", m.get(Counter::not_reached)},
          {"answered", m.get(Counter::answered)}};
}

// Answers that were possible: those given, and one more for each session that gave none, whether it has no evaluation
// or one that is silent on this. A session may score in several surveys, so both counts are at most what was possible.
std::int64_t possible_answers(const aggregates::MetricSpec& metric, const Measures& m, std::int64_t n) {
  if (metric.needs_handler_set) return m.get(Counter::all_sessions);
  return std::max(m.sessions(), n + m.sessions() - m.get(Counter::answered));
}

void read_rate(const aggregates::MetricSpec& metric, const Measures& m, aggregates::Ratio ratio, Reading& out) {
  if (ratio.n > 0) out.value = static_cast<double>(ratio.numerator) / static_cast<double>(ratio.n);
  if (metric.shape == MetricShape::weighted) return;
  out.interval =
      interval_json(statistics::wilson_interval(ratio.numerator, ratio.n, statistics::kUsual_level), "wilson");
  if (metric.answers != aggregates::Answers::none)
    out.bounds = bounds_json(statistics::rate_bounds(ratio.numerator, ratio.n, possible_answers(metric, m, ratio.n)));
}

void read_score_mean(const aggregates::MetricSpec& metric, const Measures& m, aggregates::Ratio ratio, Reading& out) {
  out.numerator = numerator_json(metric, ratio.numerator);
  std::set<std::pair<std::int64_t, std::int64_t>> scales;
  std::vector<statistics::ValueCount> histogram;
  for (const auto& [point, n] : m.scores()) {
    if (point.kind != metric.scores) continue;
    scales.emplace(point.min, point.max);
    histogram.push_back({point.value, n});
  }
  if (scales.size() > 1) {
    out.suppressed = "scores on different scales: group or filter by survey";
    return;
  }
  auto mean = statistics::mean_of(histogram, statistics::kUsual_level);
  if (!mean) return;
  out.value = static_cast<double>(ratio.numerator) / (kThousandths * static_cast<double>(ratio.n));
  out.interval = interval_json(mean->interval, "t", kThousandths);
  out.bounds = bounds_json(
      statistics::mean_bounds(mean->value, ratio.n, possible_answers(metric, m, ratio.n),
                              static_cast<double>(scales.begin()->first), static_cast<double>(scales.begin()->second)),
      kThousandths);
}

void read_nps(const aggregates::MetricSpec& metric, const Measures& m, std::int64_t n, Reading& out) {
  const std::int64_t promoters = m.get(Counter::nps_promoters), detractors = m.get(Counter::nps_detractors);
  if (auto nps = statistics::net_promoter_score(promoters, detractors, n, statistics::kUsual_level)) {
    out.value = nps->value;
    out.interval = interval_json(nps->interval, "score");
  }
  out.bounds = bounds_json(statistics::nps_bounds(promoters, detractors, n, possible_answers(metric, m, n)));
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
      read_nps(metric, m, ratio.n, out);
      break;
    case MetricShape::mean:
      if (metric.scores) {
        read_score_mean(metric, m, ratio, out);
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

// What of the period lies in the query's time: the row counts no more than that.
Period counted_period(const MetricQuery& query, Time period) {
  if (query.interval == Interval::all) return {query.from, query.to};
  Time end = period_end(query.zone, query.interval, period);
  return {std::max(period, query.from.value_or(period)), std::min(end, query.to.value_or(end))};
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

// A number of the JSON row, by its place there, under a name of its own.
struct CsvColumn {
  std::string name, place;
};

// All that the JSON rows hold; the same for every metric but for the table that only one has.
std::vector<CsvColumn> csv_columns(const aggregates::MetricSpec& metric) {
  std::vector<CsvColumn> out = {{"from", "/from"},
                                {"to", "/to"},
                                {"numerator", "/numerator"},
                                {"n", "/n"},
                                {"value", "/value"},
                                {"level", "/interval/level"},
                                {"method", "/interval/method"},
                                {"low", "/interval/low"},
                                {"high", "/interval/high"},
                                {"eligible", "/coverage/eligible"},
                                {"invited", "/coverage/invited"},
                                {"not_reached", "/coverage/not_reached"},
                                {"answered", "/coverage/answered"},
                                {"bound_low", "/bounds/low"},
                                {"bound_high", "/bounds/high"},
                                {"suppressed", "/suppressed"},
                                {"p50", "/quantiles/p50"},
                                {"p90", "/quantiles/p90"},
                                {"p99", "/quantiles/p99"},
                                {"unanswered", "/unanswered"}};
  if (metric.name != "resolution_mismatch_rate") return out;
  for (std::string agent : {"resolved", "unresolved", "unknown"}) {
    for (std::string customer : {"yes", "no", "unanswered"})
      out.push_back({agent + "_" + customer, "/table/" + agent + "/" + customer});
  }
  return out;
}

}  // namespace

ordered_json numerator_json(const aggregates::MetricSpec& metric, std::int64_t numerator) {
  const bool of_scores = metric.shape == MetricShape::mean && metric.scores;
  if (!of_scores) return numerator;
  return numerator % 1000 == 0 ? ordered_json(numerator / 1000)
                               : ordered_json(static_cast<double>(numerator) / kThousandths);
}

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
  Period counted = counted_period(query, key.period);
  row["from"] = counted.from ? ordered_json(format_time(*counted.from)) : ordered_json(nullptr);
  row["to"] = counted.to ? ordered_json(format_time(*counted.to)) : ordered_json(nullptr);
  row["numerator"] = reading.numerator;
  row["n"] = reading.n;
  row["value"] = reading.value;
  row["interval"] = reading.interval;
  row["coverage"] = coverage_json(*query.metric, m);
  row["bounds"] = reading.bounds;
  row["suppressed"] = reading.suppressed;
  if (query.metric->timing) row["quantiles"] = quantiles(*query.metric->timing, m, !reading.suppressed.is_null());
  if (query.metric->name == "resolved_rate" || query.metric->name == "unresolved_rate")
    row["unanswered"] = unanswered(m);
  if (query.metric->name == "resolution_mismatch_rate") row["table"] = resolution_table(m);
  return row;
}

std::string metric_csv(const MetricQuery& query, const Metric& definition, const MetricRows& rows) {
  std::vector<ordered_json::json_pointer> places;
  std::string out = "metric,definition_version";
  for (const std::string& dimension : query.group_by) out += "," + dimension;
  for (const CsvColumn& column : csv_columns(*query.metric)) {
    out += "," + column.name;
    places.emplace_back(column.place);
  }
  out += "\r\n";
  const std::string begin = fmt::format("{},{}", query.metric->name, definition.version);
  for (const auto& [key, measures] : rows) {
    const ordered_json row = metric_row(query, definition, key, measures);
    out += begin;
    for (const std::string& value : key.group) out += "," + csv_field(value);
    for (const auto& place : places) out += "," + (row.contains(place) ? csv_field(row[place]) : std::string{});
    out += "\r\n";
  }
  return out;
}

}  // namespace echoloop::serving
