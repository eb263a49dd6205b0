#include "tests/links/memory_house.h"

#include <algorithm>
#include <chrono>

#include "pipeline/base/hash.h"

namespace echoloop::memory {

using stage::Topic;

class MemoryLink : public stage::Link {
 public:
  MemoryLink(MemoryHouse& house, int worker, int workers) : house_(house) {
    for (Topic topic : {Topic::cases, Topic::deltas, Topic::events}) {
      for (int p = worker; p < house.partitions_; p += workers) {
        order_.push_back({topic, p});
        next_[order_.back()] = house.position(order_.back());
      }
    }
  }

  Result<stage::Poll> poll(Duration timeout, const stage::PollLimits& limits) override {
    if (broken_) return tl::make_unexpected(*broken_);
    stage::Poll poll;
    if (!assigned_) {
      poll.assigned = order_;
      std::sort(poll.assigned.begin(), poll.assigned.end());
      assigned_ = true;
      if (!poll.empty()) return poll;
    }
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    std::unique_lock lock{house_.mutex_};
    for (;;) {
      collect(limits, poll);
      if (!poll.empty() || std::exchange(called_, false)) return poll;
      const std::uint64_t seen = house_.changes_;
      auto stirred = [&] { return called_ || house_.changes_ != seen; };
      if (!house_.changed_.wait_until(lock, deadline, stirred)) return poll;
    }
  }

  Result<void> commit(stage::Epoch epoch) override {
    if (broken_) return tl::make_unexpected(*broken_);
    Result<void> done;
    for (const stage::Position& position : epoch.positions) {
      auto handed = next_.find(position.partition);
      if (handed == next_.end()) {
        done = bad_input("", "this link does not hold the partition");
      } else if (position.next_offset > handed->second || position.next_offset < house_.position(position.partition)) {
        done = bad_input("", "the position lies outside what was handed out");
      }
    }
    if (done) done = house_.commit(std::move(epoch));
    if (!done)
      broken_ = Error{Fault::world, "", "a commit failed and this link must be made anew: " + done.error().reason};
    return done;
  }

  const stage::View& view() const override { return house_.view_; }

  void wake() override {
    {
      std::lock_guard lock{house_.mutex_};
      called_ = true;
    }
    house_.changed_.notify_all();
  }

 private:
  void collect(stage::PollLimits left, stage::Poll& poll) {
    for (stage::Partition partition : order_) {
      if (left.records_max == 0 || left.bytes_max == 0) return;
      stage::Slice slice = house_.slice(partition, next_[partition], left);
      if (slice.records.empty()) continue;
      next_[partition] = slice.records.back().offset + 1;
      left.records_max -= std::min(left.records_max, slice.records.size());
      for (const stage::Record& record : slice.records) {
        left.bytes_max -= std::min(left.bytes_max, record.key.size() + record.value.size());
      }
      poll.slices.push_back(std::move(slice));
    }
  }

