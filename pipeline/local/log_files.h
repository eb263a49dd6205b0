// The files of an event log, for its one writer: opening and repairing them, writing groups, sealing a segment and
// beginning the next. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/local/event_log.h"
#include "pipeline/local/file.h"
#include "pipeline/local/segment.h"

namespace echoloop::local {

// What log.meta says.
struct LogMeta {
  int partitions = 0;
  std::string identity;
};
// Reads it, or makes it for a new log. Error (world): it is damaged, or of a newer echoloop.
Result<LogMeta> open_meta(const std::filesystem::path& folder, std::optional<int> partitions);
// Reads it, and makes nothing. Error (world): there is none, too.
Result<LogMeta> read_meta(const std::filesystem::path& folder);

// What lies before the first segment: the last one that was removed, by log.first, or nothing. Error (world): damage.
Result<SegmentIndex> load_first(const std::filesystem::path& folder, int partitions);
// Numbers of the segment files behind the removed ones, without a gap. Error (world): one is missing.
Result<std::vector<std::uint64_t>> list_segments(const std::filesystem::path& folder, std::uint64_t removed);
// Was the file cut off by a crash while it was made: too short for more than its header, and that not sound?
Result<bool> stillborn(const File& file, std::uint64_t number);

// Where a log begins whose oldest segments were removed: the index of the last one of those, without its entries, in
// the file log.first. It is written before they are, so that an opening may finish what a crash interrupted.
Result<void> save_first(const std::filesystem::path& folder, const SegmentIndex& removed);
// Removes the files of a segment; that they are gone already is good.
void remove_segment(const std::filesystem::path& folder, std::uint64_t number);

// The segments as they are on disk. The last one is written to.
struct Segments {
  std::vector<std::shared_ptr<const SegmentIndex>> sealed;
  SegmentIndex active;
  Recovery recovery;
};
Result<Segments> open_segments(const std::filesystem::path& folder, int partitions, Sync sync);

// The segment being written.
class SegmentWriter {
 public:
  // Makes the file and its header durable.
  static Result<SegmentWriter> create(const std::filesystem::path& folder, const SegmentIndex& index);
  static Result<SegmentWriter> resume(const std::filesystem::path& folder, const SegmentIndex& index);

  // Appends the parts behind the given end. After an error the file ends there as before; when even that failed,
  // broken() is true.
  Result<void> write(std::uint64_t end, std::span<const std::string_view> parts, Sync sync);
  Result<void> sync() { return file_.sync(); }
  bool broken() const { return broken_; }

 private:
  explicit SegmentWriter(File file) : file_(std::move(file)) {}
  File file_;
  bool broken_ = false;
};

// An empty index for the segment behind this one.
SegmentIndex following(const SegmentIndex& index);

}  // namespace echoloop::local
