#include "tests/kafka/memory_cluster.h"

#include <algorithm>

#include "pipeline/kafka/client.h"
#include "pipeline/kafka/topics.h"

namespace echoloop::kafka_tests {

using kafka::Brokers;
using stage::Partition;

class MemoryChangelog final : public kafka::ChangelogReader {
 public:
  MemoryChangelog(MemoryCluster& cluster, std::shared_ptr<Line> line) : cluster_(cluster), line_(std::move(line)) {}

  Result<Ends> ends(int shard) override {
    if (auto passed = line_->pass("changelog ends", false); !passed) return tl::make_unexpected(passed.error());
    const auto& log = cluster_.logs_[{MemoryCluster::kChangelog, shard}];
    return Ends{log.low, cluster_.stable_end(log)};
  }
  Result<bool> holds_records(int shard) override {
    if (auto passed = line_->pass("changelog look", false); !passed) return tl::make_unexpected(passed.error());
    return !cluster_.visible({MemoryCluster::kChangelog, shard}, 0).empty();
  }
  Result<void> begin(const std::map<int, std::int64_t>& offsets) override {
    next_ = offsets;
    return line_->pass("changelog begin", true);
  }
  Result<void> read(Duration, const Visit& visit) override {
    if (auto passed = line_->pass("changelog read", false); !passed) return passed;
    for (auto& [shard, next] : next_) {
      const Partition partition{MemoryCluster::kChangelog, shard};
      if (next < cluster_.logs_[partition].low) return kafka::away("reading the changelog", "offset out of range");
      const auto there = cluster_.visible(partition, next);
      const std::size_t n = cluster_.some(there.size());
      for (std::size_t i = 0; i < n; ++i) {
        next = there[i]->offset + 1;
        if (auto visited = visit(shard, there[i]->offset, there[i]->value); !visited) return visited;
      }
    }
    return {};
  }

 private:
  MemoryCluster& cluster_;
  std::shared_ptr<Line> line_;
  std::map<int, std::int64_t> next_;
};

class MemoryBrokers final : public Brokers {
 public:
  MemoryBrokers(MemoryCluster& cluster, std::string worker, std::shared_ptr<Line> line)
      : cluster_(cluster), worker_(std::move(worker)), line_(std::move(line)), me_(++cluster.connections_) {
    MemoryCluster::Producer& producer = cluster_.producers_[worker_];
    cluster_.end(producer, false);
    epoch_ = ++producer.epoch;
    cluster_.join(worker_, me_);
  }
  ~MemoryBrokers() override {
    if (line_->cut) return;
    MemoryCluster::Producer& producer = cluster_.producers_[worker_];
    if (producer.epoch == epoch_) cluster_.end(producer, false);
  }

  Result<News> poll(Duration, const stage::PollLimits& limits, std::vector<stage::Slice>& slices) override {
    if (auto passed = line_->pass("poll", false); !passed) return tl::make_unexpected(passed.error());
    News news;
    auto member = cluster_.members_.find(worker_);
    if (member != cluster_.members_.end() && member->second.connection != me_) return kafka::away("reading", "fenced");
    if (member == cluster_.members_.end() || (cluster_.preparing_ && !member->second.joined)) {
      news.taken = holding_;
      if (!holding_) cluster_.join(worker_, me_);
    } else if (!cluster_.preparing_ && generation_ != cluster_.generation_) {
      news.given = take_over(member->second);
    } else if (released_) {
      hand_out(limits, slices);
    }
    if (auto passed = line_->pass("poll", true); !passed) return tl::make_unexpected(passed.error());
    return news;
  }

  Result<void> release() override {
    released_ = true;
    return line_->pass("release", true);
  }

  Result<void> yield() override {
    if (auto passed = line_->pass("yield", false); !passed) return passed;
    next_.clear();
    holding_ = released_ = false;
    generation_ = 0;
    cluster_.join(worker_, me_);
    return line_->pass("yield", true);
  }