  MemoryHouse& house_;
  std::vector<stage::Partition> order_;
  std::map<stage::Partition, std::int64_t> next_;
  bool assigned_ = false;
  bool called_ = false;  // under the house's mutex
  std::optional<Error> broken_;
};

MemoryHouse::MemoryHouse(int partitions) : partitions_(partitions) {
  for (Topic topic : {Topic::events, Topic::deltas, Topic::cases, Topic::tasks}) {
    for (int p = 0; p < partitions; ++p) lines_[{topic, p}];
  }
}

std::unique_ptr<stage::Link> MemoryHouse::link(int worker, int workers) {
  return std::make_unique<MemoryLink>(*this, worker, workers);
}

void MemoryHouse::append(stage::Kind kind, std::string_view key, std::string_view value, Time at) {
  {
    std::lock_guard lock{mutex_};
    last_at_ = std::max(last_at_, at);
    push({Topic::events, partition_of(key, partitions_)}, kind, std::string{key}, std::string{value}, last_at_);
    ++changes_;
  }
  changed_.notify_all();
}

void MemoryHouse::write(const std::vector<stage::Row>& rows) {
  std::lock_guard lock{mutex_};
  apply(rows);
}

stage::Slice MemoryHouse::read_topic(Topic topic, int partition, std::int64_t from_offset,
                                     const stage::PollLimits& limits) const {
  std::lock_guard lock{mutex_};
  return slice({topic, partition}, from_offset, limits);
}

std::int64_t MemoryHouse::position(stage::Partition partition) const {
  std::lock_guard lock{mutex_};
  return lines_.at(partition).position;
}

void MemoryHouse::fail_next_commit(Error error) {
  std::lock_guard lock{mutex_};
  failure_ = std::move(error);
}

Result<void> MemoryHouse::commit(stage::Epoch epoch) {
  {
    std::lock_guard lock{mutex_};
    if (failure_) return tl::make_unexpected(*std::exchange(failure_, std::nullopt));
    apply(epoch.rows);
    for (const stage::Position& position : epoch.positions) {
      Line& line = lines_.at(position.partition);
      line.position = position.next_offset;
      if (position.partition.topic == Topic::events) continue;  // the log keeps what was read
      while (!line.records.empty() && line.records.front()->offset < position.next_offset) line.records.pop_front();
    }
    for (stage::Output& output : epoch.outputs) {
      if (is_for_outside_only(output.topic)) continue;
      const stage::Partition partition{output.topic, partition_of(output.key, partitions_)};
      push(partition, output.kind, std::move(output.key), std::move(output.value), output.at);
    }
    ++changes_;
  }
  changed_.notify_all();
  return {};
}

void MemoryHouse::push(stage::Partition partition, stage::Kind kind, std::string key, std::string value, Time at) {
  Line& line = lines_.at(partition);
  line.records.push_back(
      std::make_shared<const Stored>(Stored{kind, std::move(key), std::move(value), at, line.next_offset++}));
}

stage::Slice MemoryHouse::slice(stage::Partition partition, std::int64_t from_offset,
                                const stage::PollLimits& limits) const {
  stage::Slice out;
  out.partition = partition;
  auto kept = std::make_shared<std::vector<std::shared_ptr<const Stored>>>();
  std::size_t bytes = 0;
  const auto& records = lines_.at(partition).records;
  auto next = std::partition_point(records.begin(), records.end(),
                                   [&](const auto& stored) { return stored->offset < from_offset; });
  for (; next != records.end() && kept->size() < limits.records_max && bytes < limits.bytes_max; ++next) {
    const Stored& stored = **next;
    bytes += stored.key.size() + stored.value.size();
    out.records.push_back({stored.kind, stored.key, stored.value, stored.at, stored.offset});
    kept->push_back(*next);
  }
  out.keep = std::move(kept);
  return out;
}

void MemoryHouse::apply(const std::vector<stage::Row>& rows) {
  for (const stage::Row& row : rows) {
    if (row.value) {
      rows_.insert_or_assign({row.table, row.shard, row.key}, *row.value);
    } else {
      rows_.erase({row.table, row.shard, row.key});
    }
  }
}

Result<std::optional<std::string>> MemoryHouse::Rows::get(stage::Table table, int shard, std::string_view key) const {
  std::lock_guard lock{house_.mutex_};
  auto found = house_.rows_.find(std::make_tuple(table, shard, key));
  if (found == house_.rows_.end()) return std::optional<std::string>{};
  return std::optional{found->second};
}

Result<void> MemoryHouse::Rows::scan(stage::Table table, int shard, std::string_view from, std::string_view to,
                                     const stage::RowVisitor& visit) const {
  // A copy, so that the visitor may use the house.
  std::vector<std::pair<std::string, std::string>> rows;
  {
    std::lock_guard lock{house_.mutex_};
    for (auto row = house_.rows_.lower_bound(std::make_tuple(table, shard, from)); row != house_.rows_.end(); ++row) {
      const auto& [its_table, its_shard, key] = row->first;
      if (its_table != table || its_shard != shard || (!to.empty() && key >= to)) break;
      rows.emplace_back(key, row->second);
    }
  }
  for (const auto& [key, value] : rows) {
    if (!visit(key, value)) break;
  }
  return {};
}

}  // namespace echoloop::memory
