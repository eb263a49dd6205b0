#include "pipeline/engine/worker.h"

#include <algorithm>
#include <chrono>
#include <mutex>

namespace echoloop::engine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Duration kTry_again{200};
constexpr std::chrono::seconds kQuiet{2}, kQuiet_without{120};  // longer than it takes to fail again

// What will be right again by itself: the same records are taken once more then.
bool goes_on(const Error& error) { return error.fault == Fault::no_room || error.fault == Fault::away; }

Duration left_of(Clock::time_point end) {
  auto left = std::chrono::ceil<Duration>(end - Clock::now());
  return left.count() > 0 ? left : Duration{0};
}

}  // namespace

Worker::Worker(const std::vector<stage::StageSpec>& stages, Connect connect, EpochLimits limits)
    : stages_(&stages), connect_(std::move(connect)), limits_(limits), bytes_max_(limits.read_bytes_max) {}

Result<void> Worker::connect() {
  auto link = connect_();
  if (!link) return tl::make_unexpected(link.error());
  std::lock_guard lock{link_mutex_};
  link_ = std::move(*link);
  return {};
}

void Worker::disconnect() {
  shards_.clear();
  end_.reset();
  records_ = bytes_ = 0;
  std::unique_ptr<stage::Link> ended;  // outside the lock: it may take its time, and stop() does not wait for it
  std::lock_guard lock{link_mutex_};
  ended = std::move(link_);
}

// An epoch: take records until its time is over, its bounds are reached or somebody waits; let every shard write what
// it holds; then one commit makes all of it true, rows, outputs and positions together. Whatever fails before that
// leaves no trace: the next epoch reads the same records again.
Result<bool> Worker::run_epoch(Duration wait) {
  if (!link_) {
    if (auto connected = connect(); !connected) return tl::make_unexpected(connected.error());
  }
  try {
    std::vector<stage::Partition> revoked;
    if (auto taken = take_until_full(wait); taken) {
      revoked = std::move(*taken);
    } else {
      disconnect();
      return tl::make_unexpected(taken.error());
    }
    // Whoever is in a hurry does not wait for what the others have to write. Shards share nothing but the link, and
    // each commits its position with its rows.
    const bool hurried_only = hurried() && revoked.empty() && !is_over();
    bool any = false;
    for (auto& [name, shard] : shards_) {
      shard.resume();
      any = any || shard.touched();
    }
    if (any) {
      if (auto committed = commit(hurried_only); !committed) {
        disconnect();
        return tl::make_unexpected(committed.error());
      }
    }
    if (!hurried_only) {
      end_.reset();
      records_ = bytes_ = 0;
    }
    for (const stage::Partition& partition : revoked) {
      if (const auto* spec = reader_of(partition.topic)) shards_.erase({spec, partition.number});
    }
    return any;
  } catch (const stage::BrokenWorld& broken) {
    disconnect();
    return broken_world("", broken.what());
  }
}

Result<std::vector<stage::Partition>> Worker::take_until_full(Duration wait) {
  while (!stopping_ && !is_full()) {
    stage::PollLimits limits;
    limits.records_max = limits_.records_max - records_;
    limits.bytes_max = bytes_max_ - bytes_;
    Clock::time_point until = end_.value_or(Clock::time_point{});
    if (hurried()) until = std::min(until, std::max(Clock::now(), last_hurry_ + limits_.hurry_interval));
    auto poll = link_->poll(end_ ? left_of(until) : wants_more() ? Duration{0} : wait, limits);
    if (!poll) return tl::make_unexpected(poll.error());
    take(*poll);
    if (!poll->revoked.empty()) return std::move(poll->revoked);
    if (!end_ && records_ > 0) end_ = Clock::now() + limits_.interval;
    if (end_ ? is_over() || (hurried() && Clock::now() >= last_hurry_ + limits_.hurry_interval) : poll->empty()) break;
  }
  if (hurried()) last_hurry_ = Clock::now();
  return std::vector<stage::Partition>{};
}