  bool at_end() const override {
    return holding_ && std::all_of(next_.begin(), next_.end(), [this](const auto& entry) {
             return cluster_.visible(entry.first, entry.second).empty();
           });
  }
  std::int64_t end_of(Partition partition) const override { return cluster_.logs_[partition].next; }
  void wake() override {}

  Result<void> begin() override {
    if (auto passed = line_->pass("begin", false); !passed) return passed;
    sent_.clear();
    offsets_.clear();
    if (auto able = can_write(); !able) return able;
    cluster_.producers_[worker_].open.emplace();
    return line_->pass("begin", true);
  }

  Result<Offset> write(stage::Output output, int partition) override {
    return send({output.topic, partition}, {0, output.kind, std::move(output.key), std::move(output.value), output.at});
  }
  Result<Offset> write_changelog(int shard, std::string_view record) override {
    return send({MemoryCluster::kChangelog, shard}, {0, {}, {}, std::string(record), {}});
  }

  Result<void> finish(std::span<const kafka::Committed> offsets) override {
    if (auto passed = line_->pass("finish", false); !passed) return passed;
    if (auto able = can_write(); !able) return able;
    MemoryCluster::Producer& producer = cluster_.producers_[worker_];
    if (!producer.open) return kafka::away("committing", "no transaction is open");
    if (!offsets.empty()) {
      if (!is_member()) return kafka::away("committing offsets", "not of this generation of the group");
      producer.open->offsets.assign(offsets.begin(), offsets.end());
    }
    if (auto passed = line_->pass("offsets", true); !passed) return passed;
    if (auto able = can_write(); !able) return able;
    cluster_.end(producer, true);
    for (std::size_t i = 0; i < sent_.size(); ++i) offsets_[i] = sent_[i]->offset;
    return line_->pass("finish", true);
  }

  Result<std::unique_ptr<kafka::ChangelogReader>> read_changelog() override {
    return std::make_unique<MemoryChangelog>(cluster_, line_);
  }

  void trim(int shard, std::int64_t before) override {
    if (!line_->pass("trim", false)) return;
    auto& log = cluster_.logs_[{MemoryCluster::kChangelog, shard}];
    log.low = std::max(log.low, std::min(before, log.next));
    while (!log.entries.empty() && log.entries.front()->offset < log.low) log.entries.pop_front();
    (void)line_->pass("trim", true);
  }

 private:
  // Whether the broker counts this worker as a member of the generation that it believes to be in. A rebalance that is
  // being prepared has not ended it yet.
  bool is_member() const {
    auto member = cluster_.members_.find(worker_);
    return member != cluster_.members_.end() && member->second.connection == me_ && holding_ &&
           generation_ == cluster_.generation_;
  }

  Result<void> can_write() const {
    if (cluster_.producers_[worker_].epoch != epoch_) return kafka::away("writing", "fenced");
    return {};
  }

  // Nothing as long as somebody's transaction may still change the offsets.
  std::optional<std::vector<kafka::Given>> take_over(const MemoryCluster::Member& member) {
    std::vector<kafka::Given> out;
    for (int shard : member.shards) {
      for (stage::Topic topic : kafka::kInputs) {
        const Partition partition{topic, shard};
        if (cluster_.pending(partition)) return std::nullopt;
        kafka::Given given{partition, -1, 0, 0};
        if (auto found = cluster_.offsets_.find(partition); found != cluster_.offsets_.end())
          given = {partition, found->second.position.next_offset, found->second.epoch, found->second.partitions};
        out.push_back(given);
      }
    }
    next_.clear();
    for (const kafka::Given& given : out) next_[given.partition] = std::max<std::int64_t>(given.next_offset, 0);
    holding_ = true;
    released_ = false;
    generation_ = cluster_.generation_;
    return out;
  }

