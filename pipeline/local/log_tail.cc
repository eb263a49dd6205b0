#include "pipeline/local/log_tail.h"

#include <algorithm>
#include <cassert>

namespace echoloop::local {

LogTail::LogTail(std::filesystem::path folder, std::size_t ring_bytes,
                 std::vector<std::shared_ptr<const SegmentIndex>> sealed, SegmentIndex active)
    : folder_(std::move(folder)),
      ring_bytes_max_(ring_bytes),
      trails_(new Trail[active.partitions.size()]),
      sealed_(std::move(sealed)),
      active_(std::move(active)),
      rings_(active_.partitions.size()) {}

std::int64_t LogTail::end_offset(int partition) const {
  std::shared_lock lock{mutex_};
  return static_cast<std::int64_t>(active_.partitions[static_cast<std::size_t>(partition)].end_offset);
}

std::uint64_t LogTail::disk_bytes() const {
  std::shared_lock lock{mutex_};
  std::uint64_t bytes = active_.end;
  for (const auto& segment : sealed_) bytes += segment->end;
  return bytes;
}

std::int64_t LogTail::last_at_ms() const {
  std::shared_lock lock{mutex_};
  return active_.last_at;
}

std::shared_ptr<const SegmentIndex> LogTail::oldest(std::int64_t older_than_ms,
                                                    const std::vector<std::int64_t>& ends) const {
  std::shared_lock lock{mutex_};
  std::shared_ptr<const SegmentIndex> found;
  for (const auto& segment : sealed_) {
    if (segment->last_at >= older_than_ms) break;
    for (std::size_t p = 0; p < ends.size(); ++p) {
      if (static_cast<std::int64_t>(segment->partitions[p].end_offset) > ends[p]) return found;
    }
    found = segment;
  }
  return found;
}

std::vector<std::uint64_t> LogTail::forget(std::uint64_t number) {
  std::vector<std::uint64_t> numbers;
  std::unique_lock lock{mutex_};
  std::erase_if(sealed_, [&](const auto& segment) {
    if (segment->number <= number) numbers.push_back(segment->number);
    return segment->number <= number;
  });
  return numbers;
}

bool LogTail::is_gone(std::uint64_t segment) const {
  std::shared_lock lock{mutex_};
  return segment < (sealed_.empty() ? active_.number : sealed_.front()->number);
}

void LogTail::publish(const std::vector<std::shared_ptr<const Block>>& blocks) {
  std::unique_lock lock{mutex_};
  for (const std::shared_ptr<const Block>& block : blocks) {
    active_.add(active_.end, block->header);
    rings_[block->header.partition].push_back(block);
    ring_order_.push_back(block->header.partition);
    ring_bytes_ += block->raw.size() + sizeof(Block);
  }
  while (ring_bytes_ > ring_bytes_max_ && !ring_order_.empty()) {
    auto& ring = rings_[static_cast<std::size_t>(ring_order_.front())];
    ring_bytes_ -= ring.front()->raw.size() + sizeof(Block);
    ring.pop_front();
    ring_order_.pop_front();
  }
}

void LogTail::begin_segment(SegmentIndex next) {
  std::unique_lock lock{mutex_};
  sealed_.push_back(std::make_shared<const SegmentIndex>(std::move(active_)));
  active_ = std::move(next);
}

void LogTail::skip_to(int partition, std::int64_t offset) {
  std::unique_lock lock{mutex_};
  std::uint64_t& end = active_.partitions[static_cast<std::size_t>(partition)].end_offset;
  end = std::max(end, static_cast<std::uint64_t>(offset));
}

Result<stage::Slice> LogTail::read(int partition, std::int64_t from_offset, const stage::PollLimits& limits) const {
  stage::Slice slice;
  slice.partition = {stage::Topic::events, partition};
  auto kept = std::make_shared<std::vector<std::shared_ptr<const Block>>>();
  std::size_t bytes = 0;
  auto full = [&] {
    return !slice.records.empty() && (slice.records.size() >= limits.records_max || bytes >= limits.bytes_max);
  };
  auto offset = static_cast<std::uint64_t>(std::max<std::int64_t>(from_offset, 0));
  while (!full()) {
    Result<std::shared_ptr<const Block>> block = block_at(partition, offset);
    if (!block) return tl::make_unexpected(block.error());
    if (!*block) break;
    BlockCursor cursor{**block};
    while (!full()) {
      std::optional<stage::Record> record = cursor.next();
      if (!record) break;
      if (static_cast<std::uint64_t>(record->offset) < offset) continue;
      bytes += record->key.size() + record->value.size();
      slice.records.push_back(*record);
    }
    if (!cursor.ok()) return tl::make_unexpected(malformed(partition, (*block)->header));
    offset = (*block)->header.end_offset();
    kept->push_back(std::move(*block));
  }
  slice.keep = std::move(kept);
  return slice;
}

Error LogTail::malformed(int partition, const BlockHeader& header) const {
  const Place place = place_of(partition, header.first_offset);
  const std::filesystem::path path = segment_path(folder_, place.segment);
  Error error{Fault::world, path.string(), "the event log is damaged: the block's records are malformed"};
  // Only its header is at hand: where it lies is looked up once more.
  auto file = File::open(path, File::Mode::read);
  if (!file) return error;
  auto found = find_block(*file, place.position, place.end, partition, header.first_offset);
  if (found && *found) error.where += fmt::format(":{}", (*found)->next - header.disk_size());
  return error;
}

Result<std::shared_ptr<const Block>> LogTail::block_at(int partition, std::uint64_t offset) const {
  const auto p = static_cast<std::size_t>(partition);
  {
    std::shared_lock lock{mutex_};
    if (offset >= active_.partitions[p].end_offset) return std::shared_ptr<const Block>{};
    const auto& ring = rings_[p];
    if (!ring.empty() && offset >= ring.front()->header.first_offset) {
      auto found = std::partition_point(ring.begin(), ring.end(),
                                        [offset](const auto& block) { return block->header.end_offset() <= offset; });
      return found == ring.end() ? std::shared_ptr<const Block>{} : *found;
    }
  }
  return block_on_disk(partition, offset);
}

LogTail::Place LogTail::place_of(int partition, std::uint64_t offset) const {
  const auto p = static_cast<std::size_t>(partition);
  std::shared_lock lock{mutex_};
  auto found = std::partition_point(sealed_.begin(), sealed_.end(),
                                    [&](const auto& index) { return index->partitions[p].end_offset <= offset; });
  const SegmentIndex& index = found == sealed_.end() ? active_ : **found;
  const SegmentIndex::Span& span = index.partitions[p];
  // Without a block here (offsets that were skipped) there is nothing to walk along.
  const std::uint64_t start = span.entries.empty() ? index.end : index.start_for(partition, offset);
  return {index.number, start, index.end, span.end_offset};
}

Result<std::shared_ptr<const Block>> LogTail::block_on_disk(int partition, std::uint64_t offset) const {
  Trail& trail = trails_[static_cast<std::size_t>(partition)];
  std::lock_guard lock{trail.mutex};
  if (trail.block && trail.block->header.first_offset <= offset && offset < trail.block->header.end_offset())
    return trail.block;
  for (;;) {
    Place place = place_of(partition, offset);
    if (trail.block && trail.block->header.end_offset() == offset && trail.segment == place.segment) {
      place.position = std::max(place.position, trail.next);
    }
    Result<File> file = File::open(segment_path(folder_, place.segment), File::Mode::read);
    if (!file && is_gone(place.segment)) continue;  // removed since it was looked up
    if (!file) return tl::make_unexpected(file.error());
    Result<std::optional<FoundBlock>> found = find_block(*file, place.position, place.end, partition, offset);
    if (!found) return tl::make_unexpected(found.error());
    if (*found) {
      trail.block = std::move((*found)->block);
      trail.segment = place.segment;
      trail.next = (*found)->next;
      return trail.block;
    }
    if (place.end_offset <= offset) return std::shared_ptr<const Block>{};  // the active segment has no more
    offset = place.end_offset;  // the segment ends with skipped offsets: on to the next one
  }
}

}  // namespace echoloop::local
