#include "pipeline/serving/effect_numbers.h"

#include <nlohmann/json.hpp>

#include "pipeline/statistics/wilson.h"

namespace echoloop::serving {

nlohmann::ordered_json effect_numbers(const state::Effects& seen) {
  using nlohmann::ordered_json;
  const std::int64_t n = seen.improved() + seen.no_evidence() + seen.worse();
  ordered_json interval = nullptr;
  if (const auto wilson = statistics::wilson_interval(seen.improved(), n, statistics::kUsual_level))
    interval = {
        {"level", statistics::kUsual_level}, {"method", "wilson"}, {"low", wilson->low}, {"high", wilson->high}};
  return {{"improved", seen.improved()},
          {"no_evidence", seen.no_evidence()},
          {"worse", seen.worse()},
          {"not_enough_data", seen.not_enough_data()},
          {"numerator", seen.improved()},
          {"n", n},
          {"value", n == 0 ? ordered_json(nullptr)
                           : ordered_json(static_cast<double>(seen.improved()) / static_cast<double>(n))},
          {"interval", std::move(interval)}};
}

}  // namespace echoloop::serving
