// A worker's link on Kafka: the protocol by which shards move and epochs become true.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <set>

#include "pipeline/base/crash_point.h"
#include "pipeline/base/hash.h"
#include "pipeline/kafka/changelog.h"
#include "pipeline/kafka/given.h"
#include "pipeline/kafka/house_state.h"
#include "pipeline/kafka/restore.h"
#include "pipeline/kafka/rolling.h"

namespace echoloop::kafka {
namespace {

// Of an epoch's changes is written of other rows beside them: the changelog holds two turns at most, and a turn takes
// as many changes as twice the state.
constexpr std::size_t kSlice_share = 2;
constexpr Duration kRestore_step{100};  // then the group is answered

}  // namespace

class KafkaLink : public stage::Link {
 public:
  KafkaLink(KafkaHouse::State& house, int worker, std::unique_ptr<Brokers> brokers)
      : house_(house), worker_(worker), brokers_(std::move(brokers)) {}
  ~KafkaLink() override {
    house_.set(worker_, {});
    if (house_.standby) house_.standby->join(worker_);
  }

  Result<stage::Poll> poll(Duration timeout, const stage::PollLimits& limits) override {
    stage::Poll poll;
    if (house_.gives_way)
      return broken_world("kafka", "another process runs as this member: its data folder is a copy of this one's");
    // The engine has ended its epoch: what was taken may go.
    if (yielding_) {
      yielding_ = false;
      if (house_.standby) house_.standby->join(worker_);
      if (auto done = brokers_->yield(); !done) return tl::make_unexpected(done.error());
    }
    auto news = brokers_->poll(restore_ ? Duration{0} : timeout, limits, poll.slices);
    if (!news) return tl::make_unexpected(news.error());
    for (const stage::Slice& slice : poll.slices) {
      if (auto follows = follow(slice); !follows) return tl::make_unexpected(follows.error());
    }
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

  // One transaction: what the epoch wrote for others, the rows that it changed, a slice of those that it did not, and
  // where it had read to, with the number of the epoch. Then the store, which is only a cache: what it lacks after a
  // crash the changelog has.
  Result<void> commit(stage::Epoch epoch) override {
    ECHOLOOP_CRASH_POINT("kafka.begin");
    auto changes = changes_of(epoch);
    if (!changes) return tl::make_unexpected(changes.error());
    std::map<stage::Partition, Brokers::Offset> sent;  // of the last record that it wrote to other stages

    if (auto begun = brokers_->begin(); !begun) return begun;
    ECHOLOOP_CRASH_POINT("kafka.after_begin");
    for (stage::Output& output : epoch.outputs) {
      const int partition = partition_of(output.key, house_.partitions);
      const stage::Topic topic = output.topic;
      auto written = brokers_->write(std::move(output), partition);
      if (!written) return tl::make_unexpected(written.error());
      sent[{topic, partition}] = *written;
    }
    ECHOLOOP_CRASH_POINT("kafka.after_outputs");
    for (auto& [shard, change] : *changes) {
      for (const std::string& record : pack_epoch(change.epoch, change.written(), house_.options.record_bytes)) {
        auto written = brokers_->write_changelog(shard, record);
        if (!written) return tl::make_unexpected(written.error());
        change.offset = *written;
      }
    }
    ECHOLOOP_CRASH_POINT("kafka.after_changelog");
    const std::vector<Committed> offsets = offsets_of(epoch, *changes);
    if (auto done = brokers_->finish(offsets); !done) return done;
    ECHOLOOP_CRASH_POINT("kafka.after_commit");

    look_for_deleted(*changes);
    batch_.clear();
    for (const auto& [shard, change] : *changes) {
      for (const stage::Row* row : change.rows) batch_.add(*row);
      batch_.add(change.slice.rows.back());  // where the turn stands
      markers_[shard] = {change.epoch, *change.offset + 1};
      put_marker(batch_, shard, markers_.at(shard));
    }
    if (auto written = house_.store->write(batch_); !written) return written;
    for (const auto& [shard, change] : *changes) {
      if (change.slice.forgotten) brokers_->trim(shard, *change.slice.forgotten);
    }
    ECHOLOOP_CRASH_POINT("kafka.end");
    became_true(epoch.positions, sent);
    return {};
  }

  const stage::View& view() const override { return *house_.store; }
  int partitions() const override { return house_.partitions; }
  void wake() override { brokers_->wake(); }

 private:
  // What an epoch does to one shard.
  struct Change {
    std::int64_t epoch = 0;
    std::vector<const stage::Row*> rows;
    Slice slice;
    Brokers::Offset offset = nullptr;  // of its last record in the changelog

    std::vector<const stage::Row*> written() const {
      std::vector<const stage::Row*> out;
      for (const stage::Row& row : slice.rows) out.push_back(&row);
      out.insert(out.end(), rows.begin(), rows.end());
      return out;
    }
  };

  Result<std::map<int, Change>> changes_of(const stage::Epoch& epoch) const {
    std::map<int, Change> out;
    for (const stage::Position& position : epoch.positions) out[position.partition.number];
    for (const stage::Row& row : epoch.rows) out[row.shard].rows.push_back(&row);
    for (auto& [shard, change] : out) {
      std::size_t bytes = 0;
      for (const stage::Row* row : change.rows) bytes += row->key.size() + (row->value ? row->value->size() : 0);
      const Marker& marker = markers_.at(shard);
      auto slice = next_slice(*house_.store, shard, std::max(bytes / kSlice_share, house_.options.slice_bytes_min),
                              marker.next_offset);
      if (!slice) return tl::make_unexpected(slice.error());
      change.slice = std::move(*slice);
      change.epoch = marker.epoch + 1;
    }
    return out;
  }

  // Of all inputs of the shards, also of those that nothing was read of: one that lacks its offset later is another
  // topic of that name.
  std::vector<Committed> offsets_of(const stage::Epoch& epoch, const std::map<int, Change>& changes) const {
    std::map<stage::Partition, std::int64_t> moved;
    for (const stage::Position& position : epoch.positions) moved[position.partition] = position.next_offset;
    std::vector<Committed> out;
    for (const auto& [shard, change] : changes) {
      for (stage::Topic topic : kInputs) {
        const stage::Partition partition{topic, shard};
        const auto found = moved.find(partition);
        out.push_back(
            {{partition, found == moved.end() ? read_.at(partition) : found->second}, change.epoch, house_.partitions});
      }
    }
    return out;
  }

  // A changelog whose end lies before what was written once is another one: somebody deleted the topic. The store has
  // all rows, and writes them all again; until then nobody may believe what is there.
  void look_for_deleted(std::map<int, Change>& changes) const {
    for (auto& [shard, change] : changes) {
      if (*change.offset >= markers_.at(shard).next_offset) continue;
      spdlog::warn("changelog {}: the topic was deleted and made anew; all rows are written into it again", shard);
      Turn turn;
      turn.whole_from = Turn::kNever;
      change.slice.rows.back() = row_of_turn(shard, turn);
      change.slice.forgotten.reset();
    }
  }

  void became_true(const std::vector<stage::Position>& positions,
                   const std::map<stage::Partition, Brokers::Offset>& sent) {
    house_.note(positions, sent);
    for (const stage::Position& position : positions) {
      read_[position.partition] = position.next_offset;
      auto behind = behind_.find(position.partition);
      if (behind != behind_.end() && position.next_offset >= behind->second) behind_.erase(behind);
    }
    tell_standing();
    house_.tell();
  }

  Result<void> follow(const stage::Slice& slice) {
    auto [end, fresh] = behind_.try_emplace(slice.partition, read_.at(slice.partition));
    for (const stage::Record& record : slice.records) {
      if (record.offset < end->second) {
        if (auto able = go_on_from_begin(slice.partition, house_.options); !able) return able;
      }
      end->second = record.offset + 1;
    }
    return {};
  }

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
    auto epochs = epochs_of(given, house_.partitions);
    if (!epochs) return tl::make_unexpected(epochs.error());
    for (const stage::Partition& partition : made_anew(given)) {
      if (auto able = go_on_from_begin(partition, house_.options); !able) return able;
    }
    std::vector<int> shards;
    for (const auto& [shard, epoch] : *epochs) shards.push_back(shard);
    if (house_.standby) house_.standby->leave(worker_, shards);
    auto restore = Restore::begin(*brokers_, *house_.store, *epochs);
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
    return brokers_->release();
  }

  void tell_standing() {
    KafkaHouse::State::Standing standing;
    for (const auto& partition : held_) {
      if (partition.topic != stage::Topic::events) continue;
      standing.shards.push_back(partition.number);
      standing.backlog += std::max<std::int64_t>(brokers_->end_of(partition) - read_.at(partition), 0);
    }
    standing.settled = !restore_ && !yielding_ && behind_.empty() && brokers_->at_end();
    house_.set(worker_, std::move(standing));
  }

  KafkaHouse::State& house_;
  const int worker_;
  std::unique_ptr<Brokers> brokers_;
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
  auto brokers = state_->connect(worker);
  if (!brokers) return tl::make_unexpected(brokers.error());
  return std::make_unique<KafkaLink>(*state_, worker, std::move(*brokers));
}

}  // namespace echoloop::kafka
