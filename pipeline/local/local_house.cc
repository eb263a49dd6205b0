#include <algorithm>

#include "pipeline/base/crash_point.h"
#include "pipeline/local/file.h"
#include "pipeline/local/folder_lock.h"
#include "pipeline/local/house_state.h"
#include "pipeline/local/log_files.h"

namespace echoloop::local {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLog_key = "log";

// A store and a log that never belonged together would lose events without a word.
Result<void> check_pair(const fs::path& folder, store::RocksStore& store, const EventLog& log) {
  auto known = store.get(kHouse_table, 0, kLog_key);
  if (!known) return tl::make_unexpected(known.error());
  if (!*known) {
    store::Batch batch;
    batch.put(kHouse_table, 0, kLog_key, log.identity());
    return store.write(batch);
  }
  if (**known == log.identity()) return {};
  return broken_world(folder.string(), "the event log and the store in this data folder do not belong together");
}

}  // namespace

Result<std::unique_ptr<LocalHouse>> LocalHouse::open(const fs::path& folder, const HouseOptions& options) {
  Result<File> lock = take_folder(folder);
  if (!lock) return tl::make_unexpected(lock.error());
  auto state = std::make_unique<State>(std::move(*lock), options);
  State* house = state.get();

  auto store = store::RocksStore::open(folder / "store", options.store);
  if (!store) return tl::make_unexpected(store.error());
  state->store = std::move(*store);

  LogOptions log_options = options.log;
  log_options.partitions = options.partitions;
  log_options.on_durable = [house] { house->ring_all(); };
  auto log = EventLog::open(folder / "log", log_options);
  if (!log) return tl::make_unexpected(log.error());
  state->log = std::move(*log);
  if (const Recovery& recovery = state->log->recovery(); recovery.cut_bytes > 0) {
    state->repairs.push_back(
        fmt::format("{}: cut {} bytes that were never acknowledged", recovery.cut_file, recovery.cut_bytes));
  }
  if (auto pair = check_pair(folder, *state->store, *state->log); !pair) return tl::make_unexpected(pair.error());

  const int partitions = state->log->partitions();
  state->outbox = std::make_unique<Outbox>(partitions);
  if (auto loaded = state->outbox->load(*state->store); !loaded) return tl::make_unexpected(loaded.error());
  // The log lost records that were already counted (sync never and a power cut): their effects stand, their offsets
  // must not be given again.
  for (int partition = 0; partition < partitions; ++partition) {
    const std::int64_t processed = state->outbox->position({stage::Topic::events, partition});
    const std::int64_t end = state->log->end_offset(partition);
    if (processed <= end) continue;
    state->repairs.push_back(fmt::format("events {}: offsets {} to {} are lost from the log, their effects are kept",
                                         partition, end, processed - 1));
    state->log->skip_to(partition, processed);
  }
  return std::unique_ptr<LocalHouse>{new LocalHouse(std::move(state))};
}

LocalHouse::LocalHouse(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalHouse::~LocalHouse() = default;

Result<int> LocalHouse::partitions_of(const fs::path& folder) {
  if (auto fits = check_folder(folder); !fits) return tl::make_unexpected(fits.error());
  if (!fs::exists(folder / "log")) return broken_world(folder.string(), "is no data folder of echoloop");
  Result<LogMeta> meta = open_meta(folder / "log", std::nullopt);
  if (!meta) return tl::make_unexpected(meta.error());
  return meta->partitions;
}

int LocalHouse::partitions() const { return state_->log->partitions(); }

std::int64_t LocalHouse::backlog() const {
  std::int64_t sum = 0;
  for (int partition = 0; partition < partitions(); ++partition) {
    sum += state_->log->end_offset(partition) - state_->outbox->position({stage::Topic::events, partition});
  }
  return sum;
}

bool LocalHouse::settled() const {
  // Not between the rows of a commit and what it sends on; and in this order, because a commit publishes its positions
  // and what it sent to the next stage in one step.
  std::lock_guard hold{state_->commit_mutex};
  return backlog() <= 0 && state_->outbox->queued_bytes() == 0;
}
EventLog& LocalHouse::log() { return *state_->log; }
const store::RocksStore& LocalHouse::store() const { return *state_->store; }
const std::vector<std::string>& LocalHouse::repairs() const { return state_->repairs; }

Result<stage::Slice> LocalHouse::read_topic(stage::Topic topic, int partition, std::int64_t from_offset,
                                            const stage::PollLimits& limits) const {
  if (partition < 0 || partition >= partitions()) {
    return bad_input("", fmt::format("partition {}: there are {}", partition, partitions()));
  }
  if (topic == stage::Topic::events) return state_->log->read(partition, from_offset, limits);
  return Outbox::read(*state_->store, {topic, partition}, from_offset, limits);
}

std::int64_t LocalHouse::topic_end(stage::Topic topic, int partition) const {
  return state_->outbox->end({topic, partition});
}

Result<void> LocalHouse::write(const std::vector<stage::Row>& rows) { return state_->store->write(rows); }

void LocalHouse::on_commit(std::function<void()> listener) {
  std::lock_guard lock{state_->listeners_mutex};
  state_->listeners.push_back(std::move(listener));
}

void LocalHouse::State::ring_all() {
  std::lock_guard hold{bells_mutex};
  for (Bell* bell : bells) bell->ring(false);
}

// Rows, positions and outputs are one RocksDB batch. It is not fsynced: the event log is, RocksDB's own log survives as
// a prefix, and positions travel with what they led to, so after a power cut the lost epochs are computed again from
// the events.
Result<void> LocalHouse::State::commit(stage::Epoch epoch, store::Batch& batch) {
  ECHOLOOP_CRASH_POINT("commit.begin");
  batch.clear();
  for (const stage::Row& row : epoch.rows) batch.add(row);
  bool news = !epoch.outputs.empty();
  {
    // Several workers write to one partition: the order on disk is the order handed over.
    std::lock_guard hold{commit_mutex};
    Outbox::Staged staged;
    outbox->consume(std::move(epoch.positions), batch, staged);
    outbox->send(std::move(epoch.outputs), batch, staged);
    ECHOLOOP_CRASH_POINT("commit.before_write");
    if (auto written = store->write(batch); !written) return written;
    ECHOLOOP_CRASH_POINT("commit.after_write");
    const bool was_full = outbox->queued_bytes() > options.queued_bytes_max;
    outbox->publish(std::move(staged));
    news = news || (was_full && outbox->queued_bytes() <= options.queued_bytes_max);  // events may flow again
  }
  ECHOLOOP_CRASH_POINT("commit.before_wake");
  if (news) ring_all();
  std::vector<std::function<void()>> told;
  {
    std::lock_guard hold{listeners_mutex};
    told = listeners;
  }
  for (const auto& listener : told) listener();
  remove_old_events();
  ECHOLOOP_CRASH_POINT("commit.end");
  return {};
}

// A disk in trouble shows at the next commit; a segment that stays until then harms nobody.
void LocalHouse::State::remove_old_events() {
  const auto newest = log->last_at();
  if (!options.event_retention || !newest) return;
  std::unique_lock turn{retention_mutex, std::try_to_lock};
  if (!turn) return;
  std::vector<std::int64_t> processed;
  for (int partition = 0; partition < log->partitions(); ++partition)
    processed.push_back(outbox->position({stage::Topic::events, partition}));
  const Time older_than = *newest - *options.event_retention;
  // What was processed must survive a power cut before the records that it came from are gone.
  if (log->has_old(older_than, processed) && store->sync()) (void)log->remove_old(older_than, processed);
}

}  // namespace echoloop::local
