#include "pipeline/local/event_log.h"

#include <algorithm>
#include <cassert>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "pipeline/base/crash_point.h"
#include "pipeline/base/hash.h"
#include "pipeline/local/log_files.h"
#include "pipeline/local/log_tail.h"

namespace echoloop::local {
namespace {

constexpr std::size_t kRecord_overhead_bytes = 16;  // what a record takes in memory beside key and value

}  // namespace

// What one fsync will cover. Fields are guarded by State::mutex until the writer takes the group, then the writer's;
// the outcome is read under the mutex once `done`.
struct EventLog::Group {
  explicit Group(int partitions) : packed(static_cast<std::size_t>(partitions)) {}
  std::vector<std::deque<Packed>> packed;
  std::size_t bytes = 0;
  bool done = false;
  std::uint64_t number = 0;
  std::optional<Error> error;
};

struct EventLog::State {
  State(std::filesystem::path where, const LogOptions& opts, LogMeta about, Segments segments, SegmentWriter first)
      : folder(std::move(where)),
        options(opts),
        meta(std::move(about)),
        recovery(segments.recovery),
        last_at(segments.active.last_at),
        pending(std::make_shared<Group>(meta.partitions)),
        tail(folder, options.ring_bytes, std::move(segments.sealed), std::move(segments.active)),
        writer(std::move(first)) {}

  const std::filesystem::path folder;
  const LogOptions options;
  const LogMeta meta;
  const Recovery recovery;

  std::mutex mutex;
  std::condition_variable work, done;
  std::int64_t last_at;  // ms
  std::size_t in_flight = 0;
  bool stopping = false;
  std::shared_ptr<Group> pending;

  LogTail tail;  // what is durable, for the readers; has its own lock

  // The writer's thread only:
  SegmentWriter writer;
  std::optional<Error> broken;
  std::thread thread;

  void run();
  Result<std::uint64_t> write(Group& group);
  Result<void> begin_next_segment();
};

Result<std::unique_ptr<EventLog>> EventLog::open(const std::filesystem::path& folder, const LogOptions& options) {
  std::error_code fault;
  std::filesystem::create_directories(folder, fault);
  if (fault) return broken_world(folder.string(), "the folder cannot be made: " + fault.message());
  Result<LogMeta> meta = open_meta(folder, options.partitions);
  if (!meta) return tl::make_unexpected(meta.error());
  Result<Segments> segments = open_segments(folder, meta->partitions, options.sync);
  if (!segments) return tl::make_unexpected(segments.error());
  Result<SegmentWriter> writer = SegmentWriter::resume(folder, segments->active);
  if (!writer) return tl::make_unexpected(writer.error());
  auto state = std::make_unique<State>(folder, options, std::move(*meta), std::move(*segments), std::move(*writer));
  return std::unique_ptr<EventLog>{new EventLog(std::move(state))};
}

EventLog::EventLog(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->thread = std::thread([this] { state_->run(); });
}

EventLog::~EventLog() {
  {
    std::lock_guard lock{state_->mutex};
    state_->stopping = true;
  }
  state_->work.notify_all();
  state_->thread.join();
  if (state_->options.sync == Sync::never) (void)state_->writer.sync();
}

int EventLog::partitions() const { return state_->meta.partitions; }
const std::string& EventLog::identity() const { return state_->meta.identity; }
const Recovery& EventLog::recovery() const { return state_->recovery; }
std::int64_t EventLog::end_offset(int partition) const { return state_->tail.end_offset(partition); }
std::uint64_t EventLog::disk_bytes() const { return state_->tail.disk_bytes(); }
std::optional<Time> EventLog::last_at() const {
  const std::int64_t ms = state_->tail.last_at_ms();
  return ms == SegmentIndex{}.last_at ? std::nullopt : std::optional{from_ms(ms)};
}

bool EventLog::has_old(Time older_than, const std::vector<std::int64_t>& ends) const {
  return state_->tail.oldest(to_ms(older_than), ends) != nullptr;
}

Result<void> EventLog::remove_old(Time older_than, const std::vector<std::int64_t>& ends) {
  const auto last = state_->tail.oldest(to_ms(older_than), ends);
  if (!last) return {};
  if (Result<void> saved = save_first(state_->folder, *last); !saved) return saved;
  for (std::uint64_t number : state_->tail.forget(last->number)) remove_segment(state_->folder, number);
  return {};
}

void EventLog::skip_to(int partition, std::int64_t offset) { state_->tail.skip_to(partition, offset); }

Result<std::uint64_t> EventLog::append(std::span<const Append> records) {
  Result<Ticket> ticket = append_async(records);
  if (!ticket) return tl::make_unexpected(ticket.error());
  return wait(*ticket);
}

Result<EventLog::Ticket> EventLog::append_async(std::span<const Append> records) {
  std::vector<int> partitions(records.size());
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::size_t size = records[i].key.size() + records[i].value.size();
    if (size > kRecord_bytes_max) {
      return bad_input(fmt::format("record {}", i + 1),
                       fmt::format("{} bytes: a record has at most {}", size, kRecord_bytes_max));
    }
    bytes += size + kRecord_overhead_bytes;
    partitions[i] = partition_of(records[i].key, state_->meta.partitions);
  }

