#include "pipeline/local/segment.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"

namespace echoloop::local {
namespace {

constexpr std::string_view kSegment_magic = "echolog1";
constexpr std::string_view kIndex_magic = "echoidx1";
constexpr std::size_t kCheck_bytes = 8;

std::string checked(std::string bytes) {
  put_key_u64(bytes, hash64(bytes));
  return bytes;
}

// The bytes before the check, when it holds.
std::optional<std::string_view> unchecked(std::string_view bytes) {
  if (bytes.size() < kCheck_bytes) return std::nullopt;
  std::string_view body = bytes.substr(0, bytes.size() - kCheck_bytes);
  if (KeyReader{bytes.substr(body.size())}.u64() != hash64(body)) return std::nullopt;
  return body;
}

Error damage(const File& file, std::uint64_t position, std::string_view what) {
  return {Fault::world, fmt::format("{}:{}", file.path(), position),
          fmt::format("the event log is damaged: {}{}", what, kSee_damage)};
}

// The first place from `position` on where a sound header of a group later than this one stands.
Result<std::optional<std::uint64_t>> later_group(Window& window, std::uint64_t position, std::uint64_t group) {
  for (; position + kHeader_bytes <= window.end(); ++position) {
    Result<std::string_view> bytes = window.at(position, kHeader_bytes);
    if (!bytes) return tl::make_unexpected(bytes.error());
    if (bytes->front() != 'E') continue;  // a header begins so
    std::optional<BlockHeader> header = decode_header(*bytes);
    if (header && header->group > group) return position;
  }
  return std::optional<std::uint64_t>{};
}

}  // namespace

void SegmentIndex::add(std::uint64_t position, const BlockHeader& header) {
  Span& span = partitions[header.partition];
  if (span.entries.empty() || position - span.entries.back().position >= kIndex_step_bytes) {
    span.entries.push_back({header.first_offset, position});
  }
  span.end_offset = header.end_offset();
  last_group = header.group;
  left_in_group = header.left_in_group;
  last_at = std::max(last_at, header.last_at);
  end = position + header.disk_size();
}

std::uint64_t SegmentIndex::start_for(int partition, std::uint64_t offset) const {
  const std::vector<Entry>& entries = partitions[static_cast<std::size_t>(partition)].entries;
  assert(!entries.empty());
  auto behind = std::upper_bound(entries.begin(), entries.end(), offset,
                                 [](std::uint64_t wanted, const Entry& entry) { return wanted < entry.first_offset; });
  return behind == entries.begin() ? behind->position : std::prev(behind)->position;
}

std::filesystem::path segment_path(const std::filesystem::path& folder, std::uint64_t number) {
  return folder / fmt::format("{:012}.log", number);
}

std::filesystem::path index_path(const std::filesystem::path& folder, std::uint64_t number) {
  return folder / fmt::format("{:012}.index", number);
}

std::string encode_segment_header(const SegmentIndex& index) {
  std::string out{kSegment_magic};
  put_key_u64(out, index.number);
  put_key_u64(out, index.first_group);
  return checked(std::move(out));
}

std::optional<std::uint64_t> decode_segment_header(std::string_view bytes, std::uint64_t number) {
  if (bytes.size() != kSegment_header_bytes || !bytes.starts_with(kSegment_magic)) return std::nullopt;
  std::optional<std::string_view> body = unchecked(bytes);
  if (!body) return std::nullopt;
  KeyReader reader{body->substr(kSegment_magic.size())};
  if (reader.u64() != number) return std::nullopt;
  return reader.u64();
}

std::string encode_index(const SegmentIndex& index) {
  std::string out{kIndex_magic};
  put_varint(out, index.number);
  put_varint(out, index.end);
  put_varint(out, index.first_group);
  put_varint(out, index.last_group);
  put_varint(out, index.left_in_group);
  put_signed(out, index.last_at);
  put_varint(out, index.partitions.size());
  for (const SegmentIndex::Span& span : index.partitions) {
    put_varint(out, span.end_offset);
    put_varint(out, span.entries.size());
    for (const SegmentIndex::Entry& entry : span.entries) {
      put_varint(out, entry.first_offset);
      put_varint(out, entry.position);
    }
  }
  return checked(std::move(out));
}

std::optional<SegmentIndex> decode_index(std::string_view bytes, int partitions) {
  if (!bytes.starts_with(kIndex_magic)) return std::nullopt;
  std::optional<std::string_view> body = unchecked(bytes);
  if (!body) return std::nullopt;
  Reader reader{body->substr(kIndex_magic.size())};
  SegmentIndex index;
  index.number = reader.varint();
  index.end = reader.varint();
  index.first_group = reader.varint();
  index.last_group = reader.varint();
  index.left_in_group = static_cast<std::uint32_t>(reader.varint());
  index.last_at = reader.signed_varint();
  if (reader.varint() != static_cast<std::uint64_t>(partitions)) return std::nullopt;
  index.partitions.resize(static_cast<std::size_t>(partitions));
  for (SegmentIndex::Span& span : index.partitions) {
    span.end_offset = reader.varint();
    for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
      SegmentIndex::Entry entry;
      entry.first_offset = reader.varint();
      entry.position = reader.varint();
      span.entries.push_back(entry);
    }
  }
  if (!reader.ok() || !reader.done()) return std::nullopt;
  return index;
}

