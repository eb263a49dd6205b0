#include "pipeline/local/log_files.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <random>

#include "pipeline/base/bytes.h"
#include "pipeline/base/crash_point.h"

namespace echoloop::local {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMeta_name = "echoloop event log ";
constexpr int kMeta_version = 1;

// The version that the first line of log.meta names; nothing: it is none.
std::optional<int> version_of(std::string_view text) {
  if (!text.starts_with(kMeta_name)) return std::nullopt;
  std::string_view number = text.substr(kMeta_name.size(), text.find('\n') - kMeta_name.size());
  int version = 0;
  auto [stop, fault] = std::from_chars(number.data(), number.data() + number.size(), version);
  if (fault != std::errc{} || stop != number.data() + number.size()) return std::nullopt;
  return version;
}

std::optional<LogMeta> parse_meta(std::string_view text) {
  auto field = [&](std::string_view name) -> std::optional<std::string_view> {
    const std::string start = fmt::format("\n{} ", name);
    std::size_t at = text.find(start);
    if (at == std::string_view::npos) return std::nullopt;
    std::string_view rest = text.substr(at + start.size());
    std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    return rest.substr(0, end);
  };
  auto partitions = field("partitions"), identity = field("identity");
  if (version_of(text) != kMeta_version || !partitions || !identity || identity->empty()) return std::nullopt;
  LogMeta meta;
  meta.identity = *identity;
  const char* end = partitions->data() + partitions->size();
  auto [stop, fault] = std::from_chars(partitions->data(), end, meta.partitions);
  if (fault != std::errc{} || stop != end || meta.partitions < 1 || meta.partitions > kPartitions_max)
    return std::nullopt;
  return meta;
}

std::vector<std::uint64_t> ends_of(const SegmentIndex& index) {
  std::vector<std::uint64_t> ends;
  for (const SegmentIndex::Span& span : index.partitions) ends.push_back(span.end_offset);
  return ends;
}

Error bad_block(const fs::path& path, std::uint64_t position, std::string_view why) {
  return {Fault::world, fmt::format("{}:{}", path.string(), position),
          fmt::format("the event log is damaged: no sound block stands here, {}{}", why, kSee_damage)};
}

fs::path first_path(const fs::path& folder) { return folder / "log.first"; }

}  // namespace

Result<SegmentIndex> load_first(const fs::path& folder, int partitions) {
  std::error_code fault;
  if (!fs::exists(first_path(folder), fault)) {
    SegmentIndex none;
    none.partitions.resize(static_cast<std::size_t>(partitions));
    return none;
  }
  Result<std::string> bytes = read_whole(first_path(folder));
  if (!bytes) return tl::make_unexpected(bytes.error());
  if (auto index = decode_index(*bytes, partitions)) return std::move(*index);
  return broken_world(first_path(folder).string(), "the event log is damaged: this file does not say where it begins");
}

Result<std::vector<std::uint64_t>> list_segments(const fs::path& folder, std::uint64_t removed) {
  std::vector<std::uint64_t> numbers;
  std::error_code fault;
  for (fs::directory_iterator entry{folder, fault}, end; !fault && entry != end; entry.increment(fault)) {
    const std::string name = entry->path().filename().string();
    std::uint64_t number = 0;
    auto [stop, wrong] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (wrong == std::errc{} && name == segment_path("", number).string()) numbers.push_back(number);
  }
  if (fault) return broken_world(folder.string(), "the folder cannot be read: " + fault.message());
  std::sort(numbers.begin(), numbers.end());
  std::erase_if(numbers, [&](std::uint64_t number) { return number <= removed; });
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::uint64_t expected = removed + i + 1;
    if (numbers[i] == expected) continue;
    return broken_world(segment_path(folder, expected).string(), "the event log is damaged: this segment is missing");
  }
  return numbers;
}

