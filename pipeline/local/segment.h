// A segment: one file of the event log, 32 bytes of header and then blocks. And its sparse index: per partition the
// place of a block every kIndex_step_bytes. Sealed segments keep the index in a file beside them; it can always be
// rebuilt. Plain values; the functions read files and change none but save_index.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/local/block.h"
#include "pipeline/local/file.h"

namespace echoloop::local {

// Ends every message about damage.
inline constexpr std::string_view kSee_damage = "; `echoloop verify-store` lists all damage of a data folder";

inline constexpr std::size_t kSegment_header_bytes = 32;
inline constexpr std::uint64_t kIndex_step_bytes = 512 << 10;

struct SegmentIndex {
  struct Entry {
    std::uint64_t first_offset = 0;
    std::uint64_t position = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  struct Span {
    std::uint64_t end_offset = 0;  // of the partition, after this segment
    std::vector<Entry> entries;    // by both fields, rising; the first is the partition's first block here
    friend bool operator==(const Span&, const Span&) = default;
  };

  std::uint64_t number = 0;                   // 1, 2, …: the file's name
  std::uint64_t first_group = 1;              // of the segment, whether or not it was written yet
  std::uint64_t last_group = 0;               // first_group − 1 while there is none
  std::uint32_t left_in_group = 0;            // what the last block says
  std::uint64_t end = kSegment_header_bytes;  // position behind the last block
  std::int64_t last_at = std::numeric_limits<std::int64_t>::min();
  std::vector<Span> partitions;

  void add(std::uint64_t position, const BlockHeader& header);
  bool empty() const { return end == kSegment_header_bytes; }
  // Where to begin walking for the first block of the partition that ends behind the offset. There must be one.
  std::uint64_t start_for(int partition, std::uint64_t offset) const;
  friend bool operator==(const SegmentIndex&, const SegmentIndex&) = default;
};

std::filesystem::path segment_path(const std::filesystem::path& folder, std::uint64_t number);
std::filesystem::path index_path(const std::filesystem::path& folder, std::uint64_t number);

std::string encode_segment_header(const SegmentIndex& index);
// The first group, when these are the sound header of the segment of that number.
std::optional<std::uint64_t> decode_segment_header(std::string_view bytes, std::uint64_t number);

// An index as bytes with a check, and back. Nothing when they are damaged or of another number of partitions.
std::string encode_index(const SegmentIndex& index);
std::optional<SegmentIndex> decode_index(std::string_view bytes, int partitions);
Result<void> save_index(const std::filesystem::path& folder, const SegmentIndex& index);
// Nothing when the file is missing, damaged or not of a segment of that number, size and number of partitions.
std::optional<SegmentIndex> load_index(const std::filesystem::path& folder, std::uint64_t number, std::uint64_t size,
                                       int partitions);

// What a walk over every block, with every check, found.
struct Scan {
  SegmentIndex index;  // of the sound blocks before the first bad one
  std::uint64_t size = 0;
  bool whole = true;  // sound to the end
  // A sound block behind the bad place proves that the bad one was once acknowledged: its position.
  std::optional<std::uint64_t> acknowledged_behind;
};
// `ends` are the partitions' ends before this segment. Errors: the file cannot be read, or its header is not sound.
Result<Scan> scan_segment(const File& file, std::uint64_t number, const std::vector<std::uint64_t>& ends);

struct FoundBlock {
  std::shared_ptr<const Block> block;
  std::uint64_t next = 0;  // position behind it
};
// The first block of the partition, from `position` on and before `end`, that ends behind the offset. Errors name file
// and position of damage.
Result<std::optional<FoundBlock>> find_block(const File& file, std::uint64_t position, std::uint64_t end, int partition,
                                             std::uint64_t offset);

}  // namespace echoloop::local
