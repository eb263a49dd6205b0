// Metrics as numerator over n, read from the measures of a cell. One table for rules and queries, so that an alert and
// a chart never disagree.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "pipeline/aggregates/measures.h"

namespace echoloop::aggregates {

enum class MetricShape : std::uint8_t {
  count,     // value = n = numerator
  rate,      // numerator of n, Wilson interval
  mean,      // numerator is a sum; interval from the histogram
  nps,       // (promoters − detractors) / n × 100
  weighted,  // a rate over milliseconds: no interval, because milliseconds are not independent draws
};

// What customers said that a value rests on; `none`: it is there without their answers.
enum class Answers : std::uint8_t { none, scores, resolution };

struct Ratio {
  std::int64_t numerator = 0;
  std::int64_t n = 0;
};

struct MetricSpec {
  std::string_view name;
  MetricShape shape{};
  Ratio (*ratio)(const Measures&) = nullptr;
  std::optional<Timing> timing;     // of a mean over a histogram of times
  std::optional<ScoreKind> scores;  // of a mean over scores
  bool needs_handler_set = false;   // only in sets with agent, group or department
  Answers answers{};
};

std::span<const MetricSpec> metric_specs();
const MetricSpec* find_metric(std::string_view name);

}  // namespace echoloop::aggregates