Result<bool> stillborn(const File& file, std::uint64_t number) {
  Result<std::uint64_t> size = file.size();
  if (!size) return tl::make_unexpected(size.error());
  if (*size > kSegment_header_bytes) return false;
  std::string head(*size, '\0');
  Result<std::size_t> got = file.read(0, head.data(), head.size());
  if (!got) return tl::make_unexpected(got.error());
  return !decode_segment_header(head, number).has_value();
}

Result<LogMeta> open_meta(const fs::path& folder, std::optional<int> partitions) {
  const fs::path path = folder / "log.meta";
  std::error_code fault;
  if (fs::exists(path, fault)) {
    Result<std::string> text = read_whole(path);
    if (!text) return tl::make_unexpected(text.error());
    if (auto version = version_of(*text); version && *version > kMeta_version) {
      return broken_world(
          path.string(),
          fmt::format("the event log has format {}, this echoloop knows formats up to {}: use a newer echoloop",
                      *version, kMeta_version));
    }
    std::optional<LogMeta> meta = parse_meta(*text);
    if (!meta) return broken_world(path.string(), "this file does not describe an event log that this echoloop knows");
    if (partitions && *partitions != meta->partitions) {
      return bad_configuration(path.string(),
                               fmt::format("the event log was made with {} partitions and cannot be opened with {}",
                                           meta->partitions, *partitions));
    }
    return *meta;
  }
  if (fs::exists(segment_path(folder, 1), fault) || fs::exists(first_path(folder), fault))
    return broken_world(path.string(), "the event log is damaged: this file is missing");
  LogMeta meta{partitions.value_or(kPartitions_default), {}};
  if (meta.partitions < 1 || meta.partitions > kPartitions_max) {
    return bad_configuration(path.string(),
                             fmt::format("{} partitions: expected 1 to {}", meta.partitions, kPartitions_max));
  }
  std::random_device dice;
  std::string identity;
  for (int i = 0; i < 4; ++i) put_key_u32(identity, dice());
  meta.identity = to_hex(identity);
  auto done = replace_file(path, fmt::format("{}{}\npartitions {}\nidentity {}\n", kMeta_name, kMeta_version,
                                             meta.partitions, meta.identity));
  if (!done) return tl::make_unexpected(done.error());
  return meta;
}

Result<LogMeta> read_meta(const fs::path& folder) {
  std::error_code fault;
  if (!fs::exists(folder / "log.meta", fault))
    return broken_world((folder / "log.meta").string(), "the event log is damaged, or none: this file is missing");
  return open_meta(folder, std::nullopt);
}

Result<void> save_first(const fs::path& folder, const SegmentIndex& removed) {
  SegmentIndex first = removed;
  for (SegmentIndex::Span& span : first.partitions) span.entries.clear();
  return replace_file(first_path(folder), encode_index(first));
}

void remove_segment(const fs::path& folder, std::uint64_t number) {
  std::error_code gone;
  fs::remove(segment_path(folder, number), gone);
  fs::remove(index_path(folder, number), gone);
}

SegmentIndex following(const SegmentIndex& index) {
  SegmentIndex next;
  next.number = index.number + 1;
  next.first_group = index.last_group + 1;
  next.last_group = index.last_group;
  next.last_at = index.last_at;
  for (std::uint64_t end : ends_of(index)) next.partitions.push_back({end, {}});
  return next;
}

