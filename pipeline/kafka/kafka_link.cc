// A worker's link on Kafka: its source, its sink, and the shards between them.
#include <algorithm>
#include <map>
#include <set>

#include "pipeline/base/crash_point.h"
#include "pipeline/base/hash.h"
#include "pipeline/kafka/changelog.h"
#include "pipeline/kafka/house_state.h"
#include "pipeline/kafka/restore.h"
#include "pipeline/kafka/sink.h"
#include "pipeline/kafka/source.h"

namespace echoloop::kafka {
namespace {

constexpr std::size_t kRecord_bytes = 400'000;  // of the changelog: well below the usual message.max.bytes
constexpr Duration kRestore_step{100};          // then the group is answered

}  // namespace

class KafkaLink : public stage::Link {
 public:
  static Result<std::unique_ptr<KafkaLink>> open(KafkaHouse::State& house, int worker) {
    std::unique_ptr<KafkaLink> out{new KafkaLink(house, worker)};
    auto sink = Sink::open(house.options, worker);
    if (!sink) return tl::make_unexpected(sink.error());
    out->sink_ = std::move(*sink);
    auto source = Source::open(house.options, worker);
    if (!source) return tl::make_unexpected(source.error());
    out->source_ = std::move(*source);
    return out;
  }

  ~KafkaLink() override { house_.set(worker_, {}); }

  Result<stage::Poll> poll(Duration timeout, const stage::PollLimits& limits) override {
    stage::Poll poll;
    // The engine has ended its epoch: what was taken may go.
    if (yielding_) {
      yielding_ = false;
      if (auto done = source_->yield(); !done) return tl::make_unexpected(done.error());
    }
    auto news = source_->poll(restore_ ? Duration{0} : timeout, limits, poll.slices);
    if (!news) return tl::make_unexpected(news.error());
    for (const stage::Slice& slice : poll.slices) behind_[slice.partition] = slice.records.back().offset + 1;
    if (news->taken) give_up(poll);
    if (news->given) {
      if (auto begun = take_over(*news->given); !begun) return tl::make_unexpected(begun.error());
    }
    if (restore_) {
      if (auto restored = restore(poll); !restored) return tl::make_unexpected(restored.error());
    }
    tell_standing();
    return poll;
  }

  // One transaction: what the epoch wrote for others, the rows that it changed, and where it had read to, with the
  // number of the epoch. Then the store, which is only a cache: what it lacks after a crash the changelog has.
  Result<void> commit(stage::Epoch epoch) override {
    ECHOLOOP_CRASH_POINT("kafka.begin");
    std::map<int, std::vector<const stage::Row*>> rows;  // by shard
    for (const stage::Row& row : epoch.rows) rows[row.shard].push_back(&row);
    for (const stage::Position& position : epoch.positions) rows[position.partition.number];
    std::map<int, std::int64_t> ends;               // offset of the last record of the changelog, by shard
    std::map<stage::Partition, std::int64_t> sent;  // and of what it wrote to other stages

    if (auto begun = sink_->begin(); !begun) return begun;
    ECHOLOOP_CRASH_POINT("kafka.after_begin");
    for (stage::Output& output : epoch.outputs) {
      const int partition = partition_of(output.key, house_.partitions);
      std::int64_t* offset = &sent[{output.topic, partition}];
      if (auto written = sink_->write(std::move(output), partition, offset); !written) return written;
    }
    ECHOLOOP_CRASH_POINT("kafka.after_outputs");
    for (const auto& [shard, changed] : rows) {
      const std::int64_t number = markers_.at(shard).epoch + 1;
      for (const std::string& record : pack_epoch(number, changed, kRecord_bytes)) {
        if (auto written = sink_->write_changelog(shard, record, &ends[shard]); !written) return written;
      }
    }
    ECHOLOOP_CRASH_POINT("kafka.after_changelog");
    std::vector<Committed> offsets;
    for (const stage::Position& position : epoch.positions)
      offsets.push_back({position, markers_.at(position.partition.number).epoch + 1});
    const GroupPtr group = source_->group();
    if (auto done = sink_->finish(offsets, group.get()); !done) return done;
    ECHOLOOP_CRASH_POINT("kafka.after_commit");

    store::Batch& batch = batch_;
    batch.clear();
    for (const auto& [shard, changed] : rows) {
      for (const stage::Row* row : changed) batch.add(*row);
      markers_[shard] = {markers_.at(shard).epoch + 1, ends.at(shard) + 1};
      put_marker(batch, shard, markers_.at(shard));
    }
    if (auto written = house_.store->write(batch); !written) return written;
    ECHOLOOP_CRASH_POINT("kafka.end");
    for (auto& [partition, offset] : sent) ++offset;
    house_.note(epoch.positions, sent);
    for (const stage::Position& position : epoch.positions) {
      read_[position.partition] = position.next_offset;
      auto behind = behind_.find(position.partition);
      if (behind != behind_.end() && position.next_offset >= behind->second) behind_.erase(behind);
    }
    tell_standing();
    house_.tell();
    return {};
  }

