// Random numbers for the sample: the same on every machine, for ever (SplitMix64, Steele et al. 2014). Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

namespace echoloop::sample {

class Dice {
 public:
  // Streams of one seed are independent of each other: a session's events do not change when another session draws
  // more.
  Dice(std::uint64_t seed, std::uint64_t stream) : state_(mix(seed) ^ mix(~stream)) {}

  // 0 … count − 1; count below 2^32.
  std::int64_t below(std::int64_t count) {
    return static_cast<std::int64_t>(((next() >> 32) * static_cast<std::uint64_t>(count)) >> 32);
  }
  std::int64_t between(std::int64_t low, std::int64_t high) { return low + below(high - low + 1); }
  bool per_mille(std::int64_t chance) { return below(1000) < chance; }

  template <class Table>
  const auto& one_of(const Table& table) {
    return table[static_cast<std::size_t>(below(static_cast<std::int64_t>(std::size(table))))];
  }
  // An index, by weights.
  std::size_t weighted(std::span<const std::int64_t> weights) {
    std::int64_t sum = 0;
    for (std::int64_t weight : weights) sum += weight;
    std::int64_t left = below(sum);
    std::size_t index = 0;
    while (left >= weights[index]) left -= weights[index++];
    return index;
  }
  // One of a table of structs by their member `weight`.
  template <class Table>
  const auto& one_by_weight(const Table& table) {
    std::int64_t sum = 0;
    for (const auto& row : table) sum += row.weight;
    std::int64_t left = below(sum);
    const auto* row = std::data(table);
    while (left >= row->weight) left -= (row++)->weight;
    return *row;
  }
  // About log-normal around a median; `spread` small: sigma 0.6, large: sigma 1.0. At most some ten times the median.
  std::int64_t around(std::int64_t median, bool large_spread);

 private:
  static std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
  }
  std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15ULL); }
  std::uint64_t state_;
};

}  // namespace echoloop::sample