Result<Segments> open_segments(const fs::path& folder, int partitions, Sync sync) {
  Result<SegmentIndex> first = load_first(folder, partitions);
  if (!first) return tl::make_unexpected(first.error());
  // What a crash left of segments that should be gone.
  std::error_code fault;
  for (std::uint64_t number = first->number; number > 0 && fs::exists(segment_path(folder, number), fault); --number)
    remove_segment(folder, number);
  Result<std::vector<std::uint64_t>> numbers = list_segments(folder, first->number);
  if (!numbers) return tl::make_unexpected(numbers.error());
  Segments out;
  SegmentIndex before = std::move(*first);  // of the segment before: where the next one goes on
  for (std::uint64_t number : *numbers) {
    const bool last = number == numbers->back();
    const fs::path path = segment_path(folder, number);
    Result<File> file = File::open(path, last ? File::Mode::create : File::Mode::read);
    if (!file) return tl::make_unexpected(file.error());
    if (!last) {
      Result<std::uint64_t> size = file->size();
      if (!size) return tl::make_unexpected(size.error());
      if (auto index = load_index(folder, number, *size, partitions)) {
        before = *index;
        out.sealed.push_back(std::make_shared<const SegmentIndex>(std::move(*index)));
        continue;
      }
    } else {
      Result<bool> unborn = stillborn(*file, number);
      if (!unborn) return tl::make_unexpected(unborn.error());
      if (*unborn) break;  // it never held a block: it is made once more below
    }
    Result<Scan> scan = scan_segment(*file, number, ends_of(before));
    if (!scan) return tl::make_unexpected(scan.error());
    scan->index.last_at = std::max(scan->index.last_at, before.last_at);
    if (!scan->whole) {
      if (!last) return tl::make_unexpected(bad_block(path, scan->index.end, "and the segment was complete"));
      if (scan->acknowledged_behind && sync == Sync::always) {
        return tl::make_unexpected(bad_block(
            path, scan->index.end, fmt::format("and later ones were acknowledged, at {}", *scan->acknowledged_behind)));
      }
      out.recovery.cut_bytes = scan->size - scan->index.end;
      out.recovery.cut_file = path.string();
      Result<void> cut = file->truncate(scan->index.end);
      if (cut) cut = file->sync();
      if (!cut) return tl::make_unexpected(cut.error());
    }
    before = scan->index;
    if (!last) {
      ++out.recovery.indexes_rebuilt;
      (void)save_index(folder, before);  // only spares the next opening this walk
      out.sealed.push_back(std::make_shared<const SegmentIndex>(before));
      continue;
    }
    if (before.left_in_group == 0) {
      out.active = before;
      return out;
    }
    // The tail ends inside a group. A new segment keeps "blocks left" true for whoever reads this one later.
    (void)save_index(folder, before);
    out.sealed.push_back(std::make_shared<const SegmentIndex>(before));
  }
  out.active = following(before);
  Result<SegmentWriter> made = SegmentWriter::create(folder, out.active);
  if (!made) return tl::make_unexpected(made.error());
  return out;
}

Result<SegmentWriter> SegmentWriter::create(const fs::path& folder, const SegmentIndex& index) {
  const fs::path path = segment_path(folder, index.number);
  Result<File> file = File::open(path, File::Mode::create);
  if (!file) return tl::make_unexpected(file.error());
  const std::string header = encode_segment_header(index);
  const std::string_view parts[] = {header};
  Result<void> done = file->truncate(0);
  if (done) done = file->write(0, parts);
  ECHOLOOP_CRASH_POINT("log.segment_before_sync");
  if (done) done = file->sync();
  if (done) done = sync_folder(folder);
  if (!done) {
    ::unlink(path.c_str());
    return tl::make_unexpected(done.error());
  }
  ECHOLOOP_CRASH_POINT("log.segment_made");
  return SegmentWriter{std::move(*file)};
}

Result<SegmentWriter> SegmentWriter::resume(const fs::path& folder, const SegmentIndex& index) {
  Result<File> file = File::open(segment_path(folder, index.number), File::Mode::create);
  if (!file) return tl::make_unexpected(file.error());
  return SegmentWriter{std::move(*file)};
}

Result<void> SegmentWriter::write(std::uint64_t end, std::span<const std::string_view> parts, Sync sync) {
  Result<void> wrote = file_.write(end, parts);
  if (!wrote) {
    broken_ = !file_.truncate(end);
    return wrote;
  }
  ECHOLOOP_CRASH_POINT("log.after_write");
  if (sync == Sync::always) {
    // After a failed fsync nobody can say what is on the disk: only an opening can.
    if (Result<void> forced = file_.sync(); !forced) {
      broken_ = true;
      return forced;
    }
  }
  ECHOLOOP_CRASH_POINT("log.after_sync");
  return {};
}

}  // namespace echoloop::local
