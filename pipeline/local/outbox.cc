#include "pipeline/local/outbox.h"

#include <algorithm>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"

namespace echoloop::local {
namespace {

using stage::Topic;

constexpr Topic kTopics[] = {Topic::events, Topic::deltas, Topic::cases, Topic::tasks};

// Its rows are used up by the stage that reads it.
bool queued(Topic topic) { return topic == Topic::deltas || topic == Topic::cases; }

std::string position_key(Topic topic) { return {static_cast<char>(topic)}; }

std::string row_key(Topic topic, std::int64_t offset) {
  std::string key{static_cast<char>(topic)};
  put_key_u64(key, static_cast<std::uint64_t>(offset));
  return key;
}

std::string encode(const Sent& sent) {
  std::string value;
  value.reserve(sent.key.size() + sent.value.size() + 16);
  value.push_back(static_cast<char>(sent.kind));
  put_signed(value, to_ms(sent.at));
  put_text(value, sent.key);
  value.append(sent.value);
  return value;
}

// Nothing when the row is malformed.
SentPtr decode(stage::Partition partition, std::string_view key, std::string_view value) {
  auto sent = std::make_shared<Sent>();
  sent->partition = partition;
  KeyReader place{key.substr(1)};
  sent->offset = static_cast<std::int64_t>(place.u64());
  Reader reader{value};
  sent->kind = stage::Kind{reader.byte()};
  sent->at = from_ms(reader.signed_varint());
  sent->key = reader.text();
  sent->value = reader.rest();
  if (!place.ok() || !reader.ok()) return nullptr;
  return sent;
}

stage::Record record_of(const Sent& sent) { return {sent.kind, sent.key, sent.value, sent.at, sent.offset}; }

Error malformed(stage::Partition partition) {
  return {Fault::world, fmt::format("{} {}", stage::name_of(partition.topic), partition.number),
          "the store is damaged: a row of the outbox is malformed"};
}

// Rows of one partition from that offset on, decoded.
Result<void> scan_outbox(const stage::View& store, stage::Partition partition, std::int64_t from_offset,
                         const std::function<bool(SentPtr)>& visit) {
  bool good = true;
  const std::string from = row_key(partition.topic, from_offset);
  const std::string to = position_key(Topic{static_cast<std::uint8_t>(static_cast<int>(partition.topic) + 1)});
  auto scanned =
      store.scan(kOutbox_table, partition.number, from, to, [&](std::string_view key, std::string_view value) {
        SentPtr sent = decode(partition, key, value);
        good = sent != nullptr;
        return good && visit(std::move(sent));
      });
  if (scanned && !good) return tl::make_unexpected(malformed(partition));
  return scanned;
}

}  // namespace

Outbox::Outbox(int partitions) : partitions_(partitions) {
  for (Topic topic : kTopics) {
    for (int number = 0; number < partitions; ++number) lines_[{topic, number}];
  }
}

Result<void> Outbox::load(const stage::View& store) {
  std::lock_guard lock{mutex_};
  for (auto& [partition, line] : lines_) {
    auto value = store.get(kPositions_table, partition.number, position_key(partition.topic));
    if (!value) return tl::make_unexpected(value.error());
    if (*value) {
      Reader reader{**value};
      line.position = static_cast<std::int64_t>(reader.varint());
      if (!reader.ok()) return tl::make_unexpected(malformed(partition));
    }
    line.next_offset = line.position;
    if (partition.topic == Topic::events) continue;
    if (!queued(partition.topic)) {
      auto next = store.get(kPositions_table, partition.number, position_key(partition.topic) + "next");
      if (!next) return tl::make_unexpected(next.error());
      if (!*next) continue;
      Reader reader{**next};
      line.next_offset = static_cast<std::int64_t>(reader.varint());
      if (!reader.ok()) return tl::make_unexpected(malformed(partition));
      continue;
    }
    // clang 14 captures no parts of a structured binding
    auto scanned = scan_outbox(store, partition, line.position, [&, &into = line](SentPtr sent) {
      into.next_offset = sent->offset + 1;
      queued_bytes_ += sent->bytes();
      into.waiting.push_back(std::move(sent));
      return true;
    });
    if (!scanned) return scanned;
  }
  return {};
}

std::int64_t Outbox::position(stage::Partition partition) const {
  std::lock_guard lock{mutex_};
  return line(partition).position;
}

std::int64_t Outbox::end(stage::Partition partition) const {
  std::lock_guard lock{mutex_};
  return line(partition).next_offset;
}

std::size_t Outbox::queued_bytes() const {
  std::lock_guard lock{mutex_};
  return queued_bytes_;
}

void Outbox::collect(stage::Partition partition, std::int64_t from_offset, stage::PollLimits& limits,
                     stage::Slice& slice) const {
  auto kept = std::make_shared<std::vector<SentPtr>>();
  {
    std::lock_guard lock{mutex_};
    const auto& waiting = line(partition).waiting;
    auto next = std::partition_point(waiting.begin(), waiting.end(),
                                     [&](const SentPtr& sent) { return sent->offset < from_offset; });
    for (; next != waiting.end() && limits.records_max > 0 && limits.bytes_max > 0; ++next) {
      kept->push_back(*next);
      --limits.records_max;
      limits.bytes_max -= std::min(limits.bytes_max, (*next)->bytes());
    }
  }
  slice.partition = partition;
  for (const SentPtr& sent : *kept) slice.records.push_back(record_of(*sent));
  slice.keep = std::move(kept);
}

Result<stage::Slice> Outbox::read(const stage::View& store, stage::Partition partition, std::int64_t from_offset,
                                  const stage::PollLimits& limits) {
  stage::Slice slice;
  slice.partition = partition;
  auto kept = std::make_shared<std::vector<SentPtr>>();
  std::size_t bytes = 0;
  auto scanned = scan_outbox(store, partition, std::max<std::int64_t>(from_offset, 0), [&](SentPtr sent) {
    bytes += sent->bytes();
    slice.records.push_back(record_of(*sent));
    kept->push_back(std::move(sent));
    return kept->size() < limits.records_max && bytes < limits.bytes_max;
  });
  if (!scanned) return tl::make_unexpected(scanned.error());
  slice.keep = std::move(kept);
  return slice;
}

void Outbox::consume(std::vector<stage::Position> positions, store::Batch& batch, Staged& staged) const {
  std::lock_guard lock{mutex_};
  for (const stage::Position& position : positions) {
    std::string value;
    put_varint(value, static_cast<std::uint64_t>(position.next_offset));
    batch.put(kPositions_table, position.partition.number, position_key(position.partition.topic), value);
    // Row by row: a range tombstone for every epoch would slow every read of the store down.
    for (const SentPtr& sent : line(position.partition).waiting) {
      if (sent->offset >= position.next_offset) break;
      batch.erase(kOutbox_table, position.partition.number, row_key(position.partition.topic, sent->offset));
    }
  }
  staged.positions = std::move(positions);
}

void Outbox::send(std::vector<stage::Output> outputs, store::Batch& batch, Staged& staged) const {
  std::map<stage::Partition, std::int64_t> next;
  std::lock_guard lock{mutex_};
  for (stage::Output& output : outputs) {
    if (is_for_outside_only(output.topic)) continue;
    const stage::Partition partition{output.topic, partition_of(output.key, partitions_)};
    auto place = next.try_emplace(partition, line(partition).next_offset).first;
    auto sent = std::make_shared<const Sent>(
        Sent{partition, place->second++, output.kind, output.at, std::move(output.key), std::move(output.value)});
    batch.put(kOutbox_table, partition.number, row_key(partition.topic, sent->offset), encode(*sent));
    staged.sent.push_back(std::move(sent));
  }
  // Rows of a topic that is kept may be trimmed some day; its offsets must go on all the same.
  for (const auto& [partition, offset] : next) {
    if (queued(partition.topic)) continue;
    std::string value;
    put_varint(value, static_cast<std::uint64_t>(offset));
    batch.put(kPositions_table, partition.number, position_key(partition.topic) + "next", value);
  }
}

void Outbox::publish(Staged staged) {
  std::lock_guard lock{mutex_};
  for (const stage::Position& position : staged.positions) {
    Line& consumed = line(position.partition);
    consumed.position = position.next_offset;
    while (!consumed.waiting.empty() && consumed.waiting.front()->offset < position.next_offset) {
      queued_bytes_ -= consumed.waiting.front()->bytes();
      consumed.waiting.pop_front();
    }
  }
  for (SentPtr& sent : staged.sent) {
    Line& target = line(sent->partition);
    target.next_offset = sent->offset + 1;
    if (!queued(sent->partition.topic)) continue;
    queued_bytes_ += sent->bytes();
    target.waiting.push_back(std::move(sent));
  }
}

}  // namespace echoloop::local