  void hand_out(const stage::PollLimits& limits, std::vector<stage::Slice>& slices) {
    std::size_t left = limits.records_max;
    for (auto& [partition, next] : next_) {
      auto there = cluster_.visible(partition, next);
      there.resize(std::min(left, cluster_.some(there.size())));
      if (there.empty()) continue;
      left -= there.size();
      stage::Slice slice;
      slice.partition = partition;
      for (const auto& entry : there)
        slice.records.push_back({entry->kind, entry->key, entry->value, entry->at, entry->offset,
                                 partition.topic == stage::Topic::misplaced});
      next = there.back()->offset + 1;
      slice.keep = std::make_shared<std::vector<std::shared_ptr<const MemoryCluster::Entry>>>(std::move(there));
      slices.push_back(std::move(slice));
    }
  }

  Result<Offset> send(Partition partition, MemoryCluster::Entry entry) {
    if (auto passed = line_->pass("write", false); !passed) return tl::make_unexpected(passed.error());
    if (auto able = can_write(); !able) return tl::make_unexpected(able.error());
    auto& open = cluster_.producers_[worker_].open;
    if (!open) return kafka::away("writing", "no transaction is open");
    entry.state = MemoryCluster::State::open;
    auto pushed = cluster_.push(partition, std::move(entry));
    open->entries.push_back(pushed);
    open->partitions.insert(partition);
    sent_.push_back(std::move(pushed));
    offsets_.push_back(-1);
    if (auto passed = line_->pass("write", true); !passed) return tl::make_unexpected(passed.error());
    return &offsets_.back();
  }

