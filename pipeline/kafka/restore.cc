#include "pipeline/kafka/restore.h"

#include <spdlog/spdlog.h>

#include "pipeline/kafka/client.h"
#include "pipeline/kafka/rolling.h"

namespace echoloop::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Duration kSilence{60'000};            // longer than a transaction of somebody that died
constexpr std::chrono::seconds kTell_every{5};  // progress

// The marker goes first: whatever is left after a crash is erased by the next restore.
Result<void> forget_shard(store::RocksStore& store, int shard) {
  store::Batch batch;
  put_marker(batch, shard, {});
  erase_turn(batch, shard);
  if (auto written = store.write(batch); !written) return written;
  return store.erase_shard(shard);
}

}  // namespace

Result<std::unique_ptr<Restore>> Restore::begin(Brokers& brokers, store::RocksStore& store,
                                                const std::map<int, std::int64_t>& epochs) {
  std::unique_ptr<Restore> out{new Restore(brokers, store)};
  out->last_record_ = out->last_told_ = SteadyClock::now();
  std::vector<int> behind;
  for (const auto& [shard, epoch] : epochs) {
    auto marker = read_marker(store, shard);
    if (!marker) return tl::make_unexpected(marker.error());
    if (marker->epoch > epoch) {
      // The store was fed by another group or cluster, or offsets were set back by hand.
      spdlog::warn("shard {}: the store is at epoch {}, the group at {}: restored from the changelog", shard,
                   marker->epoch, epoch);
      marker = Marker{};
    }
    if (marker->epoch == 0) {
      marker = Marker{};  // half an epoch is none
      if (auto forgotten = forget_shard(store, shard); !forgotten) return tl::make_unexpected(forgotten.error());
    }
    out->markers_[shard] = *marker;
    if (marker->epoch == epoch) continue;
    out->wanted_[shard] = epoch;
    behind.push_back(shard);
  }
  if (!behind.empty()) {
    if (auto reading = out->read_from(behind); !reading) return tl::make_unexpected(reading.error());
  }
  return out;
}

Result<void> Restore::read_from(const std::vector<int>& shards) {
  auto changelog = brokers_.read_changelog();
  if (!changelog) return tl::make_unexpected(changelog.error());
  changelog_ = std::move(*changelog);
  std::map<int, std::int64_t> offsets;
  for (int shard : shards) {
    auto ends = changelog_->ends(shard);
    if (!ends) return tl::make_unexpected(ends.error());
    Marker& marker = markers_.at(shard);
    if (marker.next_offset < ends->low || marker.next_offset > ends->high) {
      // What follows the marker is gone: the changelog holds the whole state from its beginning on.
      if (auto forgotten = forget_shard(store_, shard); !forgotten) return forgotten;
      marker = {0, ends->low};
    }
    offsets[shard] = marker.next_offset;
    spdlog::info("shard {}: restoring from epoch {} to {}", shard, marker.epoch, wanted_.at(shard));
  }
  return changelog_->begin(offsets);
}

Result<bool> Restore::step(Duration timeout) {
  if (wanted_.empty()) return true;
  auto read = changelog_->read(timeout, [this](int shard, std::int64_t offset, std::string_view record) {
    return apply(shard, offset, record);
  });
  if (!read) return tl::make_unexpected(read.error());
  const auto now = SteadyClock::now();
  if (wanted_.empty()) {
    spdlog::info("restored {} shards: {} records, {} bytes of the changelog", markers_.size(), records_, bytes_);
    changelog_.reset();
    return true;
  }
  if (now - last_told_ > kTell_every) {
    last_told_ = now;
    spdlog::info("restoring: {} records, {} bytes of the changelog so far, {} shards to go", records_, bytes_,
                 wanted_.size());
  }
  if (now - last_record_ > kSilence)
    return away("reading the changelog", "it lacks an epoch that was committed, or is not readable");
  return false;
}

Result<void> Restore::apply(int shard, std::int64_t offset, std::string_view record) {
  auto wanted = wanted_.find(shard);
  if (wanted == wanted_.end()) return {};  // beyond what was committed when we looked: of this worker's own future
  store::Batch batch;
  auto unpacked = unpack_epoch(record, shard, batch);
  if (!unpacked) return tl::make_unexpected(unpacked.error());
  Marker& marker = markers_.at(shard);
  marker.next_offset = offset + 1;
  if (unpacked->last) marker.epoch = unpacked->epoch;
  put_marker(batch, shard, marker);
  if (auto written = store_.write(batch); !written) return written;
  ++records_;
  bytes_ += record.size();
  last_record_ = SteadyClock::now();
  if (marker.epoch >= wanted->second) wanted_.erase(wanted);
  return {};
}

}  // namespace echoloop::kafka
