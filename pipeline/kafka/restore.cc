#include "pipeline/kafka/restore.h"

#include <spdlog/spdlog.h>

#include "pipeline/kafka/rolling.h"

namespace echoloop::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kWatermarks_ms = 30'000;
constexpr std::size_t kBatch = 64;              // records; each may be some hundred kilobytes
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

Result<std::unique_ptr<Restore>> Restore::begin(const MemberOptions& options, store::RocksStore& store,
                                                const std::map<int, std::int64_t>& epochs) {
  std::unique_ptr<Restore> out{new Restore(options, store)};
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
  Properties properties = reader_properties(options_, "restore");
  properties.emplace_back("auto.offset.reset", "error");
  properties.emplace_back("queued.max.messages.kbytes", "65536");
  auto consumer = make_client(RD_KAFKA_CONSUMER, properties);
  if (!consumer) return tl::make_unexpected(consumer.error());
  consumer_ = std::move(*consumer);
  const std::string topic = changelog_name(options_.topics);
  const PartitionsPtr list{rd_kafka_topic_partition_list_new(static_cast<int>(shards.size()))};
  for (int shard : shards) {
    std::int64_t low = 0, high = 0;
    if (auto code =
            rd_kafka_query_watermark_offsets(consumer_.get(), topic.c_str(), shard, &low, &high, kWatermarks_ms))
      return away("looking at the changelog", code);
    Marker& marker = markers_.at(shard);
    if (marker.next_offset < low || marker.next_offset > high) {
      // What follows the marker is gone: the changelog holds the whole state from its beginning on.
      if (auto forgotten = forget_shard(store_, shard); !forgotten) return forgotten;
      marker = {0, low};
    }
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), shard)->offset = marker.next_offset;
    spdlog::info("shard {}: restoring from epoch {} to {}", shard, marker.epoch, wanted_.at(shard));
  }
  rd_kafka_poll_set_consumer(consumer_.get());
  queue_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
  if (auto code = rd_kafka_assign(consumer_.get(), list.get())) return away("reading the changelog", code);
  return {};
}

Result<bool> Restore::step(Duration timeout) {
  if (wanted_.empty()) return true;
  std::array<rd_kafka_message_t*, kBatch> batch{};
  for (bool first = true;; first = false) {
    const auto n = rd_kafka_consume_batch_queue(queue_.get(), first ? milliseconds(timeout) : 0, batch.data(),
                                                first ? 1 : batch.size());
    if (n < 0) return away("reading the changelog", rd_kafka_last_error());
    Result<void> applied;
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      const MessagePtr message{batch[static_cast<std::size_t>(i)]};
      if (applied) applied = apply(*message);
    }
    if (!applied) return tl::make_unexpected(applied.error());
    if (n == 0 || !first) break;
  }
  const auto now = SteadyClock::now();
  if (wanted_.empty()) {
    spdlog::info("restored {} shards: {} records, {} bytes of the changelog", markers_.size(), records_, bytes_);
    queue_.reset();
    consumer_.reset();
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

Result<void> Restore::apply(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return {};
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR)
    return away("reading the changelog", rd_kafka_message_errstr(&message));
  const int shard = message.partition;
  auto wanted = wanted_.find(shard);
  if (wanted == wanted_.end()) return {};  // beyond what was committed when we looked: of this worker's own future
  const std::string_view record{static_cast<const char*>(message.payload), message.len};
  store::Batch batch;
  auto unpacked = unpack_epoch(record, shard, batch);
  if (!unpacked) return tl::make_unexpected(unpacked.error());
  Marker& marker = markers_.at(shard);
  marker.next_offset = message.offset + 1;
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