  const stage::View& view() const override { return *house_.store; }
  int partitions() const override { return house_.partitions; }
  void wake() override { source_->wake(); }

 private:
  KafkaLink(KafkaHouse::State& house, int worker) : house_(house), worker_(worker) {}

  void give_up(stage::Poll& poll) {
    if (restore_) {
      restore_.reset();  // the engine has not heard of these
      given_.clear();
    }
    poll.revoked.assign(held_.begin(), held_.end());
    held_.clear();
    behind_.clear();
    yielding_ = true;
  }

  Result<void> take_over(std::vector<Given> given) {
    std::map<int, std::int64_t> epochs;
    std::map<int, std::size_t> topics;
    for (const Given& one : given) {
      epochs[one.partition.number] = std::max(epochs[one.partition.number], one.epoch);
      ++topics[one.partition.number];
    }
    for (const auto& [shard, n] : topics) {
      if (n == std::size(kInputs)) continue;
      return broken_world("kafka", fmt::format("the group gave {} of the {} partitions of shard {}: it needs all", n,
                                               std::size(kInputs), shard));
    }
    auto restore = Restore::begin(house_.options, *house_.store, epochs);
    if (!restore) return tl::make_unexpected(restore.error());
    restore_ = std::move(*restore);
    given_ = std::move(given);
    return {};
  }

  Result<void> restore(stage::Poll& poll) {
    auto done = restore_->step(kRestore_step);
    if (!done) return tl::make_unexpected(done.error());
    if (!*done) return {};
    markers_ = restore_->markers();
    restore_.reset();
    for (const Given& given : given_) {
      held_.insert(given.partition);
      read_[given.partition] = std::max<std::int64_t>(given.next_offset, 0);
    }
    given_.clear();
    poll.assigned.assign(held_.begin(), held_.end());
    return source_->release();
  }

  void tell_standing() {
    KafkaHouse::State::Standing standing;
    for (const auto& partition : held_) {
      if (partition.topic != stage::Topic::events) continue;
      standing.shards.push_back(partition.number);
      standing.backlog += std::max<std::int64_t>(source_->end_of(partition) - read_.at(partition), 0);
    }
    standing.settled = !restore_ && !yielding_ && behind_.empty() && source_->at_end();
    house_.set(worker_, std::move(standing));
  }

  KafkaHouse::State& house_;
  const int worker_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<Source> source_;
  std::vector<Given> given_;  // being restored
  std::unique_ptr<Restore> restore_;
  std::set<stage::Partition> held_;
  std::map<int, Marker> markers_;                    // of the shards held
  std::map<stage::Partition, std::int64_t> read_;    // and committed
  std::map<stage::Partition, std::int64_t> behind_;  // records were handed out up to there, and are not committed
  bool yielding_ = false;
  store::Batch batch_;  // kept for its memory
};

Result<std::unique_ptr<stage::Link>> KafkaHouse::link(int worker, int) {
  auto link = KafkaLink::open(*state_, worker);
  if (!link) return tl::make_unexpected(link.error());
  return std::unique_ptr<stage::Link>{std::move(*link)};
}

}  // namespace echoloop::kafka
