#include "processors/insight/window_sums.h"

#include <algorithm>

namespace echoloop::insight {
namespace {

// Some 400 bytes each.
constexpr std::size_t kKept_scopes_max = 100'000;

void read(WindowSums::Sums& sums, const std::string& from, const std::string& to, stage::Context& context) {
  context.scan(stage::Table::cube, from, to, [&](std::string_view key, std::string_view value) {
    auto parsed = aggregates::parse_cube_key(key);
    aggregates::Measures measures;
    if (parsed && measures.parse(value)) sums[parsed->values].merge_counters(measures);
    return true;
  });
}

}  // namespace

void WindowSums::add(const aggregates::CubeKey& key, const aggregates::Measures& gained) {
  auto cells = windows_.find({key.tenant, key.set});
  if (cells == windows_.end()) return;
  for (const auto& window : cells->second) {
    if (key.bucket_ms < window->start_ms || key.bucket_ms >= window->end_ms) continue;
    auto [sum, fresh] = window->sums.try_emplace(key.values);
    sum->second.merge_counters(gained);
    if (sum->second.empty()) window->sums.erase(sum);
  }
}

const WindowSums::Sums& WindowSums::of(const std::string& tenant, const std::string& set, std::int64_t start_ms,
                                       std::int64_t end_ms, stage::Context& context) {
  auto& windows = windows_[{tenant, set}];
  auto found = std::find_if(windows.begin(), windows.end(), [&](const auto& window) {
    return window->start_ms == start_ms && window->end_ms == end_ms;
  });
  if (found == windows.end()) {
    auto window = std::make_unique<Window>(Window{start_ms, end_ms, epoch_, {}});
    read(window->sums, aggregates::cube_from(tenant, set, start_ms), aggregates::cube_from(tenant, set, end_ms),
         context);
    found = windows.insert(windows.end(), std::move(window));
  }
  (*found)->asked = epoch_;
  return (*found)->sums;
}

void WindowSums::trim() {
  std::size_t scopes = 0;
  std::vector<std::uint64_t> asked;
  for (const auto& [cells, windows] : windows_) {
    for (const auto& window : windows) {
      scopes += window->sums.size() + 1;
      asked.push_back(window->asked);
    }
  }
  ++epoch_;
  if (scopes <= kKept_scopes_max) return;
  auto middle = asked.begin() + static_cast<std::ptrdiff_t>(asked.size() / 2);
  std::nth_element(asked.begin(), middle, asked.end());
  for (auto cells = windows_.begin(); cells != windows_.end();) {
    std::erase_if(cells->second, [&](const auto& window) { return window->asked <= *middle; });
    cells = cells->second.empty() ? windows_.erase(cells) : std::next(cells);
  }
}

void WindowSums::clear() { windows_.clear(); }

}  // namespace echoloop::insight