  MemoryCluster& cluster_;
  const std::string worker_;
  const std::shared_ptr<Line> line_;
  const std::uint64_t me_;
  int epoch_ = 0;                 // of the producer
  std::uint64_t generation_ = 0;  // of the group, as this worker knows it
  bool holding_ = false, released_ = false;
  std::map<Partition, std::int64_t> next_;
  std::vector<std::shared_ptr<MemoryCluster::Entry>> sent_;  // in this transaction
  std::deque<std::int64_t> offsets_;
};

Result<std::unique_ptr<Brokers>> MemoryCluster::connect(const std::string& worker, std::shared_ptr<Line> line) {
  if (auto passed = line->pass("connect", false); !passed) return tl::make_unexpected(passed.error());
  auto out = std::make_unique<MemoryBrokers>(*this, worker, line);
  if (auto passed = line->pass("connect", true); !passed) return tl::make_unexpected(passed.error());
  return out;
}

std::shared_ptr<MemoryCluster::Entry> MemoryCluster::push(Partition partition, Entry entry) {
  Log& log = logs_[partition];
  entry.offset = log.next++;
  return log.entries.emplace_back(std::make_shared<Entry>(std::move(entry)));
}

void MemoryCluster::delete_changelog() {
  for (int partition = 0; partition < partitions_; ++partition) logs_.erase({kChangelog, partition});
}

void MemoryCluster::delete_input(stage::Topic topic) {
  for (int partition = 0; partition < partitions_; ++partition) {
    logs_.erase({topic, partition});
    offsets_.erase({topic, partition});
  }
}

void MemoryCluster::append(stage::Topic topic, int partition, stage::Kind kind, std::string key, std::string value,
                           Time at) {
  push({topic, partition}, {0, kind, std::move(key), std::move(value), at});
}

std::int64_t MemoryCluster::stable_end(const Log& log) const {
  for (const auto& entry : log.entries) {
    if (entry->state == State::open) return entry->offset;
  }
  return log.next;
}

std::vector<std::shared_ptr<const MemoryCluster::Entry>> MemoryCluster::visible(Partition partition,
                                                                                std::int64_t from) const {
  std::vector<std::shared_ptr<const Entry>> out;
  auto found = logs_.find(partition);
  if (found == logs_.end()) return out;
  const Log& log = found->second;
  const std::int64_t end = stable_end(log);
  for (auto at = static_cast<std::size_t>(std::max<std::int64_t>(from - (log.next - std::ssize(log.entries)), 0));
       at < log.entries.size() && log.entries[at]->offset < end; ++at) {
    if (log.entries[at]->state == State::committed) out.push_back(log.entries[at]);
  }
  return out;
}

void MemoryCluster::end(Producer& producer, bool commit) {
  if (!producer.open) return;
  Transaction done = std::move(*producer.open);
  producer.open.reset();
  for (const auto& entry : done.entries) entry->state = commit ? State::committed : State::aborted;
  for (Partition partition : done.partitions) push(partition, {0, {}, {}, {}, {}, State::control});
  if (!commit) return;
  for (const kafka::Committed& committed : done.offsets) offsets_[committed.position.partition] = committed;
}

void MemoryCluster::transaction_over(const std::string& worker) {
  Producer& producer = producers_[worker];
  if (!producer.open) return;
  end(producer, false);
  ++producer.epoch;
}

void MemoryCluster::leave_pending(const std::string& name, const kafka::Committed& offset, std::string value) {
  Transaction& open = producers_[name].open.emplace();
  open.offsets.push_back(offset);
  const Partition partition = offset.position.partition;
  open.entries.push_back(push(partition, {0, stage::Kind::delta, {}, std::move(value), {}, State::open}));
  open.partitions.insert(partition);
}

// A static member that comes back is the member that it was: nothing moves.
void MemoryCluster::join(const std::string& worker, std::uint64_t connection) {
  auto [member, fresh] = members_.try_emplace(worker);
  member->second.connection = connection;
  member->second.joined = true;
  if (fresh) return rebalance();
  if (preparing_) rebalanced();
}

void MemoryCluster::rebalance() {
  preparing_ = true;
  for (auto& [worker, member] : members_) member.joined = member.shards.empty();
  rebalanced();
}

void MemoryCluster::rebalanced() {
  if (!std::all_of(members_.begin(), members_.end(), [](const auto& member) { return member.second.joined; })) return;
  preparing_ = false;
  ++generation_;
  // As Kafka's range assignor deals them: the first members by name get one more.
  const int n = static_cast<int>(members_.size());
  int shard = 0, number = 0;
  for (auto& [worker, member] : members_) {
    member.shards.clear();
    for (int left = partitions_ / n + (number < partitions_ % n ? 1 : 0); left > 0; --left)
      member.shards.push_back(shard++);
    ++number;
  }
}

void MemoryCluster::session_over(const std::string& worker) {
  if (members_.erase(worker) > 0 && !members_.empty()) rebalance();
}

bool MemoryCluster::pending(Partition partition) const {
  return std::any_of(producers_.begin(), producers_.end(), [&](const auto& entry) {
    const auto& open = entry.second.open;
    return open && std::any_of(open->offsets.begin(), open->offsets.end(),
                               [&](const auto& offset) { return offset.position.partition == partition; });
  });
}

std::vector<MemoryCluster::Seen> MemoryCluster::read(stage::Topic topic, int partition) const {
  std::vector<Seen> out;
  for (const auto& entry : visible({topic, partition}, 0))
    out.push_back({entry->offset, entry->kind, entry->key, entry->value});
  return out;
}

std::int64_t MemoryCluster::committed(Partition partition) const {
  auto found = offsets_.find(partition);
  return found == offsets_.end() ? 0 : found->second.position.next_offset;
}

std::map<int, std::int64_t> MemoryCluster::epochs() const {
  std::map<int, std::int64_t> out;
  for (const auto& [partition, committed] : offsets_)
    out[partition.number] = std::max(out[partition.number], committed.epoch);
  return out;
}

std::unique_ptr<kafka::ChangelogReader> MemoryCluster::changelog() {
  return std::make_unique<MemoryChangelog>(*this, std::make_shared<Line>());
}

}  // namespace echoloop::kafka_tests
