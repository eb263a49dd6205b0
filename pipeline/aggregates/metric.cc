#include "pipeline/aggregates/metric.h"

namespace echoloop::aggregates {
namespace {

using enum Counter;

std::int64_t yes(const Measures& m) { return m.get(unknown_yes) + m.get(resolved_yes) + m.get(unresolved_yes); }
std::int64_t no(const Measures& m) { return m.get(unknown_no) + m.get(resolved_no) + m.get(unresolved_no); }
std::int64_t both_said(const Measures& m) {
  return m.get(resolved_yes) + m.get(resolved_no) + m.get(unresolved_yes) + m.get(unresolved_no);
}

std::int64_t score_sum(const Measures& m, ScoreKind kind) {
  std::int64_t sum = 0;
  for (const auto& [point, n] : m.scores()) {
    if (point.kind == kind) sum += point.value * n;
  }
  return sum;
}

constexpr MetricSpec kSpecs[] = {
    {"sessions",
     MetricShape::count,
     [](const Measures& m) {
       return Ratio{m.sessions(), m.sessions()};
     },
     {},
     {},
     false,
     Answers::none},
    {"evaluations",
     MetricShape::count,
     [](const Measures& m) {
       return Ratio{m.get(evaluations), m.get(evaluations)};
     },
     {},
     {},
     false,
     Answers::none},
    {"csat",
     MetricShape::rate,
     [](const Measures& m) {
       return Ratio{m.get(csat_top), m.get(csat_n)};
     },
     {},
     {},
     false,
     Answers::scores},
    {"dsat",
     MetricShape::rate,
     [](const Measures& m) {
       return Ratio{m.get(csat_bottom), m.get(csat_n)};
     },
     {},
     {},
     false,
     Answers::scores},
    {"average_score",
     MetricShape::mean,
     [](const Measures& m) {
       return Ratio{score_sum(m, ScoreKind::csat), m.get(csat_n)};
     },
     {},
     ScoreKind::csat,
     false,
     Answers::scores},
    {"nps",
     MetricShape::nps,
     [](const Measures& m) {
       return Ratio{m.get(nps_promoters) - m.get(nps_detractors), m.get(nps_n)};
     },
     {},
     {},
     false,
     Answers::scores},
    {"ces",
     MetricShape::mean,
     [](const Measures& m) {
       return Ratio{m.get(ces_sum), m.get(ces_n)};
     },
     {},
     ScoreKind::ces,
     false,
     Answers::scores},
    {"resolved_rate",
     MetricShape::rate,
     [](const Measures& m) {
       return Ratio{yes(m), yes(m) + no(m)};
     },
     {},
     {},
     false,
     Answers::resolution},
    {"unresolved_rate",
     MetricShape::rate,
     [](const Measures& m) {
       return Ratio{no(m), yes(m) + no(m)};
     },
     {},
     {},
     false,
     Answers::resolution},
    {"response_rate",
     MetricShape::rate,
     [](const Measures& m) {
       return Ratio{m.get(answered), m.get(invited)};
     },
     {},
     {},
     false,
     Answers::none},
    {"coverage",
     MetricShape::rate,
     [](const Measures& m) {
       return Ratio{m.get(answered), m.sessions()};
     },
     {},
     {},
     false,
     Answers::none},
    {"resolution_mismatch_rate",
     MetricShape::rate,
     [](const Measures& m) {
       return Ratio{m.get(resolved_no), both_said(m)};
     },
     {},
     {},
     false,
     Answers::resolution},
    {"handle_time",
     MetricShape::mean,
     [](const Measures& m) {
       return Ratio{m.get(handle_ms), m.get(handle_n)};
     },
     Timing::handle,
     {},
     false,
     Answers::none},
    {"queue_time",
     MetricShape::mean,
     [](const Measures& m) {
       return Ratio{m.get(queue_ms), m.get(queue_n)};
     },
     Timing::queue,
     {},
     false,
     Answers::none},
    {"first_reply",
     MetricShape::mean,
     [](const Measures& m) {
       return Ratio{m.get(first_reply_ms), m.get(first_reply_n)};
     },
     Timing::first_reply,
     {},
     false,
     Answers::none},
    {"csat_all_handlers",
     MetricShape::rate,
     [](const Measures& m) {
       return Ratio{m.get(all_csat_top), m.get(all_csat_n)};
     },
     {},
     {},
     true,
     Answers::scores},
    {"csat_time_weighted",
     MetricShape::weighted,
     [](const Measures& m) {
       return Ratio{m.get(weighted_csat_top_ms), m.get(weighted_csat_ms)};
     },
     {},
     {},
     true,
     Answers::scores},
};

}  // namespace

std::span<const MetricSpec> metric_specs() { return kSpecs; }

const MetricSpec* find_metric(std::string_view name) {
  for (const MetricSpec& spec : kSpecs) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

}  // namespace echoloop::aggregates
