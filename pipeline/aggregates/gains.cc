#include "pipeline/aggregates/gains.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace echoloop::aggregates {
namespace {

// Entry ids: bins from 0, score points behind them.
constexpr std::uint32_t kFirst_point = kIds_end - kFirstBin;
// Entries of so few terms are sorted; of more they are added up by id.
constexpr std::size_t kFew_terms = 8;
constexpr std::int64_t kEntry_max = 32'000;

}  // namespace

std::uint32_t Gains::add(const Measures& measures) {
  Gain gain{0, static_cast<std::uint32_t>(counts_.size()), 0, static_cast<std::uint32_t>(entries_.size()), 0};
  for (std::size_t id = 0; id < kCounters; ++id) {
    const std::int64_t n = measures.get(static_cast<Counter>(id));
    if (n == 0) continue;
    counts_.push_back({n, static_cast<std::uint8_t>(id)});
    gain.mask |= std::uint64_t{1} << id;
  }
  for (const auto& [timing, bin, n] : measures.bins()) log(id_of(timing, bin) - kFirstBin, n);
  for (const auto& [point, n] : measures.scores()) {
    auto [known, fresh] = point_numbers_.try_emplace(point, static_cast<std::uint16_t>(points_.size()));
    if (fresh) points_.push_back(point);
    log(kFirst_point + known->second, n);
  }
  gain.counts_n = static_cast<std::uint32_t>(counts_.size()) - gain.counts;
  gain.entries_n = static_cast<std::uint32_t>(entries_.size()) - gain.entries;
  gains_.push_back(gain);
  return static_cast<std::uint32_t>(gains_.size() - 1);
}

void Gains::log(std::uint32_t id, std::int64_t n) {
  while (n != 0) {
    const std::int64_t part = std::clamp(n, -kEntry_max, kEntry_max);
    entries_.push_back({static_cast<std::uint16_t>(id), static_cast<std::int16_t>(part)});
    n -= part;
  }
}

void Gains::put_sum(std::span<const Term> terms, RowWriter& row) {
  std::array<std::uint64_t, kCounters> counters{};
  std::uint64_t mask = 0;
  for (const Term term : terms) {
    const Gain& gain = gains_[term.gain()];
    mask |= gain.mask;
    const Count* counts = counts_.data() + gain.counts;
    for (std::uint32_t i = 0; i < gain.counts_n; ++i)
      counters[counts[i].id] += term.sign() * static_cast<std::uint64_t>(counts[i].n);
  }
  for (; mask != 0; mask &= mask - 1) {
    const int id = std::countr_zero(mask);
    if (counters[id] != 0) row.entry(static_cast<std::uint32_t>(id), static_cast<std::int64_t>(counters[id]));
  }
  scores_.clear();
  if (terms.size() <= kFew_terms) {
    put_few(terms, row);
  } else {
    put_many(terms, row);
  }
  std::sort(scores_.begin(), scores_.end());
  for (const auto& [point, n] : scores_) row.score(point, n);
}

void Gains::put_few(std::span<const Term> terms, RowWriter& row) {
  few_.clear();
  for (const Term term : terms) {
    for (const Entry& entry : entries_of(gains_[term.gain()]))
      few_.emplace_back(entry.id, term.sign() * static_cast<std::uint64_t>(entry.n));
  }
  std::sort(few_.begin(), few_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto entry = few_.begin(); entry != few_.end();) {
    const std::uint32_t id = entry->first;
    std::uint64_t n = 0;
    for (; entry != few_.end() && entry->first == id; ++entry) n += entry->second;
    put_entry(id, n, row);
  }
}

void Gains::put_many(std::span<const Term> terms, RowWriter& row) {
  sums_.resize(kFirst_point + points_.size());
  met_.resize(sums_.size() / 64 + 1);
  met_words_.resize(met_.size() / 64 + 1);
  for (const Term term : terms) {
    for (const Entry& entry : entries_of(gains_[term.gain()])) {
      sums_[entry.id] += term.sign() * static_cast<std::uint64_t>(entry.n);
      met_[entry.id / 64] |= std::uint64_t{1} << entry.id % 64;
      met_words_[entry.id / 4096] |= std::uint64_t{1} << entry.id / 64 % 64;
    }
  }
  for (std::size_t i = 0; i < met_words_.size(); ++i) {
    for (std::uint64_t words = std::exchange(met_words_[i], 0); words != 0; words &= words - 1) {
      const std::size_t word = i * 64 + static_cast<std::size_t>(std::countr_zero(words));
      for (std::uint64_t ids = std::exchange(met_[word], 0); ids != 0; ids &= ids - 1) {
        const std::size_t id = word * 64 + static_cast<std::size_t>(std::countr_zero(ids));
        put_entry(static_cast<std::uint32_t>(id), std::exchange(sums_[id], 0), row);
      }
    }
  }
}

void Gains::put_entry(std::uint32_t id, std::uint64_t n, RowWriter& row) {
  if (n == 0) return;
  if (id < kFirst_point) {
    row.entry(kFirstBin + id, static_cast<std::int64_t>(n));
  } else {
    scores_.emplace_back(points_[id - kFirst_point], static_cast<std::int64_t>(n));
  }
}

void Gains::clear() {
  gains_.clear();
  counts_.clear();
  entries_.clear();
  point_numbers_.clear();
  points_.clear();
}

}  // namespace echoloop::aggregates
