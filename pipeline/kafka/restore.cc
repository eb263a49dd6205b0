#include "pipeline/kafka/restore.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "pipeline/kafka/client.h"
#include "pipeline/kafka/rolling.h"

namespace echoloop::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Duration kSilence{60'000};            // longer than a transaction of somebody that died
constexpr std::chrono::seconds kTell_every{5};  // progress
constexpr std::string_view kCut =
    "records were deleted that hold the state of this shard (retention.ms and retention.bytes of the topic must be "
    "-1). "
    "What is left of it may be in DATA/cache of another member";

// Not the end of this process: a worker that stood still while others went on finds the same, and then joins again.
tl::unexpected<Error> not_to_be_restored(int shard, std::string what) {
  return tl::make_unexpected(Error{Fault::away, fmt::format("changelog {}", shard), std::move(what)});
}

}  // namespace

Result<void> forget_shard(store::RocksStore& store, int shard) {
  store::Batch batch;
  put_marker(batch, shard, {});
  erase_turn(batch, shard);
  if (auto written = store.write(batch); !written) return written;
  return store.erase_shard(shard);
}

Result<void> apply_record(store::RocksStore& store, int shard, std::int64_t offset, std::string_view record,
                          Marker& marker) {
  store::Batch batch;
  auto unpacked = unpack_epoch(record, shard, batch);
  if (!unpacked) return tl::make_unexpected(unpacked.error());
  if (marker.epoch > 0 && unpacked->epoch != marker.epoch + 1) {
    const std::int64_t known = marker.epoch;
    if (auto forgotten = forget_shard(store, shard); !forgotten) return forgotten;
    return not_to_be_restored(shard, fmt::format("epoch {} comes behind epoch {}, which this member knew: what it knew "
                                                 "is forgotten, and all is read again",
                                                 unpacked->epoch, known));
  }
  marker.next_offset = offset + 1;
  if (unpacked->last) marker.epoch = unpacked->epoch;
  put_marker(batch, shard, marker);
  return store.write(batch);
}

Result<std::unique_ptr<Restore>> Restore::begin(Brokers& brokers, store::RocksStore& store,
                                                const std::map<int, std::int64_t>& epochs) {
  std::unique_ptr<Restore> out{new Restore(brokers, store)};
  out->last_record_ = out->last_told_ = SteadyClock::now();
  std::vector<int> behind, fresh;
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
    if (epoch == 0) fresh.push_back(shard);
    if (marker->epoch == epoch) {
      if (auto whole = out->check_whole(shard); !whole) return tl::make_unexpected(whole.error());
      continue;
    }
    out->wanted_[shard] = epoch;
    behind.push_back(shard);
  }
  if (!fresh.empty()) {
    if (auto begun = out->begin_anew(fresh); !begun) return tl::make_unexpected(begun.error());
  }
  if (!behind.empty()) {
    if (auto reading = out->read_from(behind); !reading) return tl::make_unexpected(reading.error());
  }
  return out;
}

// Of shards of which the group has committed nothing there must be no state either: events would be counted again.
Result<void> Restore::begin_anew(const std::vector<int>& shards) {
  auto changelog = brokers_.read_changelog();
  if (!changelog) return tl::make_unexpected(changelog.error());
  for (int shard : shards) {
    auto ends = (*changelog)->ends(shard);
    if (!ends) return tl::make_unexpected(ends.error());
    markers_.at(shard).next_offset = ends->low;
    auto holds = ends->low < ends->high ? (*changelog)->holds_records(shard) : Result<bool>{false};
    if (!holds) return tl::make_unexpected(holds.error());
    if (*holds)
      return not_to_be_restored(
          shard,
          "it holds state, but the group has committed no offsets: they were deleted (offsets.retention.minutes of the "
          "brokers, when no member ran for so long), or another --kafka.group works on these topics. Nothing was read, "
          "as everything would be counted again; to count anew use another --kafka.prefix");
  }
  return {};
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
    if (marker.epoch == 0 || marker.next_offset < ends->low || marker.next_offset > ends->high) {
      // Nothing is known, or what follows the marker is gone: the changelog holds the whole state from its beginning
      // on.
      if (auto forgotten = forget_shard(store_, shard); !forgotten) return forgotten;
      marker = {0, ends->low, ends->low + 1};
    }
    if (marker.next_offset >= ends->high)
      return not_to_be_restored(shard, fmt::format("it ends before epoch {}: {}", wanted_.at(shard), kCut));
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
  Marker& marker = markers_.at(shard);
  if (auto applied = apply_record(store_, shard, offset, record, marker); !applied) return applied;
  ++records_;
  bytes_ += record.size();
  last_record_ = SteadyClock::now();
  if (marker.epoch < wanted->second) return {};
  wanted_.erase(wanted);
  return check_whole(shard);
}

// Rows that were read from nothing are all when the changelog began no later than it says itself that it must. That
// lies beyond its end when it was deleted and made anew.
Result<void> Restore::check_whole(int shard) {
  Marker& marker = markers_.at(shard);
  const std::int64_t begun = std::exchange(marker.begun, 0) - 1;
  if (begun < 0) return {};
  auto turn = read_turn(store_, shard);
  if (!turn) return tl::make_unexpected(turn.error());
  if (!turn->whole_from || (begun <= *turn->whole_from && *turn->whole_from <= marker.next_offset)) return {};
  // Nobody may take them for the state.
  if (auto forgotten = forget_shard(store_, shard); !forgotten) return forgotten;
  if (begun > *turn->whole_from && *turn->whole_from != Turn::kNever) {
    return not_to_be_restored(shard, fmt::format("it begins at offset {}, and must begin at {} or before: {}", begun,
                                                 *turn->whole_from, kCut));
  }
  return not_to_be_restored(
      shard, fmt::format("the topic was deleted and made anew, and does not hold all rows yet: {}", kCut));
}

}  // namespace echoloop::kafka
