#include "pipeline/local/local_link.h"

#include <algorithm>
#include <map>

#include "pipeline/local/house_state.h"

namespace echoloop::local {

void Bell::ring(bool called) {
  {
    std::lock_guard lock{mutex_};
    news_ = true;
    called_ = called_ || called;
  }
  rung_.notify_one();
}

bool Bell::wait_until(std::chrono::steady_clock::time_point moment) {
  std::unique_lock lock{mutex_};
  rung_.wait_until(lock, moment, [this] { return news_; });
  news_ = false;
  return std::exchange(called_, false);
}

class LocalLink : public stage::Link {
 public:
  LocalLink(LocalHouse::State& house, int worker, int workers) : house_(house) {
    for (int p = worker; p < house.log->partitions(); p += workers) numbers_.push_back(p);
    // Cases first, then deltas, then events: what is under way leaves before more comes in.
    for (stage::Topic topic : {stage::Topic::cases, stage::Topic::deltas, stage::Topic::events}) {
      for (int number : numbers_) next_[{topic, number}] = house.outbox->position({topic, number});
    }
    std::lock_guard lock{house_.bells_mutex};
    house_.bells.push_back(&bell_);
  }

  ~LocalLink() override {
    std::lock_guard lock{house_.bells_mutex};
    std::erase(house_.bells, &bell_);
  }

  Result<stage::Poll> poll(Duration timeout, const stage::PollLimits& limits) override {
    if (broken_) return tl::make_unexpected(*broken_);
    stage::Poll poll;
    if (!assigned_) {
      for (const auto& [partition, offset] : next_) poll.assigned.push_back(partition);
      assigned_ = true;
      if (!poll.empty()) return poll;
    }
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
      Result<void> collected = collect(limits, poll);
      if (!collected) return tl::make_unexpected(collected.error());
      if (!poll.empty() || std::chrono::steady_clock::now() >= deadline) return poll;
      if (bell_.wait_until(deadline)) return poll;
    }
  }

  Result<void> commit(stage::Epoch epoch) override {
    if (broken_) return tl::make_unexpected(*broken_);
    Result<void> done = check(epoch);
    if (done) done = house_.commit(std::move(epoch), batch_);
    if (!done) {
      broken_ = Error{done.error().fault, done.error().where,
                      "a commit failed and this link must be made anew: " + done.error().reason};
    }
    return done;
  }

  const stage::View& view() const override { return *house_.store; }
  void wake() override { bell_.ring(true); }

 private:
  Result<void> collect(stage::PollLimits left, stage::Poll& poll) {
    if (numbers_.empty()) return {};
    first_ = (first_ + 1) % numbers_.size();  // nobody is always last
    for (stage::Topic topic : {stage::Topic::cases, stage::Topic::deltas, stage::Topic::events}) {
      if (topic == stage::Topic::events && house_.outbox->queued_bytes() > house_.options.queued_bytes_max) break;
      if (topic == stage::Topic::deltas) {
        if (deltas_can_wait()) continue;
        deltas_handed_ = std::chrono::steady_clock::now();
      }
      for (std::size_t i = 0; i < numbers_.size(); ++i) {
        if (left.records_max == 0 || left.bytes_max == 0) return {};
        const stage::Partition partition{topic, numbers_[(first_ + i) % numbers_.size()]};
        std::int64_t& next = next_[partition];
        stage::Slice slice;
        if (topic == stage::Topic::events) {
          Result<stage::Slice> read = house_.log->read(partition.number, next, left);
          if (!read) return tl::make_unexpected(read.error());
          slice = std::move(*read);
          left.records_max -= std::min(left.records_max, slice.records.size());
          for (const stage::Record& record : slice.records) {
            left.bytes_max -= std::min(left.bytes_max, record.key.size() + record.value.size());
          }
        } else {
          house_.outbox->collect(partition, next, left, slice);
        }
        if (slice.records.empty()) continue;
        next = slice.records.back().offset + 1;
        poll.slices.push_back(std::move(slice));
      }
    }
    return {};
  }

  // While events come faster than they are taken, deltas gather, so that a row of the cube that many epochs add to is
  // merged and written fewer times; but numbers and rules do not wait for ever.
  bool deltas_can_wait() const {
    if (std::chrono::steady_clock::now() - deltas_handed_ >= house_.options.deltas_wait) return false;
    if (house_.outbox->queued_bytes() >= house_.options.queued_bytes_max / kBulk_share) return false;
    return std::any_of(numbers_.begin(), numbers_.end(), [this](int number) {
      return house_.log->end_offset(number) > next_.at({stage::Topic::events, number});
    });
  }

  // An epoch may only say what this link can have led to.
  Result<void> check(const stage::Epoch& epoch) const {
    for (const stage::Position& position : epoch.positions) {
      const std::string name =
          fmt::format("{} {}", stage::name_of(position.partition.topic), position.partition.number);
      auto handed = next_.find(position.partition);
      if (handed == next_.end()) return bad_input(name, "this link does not hold the partition");
      if (position.next_offset > handed->second || position.next_offset < house_.outbox->position(position.partition)) {
        return bad_input(name, fmt::format("position {} lies outside what was handed out", position.next_offset));
      }
    }
    for (const stage::Output& output : epoch.outputs) {
      if (output.topic == stage::Topic::events) return bad_input("events", "a stage does not write to this topic");
    }
    for (const stage::Row& row : epoch.rows) {
      if (row.shard < 0 || row.shard >= house_.log->partitions())
        return bad_input("", fmt::format("shard {} does not exist", row.shard));
    }
    return {};
  }

  static constexpr std::size_t kBulk_share = 4;  // of what may be queued

  LocalHouse::State& house_;
  Bell bell_;
  std::vector<int> numbers_;
  std::map<stage::Partition, std::int64_t> next_;  // to hand out
  std::size_t first_ = 0;
  bool assigned_ = false;
  std::chrono::steady_clock::time_point deltas_handed_ = std::chrono::steady_clock::now();  // or looked for
  store::Batch batch_;  // kept for its memory: tens of megabytes a commit
  std::optional<Error> broken_;
};

std::unique_ptr<stage::Link> LocalHouse::link(int worker, int workers) {
  return std::make_unique<LocalLink>(*state_, worker, workers);
}

}  // namespace echoloop::local
