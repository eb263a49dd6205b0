// The files of an event log, opened and read: a real log that was damaged, or files made up with every check in order.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>

#include "pipeline/base/bytes.h"
#include "pipeline/local/segment.h"
#include "tests/fuzz/demand.h"
#include "tests/fuzz/log_files.h"

namespace echoloop::fuzz {
namespace {

using local::EventLog;

void check_error(const Error& error, const LogFolder& folder) {
  demand(error.fault == Fault::world || error.fault == Fault::configuration, "damage is no bad input", error.text());
  demand(error.where.starts_with(folder.path().string() + "/"), "an error names the file", error.text());
  demand(!error.reason.empty(), "an error has a reason", error.where);
}

// All records of a partition up to the first error.
template <class Visit>
void read_partition(const EventLog& log, int partition, const LogFolder& folder, const Visit& visit) {
  std::int64_t from = 0;
  for (int turn = 0; turn < 1000; ++turn) {
    auto slice = log.read(partition, from, {.records_max = 3});
    if (!slice) return check_error(slice.error(), folder);
    if (slice->records.empty()) return;
    for (const auto& record : slice->records) {
      demand(record.offset >= from, "offsets rise", std::to_string(record.offset));
      from = record.offset + 1;
      visit(record);
    }
  }
}

// ------------------------------------------------------------------ a log that was damaged

// One change to a file: bytes become others, go, or come; or the file goes, or takes bytes of another.
void damage(Files& files, FuzzedDataProvider& input) {
  if (files.empty()) return;
  const auto any_file = [&] {
    return std::next(files.begin(), input.ConsumeIntegralInRange<int>(0, static_cast<int>(files.size()) - 1));
  };
  auto file = any_file();
  auto& bytes = file->second;
  const auto at = input.ConsumeIntegralInRange<std::size_t>(0, bytes.size());
  const auto size = input.ConsumeIntegralInRange<std::size_t>(0, bytes.size() - at);
  switch (input.ConsumeIntegralInRange<int>(0, 6)) {
    case 0:
      files.erase(file);
      break;
    case 1:
      bytes.resize(at);
      break;
    case 2:
      bytes.erase(at, size);
      break;
    case 3:
      bytes.insert(at, input.ConsumeRandomLengthString(80));
      break;
    case 4:
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, '\0');
      break;
    case 5: {
      const auto& other = any_file()->second;
      const auto from = input.ConsumeIntegralInRange<std::size_t>(0, other.size());
      bytes.insert(at, other.substr(from, size));
      break;
    }
    default: {
      const auto flips = input.ConsumeBytes<char>(std::min<std::size_t>(bytes.size() - at, 1 + size % 9));
      for (std::size_t i = 0; i < flips.size(); ++i) bytes[at + i] = static_cast<char>(bytes[at + i] ^ flips[i]);
    }
  }
}

void check_damaged(FuzzedDataProvider& input, const LogFolder& folder) {
  const Written& written = written_log(folder);
  Files files = written.files;
  const bool lazy = input.ConsumeBool();
  for (int changes = input.ConsumeIntegralInRange<int>(1, 4); changes > 0; --changes) damage(files, input);
  folder.put(files);
  local::LogOptions options{.sync = lazy ? local::Sync::never : local::Sync::always, .segment_bytes = 700};
  for (int opening = 0; opening < 2; ++opening) {
    auto log = EventLog::open(folder.path(), options);
    if (!log) return check_error(log.error(), folder);
    if ((*log)->partitions() != kPartitions) return;  // log.meta is text without a check
    std::vector<Written::One> fresh;
    for (int partition = 0; partition < kPartitions; ++partition) {
      const auto& wanted = written.partitions[static_cast<std::size_t>(partition)];
      read_partition(**log, partition, folder, [&](const stage::Record& record) {
        demand(record.offset < (*log)->end_offset(partition), "records end where the log ends");
        const auto offset = static_cast<std::size_t>(record.offset);
        if (record.key == "after the damage") return;
        demand(offset < wanted.size(), "nothing is read that was not written", record.key);
        const auto& one = wanted[offset];
        demand(record.kind == one.kind && record.key == one.key && record.value == one.value && record.at == one.at,
               "a record is read as it was written", record.key);
      });
    }
    const local::Append one{stage::Kind::event, "after the damage", "x", from_ms(0)};
    demand((*log)->append({&one, 1}).has_value(), "a log that opens takes records");
  }
}

// ------------------------------------------------------------------ files made up, with their checks

std::uint64_t any_number(FuzzedDataProvider& input) {
  return input.ConsumeBool() ? input.ConsumeIntegralInRange<std::uint64_t>(0, 9)
                             : input.ConsumeIntegral<std::uint64_t>();
}

std::string made_block(FuzzedDataProvider& input, std::vector<std::uint64_t>& ends, std::uint64_t& group) {
  std::string raw;
  for (int left = input.ConsumeIntegralInRange<int>(0, 3); left > 0; --left) {
    raw.push_back(static_cast<char>(input.ConsumeIntegral<std::uint8_t>()));
    put_varint(raw, any_number(input));
    put_text(raw, input.ConsumeRandomLengthString(6));
    put_text(raw, input.ConsumeRandomLengthString(12));
  }
  if (input.ConsumeBool()) raw += input.ConsumeRandomLengthString(20);
  local::BlockHeader header;
  header.partition = static_cast<std::uint16_t>(input.ConsumeIntegralInRange<int>(0, kPartitions));
  auto& end = ends[std::min<std::size_t>(header.partition, kPartitions - 1)];
  header.first_offset = input.ConsumeBool() ? end : any_number(input);
  group += input.ConsumeIntegralInRange<unsigned>(0, 1);
  header.group = input.ConsumeBool() ? group : any_number(input);
  auto packed = local::compress(raw, static_cast<local::Compression>(input.ConsumeIntegralInRange<int>(0, 2)), header);
  const auto& stored = packed ? *packed : raw;
  header.records = static_cast<std::uint32_t>(std::max<std::uint64_t>(any_number(input), 1));
  if (input.ConsumeBool()) header.raw_size = static_cast<std::uint32_t>(any_number(input));
  if (input.ConsumeBool())
    header.compression = static_cast<local::Compression>(input.ConsumeIntegralInRange<int>(0, 2));
  header.left_in_group = static_cast<std::uint32_t>(any_number(input));
  header.first_at = static_cast<std::int64_t>(any_number(input));
  header.last_at = static_cast<std::int64_t>(any_number(input));
  end = header.end_offset();
  return local::encode_header(header) + stored;
}

void save_made_index(FuzzedDataProvider& input, const LogFolder& folder, std::uint64_t number, std::uint64_t size) {
  local::SegmentIndex index;
  index.number = number;
  index.end = size;
  index.first_group = any_number(input);
  index.last_group = any_number(input);
  index.left_in_group = static_cast<std::uint32_t>(any_number(input));
  index.last_at = static_cast<std::int64_t>(any_number(input));
  index.partitions.resize(kPartitions);
  for (auto& span : index.partitions) {
    span.end_offset = any_number(input);
    for (int left = input.ConsumeIntegralInRange<int>(0, 2); left > 0; --left)
      span.entries.push_back(
          {any_number(input), input.ConsumeBool() ? local::kSegment_header_bytes : any_number(input)});
  }
  demand(local::save_index(folder.path(), index).has_value(), "an index is saved");
}

void check_made(FuzzedDataProvider& input, const LogFolder& folder) {
  folder.put({{"log.meta", "echoloop event log 1\npartitions 2\nidentity made-up\n"}});
  std::vector<std::uint64_t> ends(kPartitions);
  std::uint64_t group = 1;
  Files files = folder.read();
  const auto segments = input.ConsumeIntegralInRange<std::uint64_t>(1, 3);
  std::vector<std::uint64_t> indexed;
  for (std::uint64_t number = 1; number <= segments; ++number) {
    local::SegmentIndex head;
    head.number = number;
    head.first_group = input.ConsumeBool() ? group : any_number(input);
    std::string bytes = local::encode_segment_header(head);
    for (int left = input.ConsumeIntegralInRange<int>(0, 4); left > 0; --left) bytes += made_block(input, ends, group);
    if (number < segments && input.ConsumeBool()) indexed.push_back(number);
    files[local::segment_path("", number).string()] = std::move(bytes);
  }
  folder.put(files);
  for (auto number : indexed)
    save_made_index(input, folder, number, files[local::segment_path("", number).string()].size());
  auto log = EventLog::open(folder.path(), {.ring_bytes = 0});
  if (!log) return check_error(log.error(), folder);
  for (int partition = 0; partition < kPartitions; ++partition) {
    read_partition(**log, partition, folder, [](const stage::Record&) {});
    (void)(*log)->read_one(partition, static_cast<std::int64_t>(any_number(input)));
  }
}

}  // namespace
}  // namespace echoloop::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace echoloop::fuzz;
  static const LogFolder folder;
  FuzzedDataProvider input(data, size);
  if (input.ConsumeBool()) {
    check_damaged(input, folder);
  } else {
    check_made(input, folder);
  }
  return 0;
}
