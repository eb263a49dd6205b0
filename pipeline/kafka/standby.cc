#include "pipeline/kafka/standby.h"

#include <algorithm>
#include <utility>

#include "pipeline/kafka/client.h"
#include "pipeline/kafka/restore.h"

namespace echoloop::kafka {
void Standby::leave(int worker, const std::vector<int>& shards) {
  std::lock_guard hold{mutex_};
  for (int shard : shards) taken_[shard] = worker;
  changed_ = true;
}

void Standby::join(int worker) {
  std::lock_guard hold{mutex_};
  std::erase_if(taken_, [&](const auto& entry) { return entry.second == worker; });
  changed_ = true;
}

Copies Standby::copies() const {
  std::lock_guard hold{mutex_};
  return copies_;
}

Result<void> Standby::step(const std::set<int>& wanted, Duration timeout) {
  {
    std::lock_guard hold{mutex_};
    if (std::exchange(changed_, false) || wanted != wanted_) begun_ = false;
  }
  Result<void> done;
  if (!begun_) done = begin(wanted);
  if (done && changelog_) {
    done = changelog_->read(timeout, [this](int shard, std::int64_t offset, std::string_view record) {
      return apply(shard, offset, record);
    });
  }
  begun_ = done.has_value();
  return done;
}

// Always from the markers: whatever was read past while a worker had the shard, or was trimmed, is found again.
Result<void> Standby::begin(const std::set<int>& wanted) {
  wanted_ = wanted;
  changelog_.reset();
  auto reader = open_();
  if (!reader) return tl::make_unexpected(reader.error());
  std::map<int, std::int64_t> offsets;
  std::map<int, Marker> markers;
  for (int shard : wanted) {
    auto ends = (*reader)->ends(shard);
    if (!ends) return tl::make_unexpected(ends.error());
    std::lock_guard hold{mutex_};
    if (taken_.contains(shard)) continue;
    auto marker = read_marker(store_, shard);
    if (!marker) return tl::make_unexpected(marker.error());
    // Behind the end: a commit that brokers have not told everybody of yet, or when they say so again, another past.
    if (marker->next_offset > ends->high && ahead_.insert(shard).second)
      return away(fmt::format("reading changelog {}", shard), "it ends before what is known of it");
    if (marker->epoch == 0 || marker->next_offset < ends->low || marker->next_offset > ends->high) {
      if (auto forgotten = forget_shard(store_, shard); !forgotten) return forgotten;
      marker = Marker{0, ends->low, ends->low + 1};
    }
    ahead_.erase(shard);
    markers[shard] = *marker;
    offsets[shard] = marker->next_offset;
  }
  {
    std::lock_guard hold{mutex_};
    markers_ = std::move(markers);
    copies_ = {offsets.size(), 0};
  }
  if (offsets.empty()) return {};
  if (auto begun = (*reader)->begin(offsets); !begun) return begun;
  changelog_ = std::move(*reader);
  return {};
}

Result<void> Standby::apply(int shard, std::int64_t offset, std::string_view record) {
  std::lock_guard hold{mutex_};
  auto marker = markers_.find(shard);
  if (marker == markers_.end() || taken_.contains(shard)) return {};
  if (changed_) return {};  // it may have been taken meanwhile, and given back: the next step begins at its marker
  return apply_record(store_, shard, offset, record, marker->second);
}

Result<void> Standby::look() {
  if (!changelog_) return {};
  std::map<int, std::int64_t> ends;
  for (int shard : wanted_) {
    auto of_shard = changelog_->ends(shard);
    if (!of_shard) return tl::make_unexpected(of_shard.error());
    ends[shard] = of_shard->high;
  }
  std::lock_guard hold{mutex_};
  copies_.behind = 0;
  for (const auto& [shard, marker] : markers_)
    copies_.behind += std::max<std::int64_t>(ends[shard] - marker.next_offset, 0);
  return {};
}

}  // namespace echoloop::kafka