bool Worker::is_over() const { return stopping_ || is_full() || (end_ && Clock::now() >= *end_); }

void Worker::take(const stage::Poll& poll) {
  if (!poll.assigned.empty()) held_since_ = Clock::now();
  for (const stage::Partition& partition : poll.assigned) {
    if (const auto* spec = reader_of(partition.topic))
      shards_.try_emplace({spec, partition.number}, *spec, partition.number, link_->partitions(), link_->view());
  }
  for (const stage::Slice& slice : poll.slices) {
    auto shard = shards_.find({reader_of(slice.partition.topic), slice.partition.number});
    if (shard == shards_.end()) continue;  // nobody reads this topic here
    shard->second.process(slice);
    records_ += slice.records.size();
    for (const stage::Record& record : slice.records) bytes_ += record.key.size() + record.value.size();
  }
}

const stage::StageSpec* Worker::reader_of(stage::Topic topic) const {
  for (const stage::StageSpec& spec : *stages_) {
    if (std::find(spec.inputs.begin(), spec.inputs.end(), topic) != spec.inputs.end()) return &spec;
  }
  return nullptr;
}

bool Worker::hurried() const {
  for (const auto& [name, shard] : shards_) {
    if (shard.hurried()) return true;
  }
  return false;
}

bool Worker::wants_more() const {
  return std::any_of(shards_.begin(), shards_.end(), [](const auto& shard) { return shard.second.wants_more(); });
}

Result<void> Worker::commit(bool hurried_only) {
  stage::Epoch epoch;
  epoch.rows.reserve(rows_);
  for (auto& [name, shard] : shards_) {
    if (!hurried_only || shard.hurried()) shard.end_epoch(epoch);
  }
  rows_ = epoch.rows.size();
  if (!hurried_only) adapt(epoch);
  return link_->commit(std::move(epoch));
}

void Worker::adapt(const stage::Epoch& written) {
  if (bytes_ < limits_.read_bytes_min) return;
  std::size_t bytes = 1;
  for (const stage::Row& row : written.rows) bytes += row.key.size() + (row.value ? row.value->size() : 0);
  for (const stage::Output& output : written.outputs) bytes += output.key.size() + output.value.size();
  bytes_max_ = std::clamp(limits_.written_bytes * bytes_ / bytes, limits_.read_bytes_min, limits_.read_bytes_max);
}

Result<void> Worker::run(const OnTrouble& on_trouble) {
  bool troubled = false;
  Trouble trouble;
  while (!stopping_) {
    auto done = run_epoch(Duration{1000});
    if (!done && !goes_on(done.error())) return tl::make_unexpected(done.error());
    if (!done) {
      if (!troubled || done.error().text() != trouble.text) on_trouble(done.error());
      troubled = true;
      trouble = {done.error().fault, done.error().text(), Clock::now()};
      wait_a_little();
    } else if (troubled && (*done || has_passed(trouble))) {
      on_trouble(std::nullopt);
      troubled = false;
    }
  }
  return {};
}

// A commit proves it; without anything to commit, that what was away has given this worker its shards, and nothing
// failed since. Whoever is given none may be restoring, or there are none left.
bool Worker::has_passed(const Trouble& trouble) const {
  if (trouble.fault != Fault::away) return false;
  return shards_.empty() ? Clock::now() - trouble.last > kQuiet_without
                         : Clock::now() - std::max(trouble.last, held_since_) > kQuiet;
}

void Worker::wait_a_little() {
  std::unique_lock lock{link_mutex_};
  stopped_.wait_for(lock, kTry_again, [this] { return stopping_.load(); });
}

void Worker::stop() {
  stopping_ = true;
  std::lock_guard lock{link_mutex_};
  if (link_) link_->wake();
  stopped_.notify_all();
}

}  // namespace echoloop::engine
