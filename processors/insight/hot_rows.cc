#include "processors/insight/hot_rows.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "pipeline/aggregates/row.h"
#include "pipeline/base/bytes.h"

namespace echoloop::insight {
namespace {

// About what a row, a page and a place take beside their bytes.
constexpr std::size_t kRow_bytes = 96;
constexpr std::size_t kPage_bytes = 128;
constexpr std::size_t kPlace_bytes = 192;

stage::BrokenWorld unreadable() {
  return stage::BrokenWorld({Fault::world, "table cube", "a row that cannot be read"});
}

// Adds, and writes what that makes of the row.
void change(std::string_view key, std::string& row, std::string_view gained, stage::Context& context) {
  if (row.empty()) {
    row = gained;
  } else if (!aggregates::merge_rows(row, gained, row)) {
    throw unreadable();
  }
  if (row.empty()) {
    context.erase(stage::Table::cube, key);
  } else {
    context.put(stage::Table::cube, key, row);
  }
}

}  // namespace

// Only where there is no row yet is a page known to hold all of them. What is not newer than what came before is not
// worth the look: feedback that comes in any order touches old hours in every epoch.
void HotRows::prepare(std::string_view cube_key, stage::Context& context) {
  if (!turn_to(cube_key)) return;
  if (place_->touched != epoch_) place_->newest_before_ms = std::exchange(place_->newest_ms, kNever);
  place_->touched = epoch_;
  place_->newest_ms = std::max(place_->newest_ms, bucket_ms_);
  if (page_ == nullptr && bucket_ms_ > place_->newest_before_ms) {
    bool any = false;
    context.scan(stage::Table::cube, page_key_, prefix_end(page_key_).value_or(""),
                 [&](std::string_view, std::string_view) {
                   any = true;
                   return false;
                 });
    if (!any) page_ = &place_->pages[bucket_ms_];
  }
  if (page_ != nullptr) page_->touched = epoch_;
}

void HotRows::add(std::string_view cube_key, std::string_view gained, stage::Context& context) {
  if (gained.empty()) return;
  turn_to(cube_key);
  if (page_ == nullptr) {
    std::string row = context.get(stage::Table::cube, cube_key).value_or("");
    return change(cube_key, row, gained, context);
  }
  auto [held, fresh] = page_->rows.try_emplace(cube_key.substr(page_key_.size()));
  if (fresh) page_->bytes += kRow_bytes + held->first.size();
  page_->bytes -= held->second.size();
  change(cube_key, held->second, gained, context);
  page_->bytes += held->second.size();
}

bool HotRows::turn_to(std::string_view cube_key) {
  if (!page_key_.empty() && cube_key.starts_with(page_key_)) return false;
  KeyReader reader{cube_key};
  reader.skip_text();
  reader.skip_text();
  const std::string_view partition_key = cube_key.substr(0, cube_key.size() - reader.rest().size());
  bucket_ms_ = reader.time_ms();
  if (!reader.ok()) throw unreadable();
  page_key_ = cube_key.substr(0, cube_key.size() - reader.rest().size());
  auto found = places_.find(partition_key);
  if (found == places_.end()) found = places_.emplace(partition_key, std::make_unique<Place>()).first;
  place_ = found->second.get();
  auto page = place_->pages.find(bucket_ms_);
  page_ = page == place_->pages.end() ? nullptr : &page->second;
  return true;
}

void HotRows::end_epoch() {
  page_key_.clear();
  trim();
  ++epoch_;
}

void HotRows::trim() {
  std::size_t bytes = places_.size() * kPlace_bytes;
  std::vector<std::tuple<std::uint64_t, std::int64_t, Place*>> pages;  // when touched, bucket
  for (auto& [key, place] : places_) {
    for (const auto& [bucket_ms, page] : place->pages) {
      bytes += kPage_bytes + page.bytes;
      pages.emplace_back(page.touched, bucket_ms, place.get());
    }
  }
  if (bytes <= bytes_max_) return;
  std::sort(pages.begin(), pages.end());
  for (const auto& [touched, bucket_ms, place] : pages) {
    if (bytes <= bytes_max_) break;
    auto page = place->pages.find(bucket_ms);
    bytes -= kPage_bytes + page->second.bytes;
    place->pages.erase(page);
  }
  absl::erase_if(places_, [](const auto& place) { return place.second->pages.empty(); });
}

}  // namespace echoloop::insight
