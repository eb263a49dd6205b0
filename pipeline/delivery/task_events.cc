#include "pipeline/delivery/task_events.h"

#include <fmt/format.h>

#include <algorithm>

namespace echoloop::delivery {
namespace {

// A task event has a few kilobytes; parsed it takes several times as much.
constexpr std::size_t kBatch_events = 64, kBatch_bytes = 512u << 10, kBatches_kept = 16;
// Then it is read again, whatever it was.
constexpr Duration kNothing{10 * kSecond_ms};

}  // namespace

Result<bool> TaskEvents::look() {
  auto ends = parts_.ends();
  if (!ends) return tl::make_unexpected(ends.error());
  std::lock_guard hold{mutex_};
  const bool changed = *ends != ends_;
  ends_ = std::move(*ends);
  return changed;
}

std::optional<std::int64_t> TaskEvents::end(int partition) const {
  std::lock_guard hold{mutex_};
  const auto index = static_cast<std::size_t>(partition);
  return index < ends_.size() ? std::optional{ends_[index]} : std::nullopt;
}

Result<std::shared_ptr<const TaskEvents::Batch>> TaskEvents::read(int partition, std::int64_t offset) {
  const std::int64_t end = this->end(partition).value_or(0);
  if (offset >= end) return std::shared_ptr<const Batch>{};
  std::lock_guard hold{mutex_};
  auto found = std::find_if(latest_.begin(), latest_.end(), [&](const std::shared_ptr<const Batch>& one) {
    return one->partition == partition && one->from <= offset && offset < one->next;
  });
  if (found != latest_.end()) {
    latest_.splice(latest_.begin(), latest_, found);
    return latest_.front();
  }
  if (auto known = nothing_.find(partition); known != nothing_.end() && known->second.end == end &&
                                             known->second.from <= offset && parts_.now() < known->second.at + kNothing)
    return std::shared_ptr<const Batch>{};
  auto slice = parts_.read(partition, offset, {kBatch_events, kBatch_bytes});
  if (!slice) return tl::make_unexpected(slice.error());
  // Marks of transactions, mostly. But a broker that is asked for the end reads two numbers one after the other, and
  // may tell one behind a transaction that is still open: nobody passes what could not be read. When the transaction
  // has ended the end moves.
  if (slice->records.empty()) {
    nothing_[partition] = {offset, end, parts_.now()};
    return std::shared_ptr<const Batch>{};
  }
  auto batch = std::make_shared<Batch>();
  batch->partition = partition;
  batch->from = offset;
  for (const stage::Record& record : slice->records) {
    auto told = read_told(record.value);
    batch->events.push_back({record.offset, told ? std::optional<Told>{std::move(*told)} : std::nullopt});
  }
  batch->next = slice->records.back().offset + 1;
  latest_.push_front(std::move(batch));
  if (latest_.size() > kBatches_kept) latest_.pop_back();
  return latest_.front();
}

Result<std::optional<Told>> TaskEvents::read_one(int partition, std::int64_t offset) {
  auto batch = read(partition, offset);
  if (!batch) return tl::make_unexpected(batch.error());
  if (*batch == nullptr)
    return tl::make_unexpected(
        Error{Fault::away, "", fmt::format("topic tasks, partition {}: nothing at {} yet", partition, offset)});
  for (const Event& event : (*batch)->events) {
    if (event.offset == offset) return event.told;
  }
  return std::optional<Told>{};
}

}  // namespace echoloop::delivery