Result<void> save_index(const std::filesystem::path& folder, const SegmentIndex& index) {
  return replace_file(index_path(folder, index.number), encode_index(index));
}

std::optional<SegmentIndex> load_index(const std::filesystem::path& folder, std::uint64_t number, std::uint64_t size,
                                       int partitions) {
  Result<std::string> bytes = read_whole(index_path(folder, number));
  if (!bytes) return std::nullopt;
  std::optional<SegmentIndex> index = decode_index(*bytes, partitions);
  return index && index->number == number && index->end == size ? index : std::nullopt;
}

Result<Scan> scan_segment(const File& file, std::uint64_t number, const std::vector<std::uint64_t>& ends) {
  Result<std::uint64_t> size = file.size();
  if (!size) return tl::make_unexpected(size.error());
  Window window{file, *size};
  Result<std::string_view> head = window.at(0, kSegment_header_bytes);
  if (!head) return tl::make_unexpected(head.error());
  std::optional<std::uint64_t> first_group = decode_segment_header(*head, number);
  if (!first_group) return tl::make_unexpected(damage(file, 0, "the segment's header is not sound"));

  Scan scan;
  scan.size = *size;
  SegmentIndex& index = scan.index;
  index.number = number;
  index.first_group = *first_group;
  index.last_group = *first_group - 1;
  for (std::uint64_t end : ends) index.partitions.push_back({end, {}});

  while (index.end < *size) {
    Result<std::string_view> bytes = window.at(index.end, kHeader_bytes);
    if (!bytes) return tl::make_unexpected(bytes.error());
    std::optional<BlockHeader> header = decode_header(*bytes);
    bool sound = header && header->partition < index.partitions.size() && header->group >= index.last_group &&
                 header->first_offset >= index.partitions[header->partition].end_offset;
    if (sound) {
      Result<std::string_view> stored = window.at(index.end + kHeader_bytes, header->stored_size);
      if (!stored) return tl::make_unexpected(stored.error());
      sound = stored->size() == header->stored_size && hash64(*stored) == header->payload_check;
    }
    if (!sound) break;
    index.add(index.end, *header);
  }
  scan.whole = index.end == *size;
  if (!scan.whole) {
    const std::uint64_t bad_group = index.left_in_group > 0 ? index.last_group : index.last_group + 1;
    auto behind = later_group(window, index.end + 1, bad_group);
    if (!behind) return tl::make_unexpected(behind.error());
    scan.acknowledged_behind = *behind;
  }
  return scan;
}

Result<std::optional<FoundBlock>> find_block(const File& file, std::uint64_t position, std::uint64_t end, int partition,
                                             std::uint64_t offset) {
  Window window{file, end};
  while (position < end) {
    Result<std::string_view> bytes = window.at(position, kHeader_bytes);
    if (!bytes) return tl::make_unexpected(bytes.error());
    std::optional<BlockHeader> header = decode_header(*bytes);
    if (!header) return tl::make_unexpected(damage(file, position, "no sound block stands here"));
    const std::uint64_t next = position + header->disk_size();
    if (header->partition != partition || header->end_offset() <= offset) {
      position = next;
      continue;
    }
    Result<std::string_view> stored = window.at(position + kHeader_bytes, header->stored_size);
    if (!stored) return tl::make_unexpected(stored.error());
    std::optional<std::string> raw = decode_payload(*header, *stored);
    if (!raw) return tl::make_unexpected(damage(file, position, "the block's bytes are not those that were written"));
    return FoundBlock{std::make_shared<const Block>(Block{*header, std::move(*raw)}), next};
  }
  return std::optional<FoundBlock>{};
}

}  // namespace echoloop::local