  Ticket ticket;
  {
    std::unique_lock lock{state_->mutex};
    // One call larger than the bound passes when nothing else is on its way.
    state_->done.wait(
        lock, [&] { return state_->in_flight == 0 || state_->in_flight + bytes <= state_->options.in_flight_bytes; });
    Group& group = *state_->pending;
    for (std::size_t i = 0; i < records.size(); ++i) {
      std::deque<Packed>& blocks = group.packed[static_cast<std::size_t>(partitions[i])];
      if (blocks.empty()) {
        blocks.emplace_back();
      } else if (blocks.back().raw.size() >= kBlock_raw_bytes) {
        blocks.emplace_back().raw.reserve(kBlock_raw_bytes + kBlock_raw_bytes / 16);  // in bulk: the next fills up too
      }
      state_->last_at = std::max(state_->last_at, to_ms(records[i].at));
      blocks.back().add(records[i].kind, records[i].key, records[i].value, state_->last_at);
    }
    group.bytes += bytes;
    state_->in_flight += bytes;
    ticket.group_ = state_->pending;
  }
  state_->work.notify_one();
  return ticket;
}

Result<std::uint64_t> EventLog::wait(const Ticket& ticket) {
  std::unique_lock lock{state_->mutex};
  // A group without records is not taken by the writer: it has nothing to wait for.
  auto empty = [&] {
    return std::all_of(ticket.group_->packed.begin(), ticket.group_->packed.end(), [](auto& p) { return p.empty(); });
  };
  if (ticket.group_ == state_->pending && empty()) return ticket.group_->number;
  state_->done.wait(lock, [&] { return ticket.group_->done; });
  if (ticket.group_->error) return tl::make_unexpected(*ticket.group_->error);
  return ticket.group_->number;
}

Result<stage::Slice> EventLog::read(int partition, std::int64_t from_offset, const stage::PollLimits& limits) const {
  return state_->tail.read(partition, from_offset, limits);
}

Result<stage::Slice> EventLog::read_one(int partition, std::int64_t offset) const {
  Result<stage::Slice> slice = state_->tail.read(partition, offset, {.records_max = 1, .bytes_max = 0});
  if (slice && !slice->records.empty() && slice->records.front().offset != offset) slice->records.clear();
  return slice;
}

void EventLog::State::run() {
  auto waiting = [this] {
    return std::any_of(pending->packed.begin(), pending->packed.end(), [](auto& p) { return !p.empty(); });
  };
  for (;;) {
    std::shared_ptr<Group> group;
    {
      std::unique_lock lock{mutex};
      work.wait(lock, [&] { return stopping || waiting(); });
      if (!waiting()) return;
      group = std::exchange(pending, std::make_shared<Group>(meta.partitions));
    }
    Result<std::uint64_t> written = write(*group);
    {
      std::lock_guard lock{mutex};
      in_flight -= group->bytes;
      group->done = true;
      if (written) {
        group->number = *written;
      } else {
        group->error = written.error();
      }
    }
    done.notify_all();
    if (written) options.on_durable();
  }
}

// One group: blocks, one write, one fsync, and then the readers see it.
Result<std::uint64_t> EventLog::State::write(Group& group) {
  if (broken) {
    return broken_world(broken->where,
                        "the event log takes no records until it is opened anew, since " + broken->reason);
  }
  const SegmentIndex& active = tail.active();
  if (!active.empty() && active.end >= options.segment_bytes) {
    if (Result<void> begun = begin_next_segment(); !begun) return tl::make_unexpected(begun.error());
  }

  std::uint32_t left = 0;
  for (const std::deque<Packed>& blocks : group.packed) left += static_cast<std::uint32_t>(blocks.size());
  const std::uint64_t number = active.last_group + 1;
  std::vector<std::shared_ptr<const Block>> blocks;
  std::deque<std::string> bytes;  // headers and compressed payloads: stay where they are while parts point at them
  std::vector<std::string_view> parts;
  for (std::size_t partition = 0; partition < group.packed.size(); ++partition) {
    std::uint64_t offset = static_cast<std::uint64_t>(tail.end_offset(static_cast<int>(partition)));
    for (Packed& packed : group.packed[partition]) {
      BlockHeader header;
      header.first_offset = offset;
      header.group = number;
      header.records = packed.records;
      header.left_in_group = --left;
      header.first_at = packed.first_at;
      header.last_at = packed.last_at;
      header.partition = static_cast<std::uint16_t>(partition);
      std::optional<std::string> small = compress(packed.raw, options.compression, header);
      offset = header.end_offset();
      parts.push_back(bytes.emplace_back(encode_header(header)));
      auto block = std::make_shared<const Block>(Block{header, std::move(packed.raw)});
      parts.push_back(small ? std::string_view{bytes.emplace_back(std::move(*small))} : std::string_view{block->raw});
      blocks.push_back(std::move(block));
    }
  }
  ECHOLOOP_CRASH_POINT("log.before_write");
  if (Result<void> wrote = writer.write(active.end, parts, options.sync); !wrote) {
    if (writer.broken()) broken = wrote.error();
    return tl::make_unexpected(wrote.error());
  }
  tail.publish(blocks);
  return number;
}

Result<void> EventLog::State::begin_next_segment() {
  Result<void> sealed = writer.sync();  // with Sync::never nothing else would
  if (!sealed) {
    broken = sealed.error();
    return sealed;
  }
  SegmentIndex next = following(tail.active());
  Result<SegmentWriter> made = SegmentWriter::create(folder, next);
  if (!made) return tl::make_unexpected(made.error());
  (void)save_index(folder, tail.active());  // without it the next opening walks the segment and makes it
  ECHOLOOP_CRASH_POINT("log.sealed");
  tail.begin_segment(std::move(next));
  writer = std::move(*made);
  return {};
}

}  // namespace echoloop::local
