#include "pipeline/local/log_reader.h"

#include "pipeline/local/log_files.h"

namespace echoloop::local {

Result<std::unique_ptr<LogReader>> LogReader::open(const std::filesystem::path& folder) {
  Result<LogMeta> meta = read_meta(folder);
  if (!meta) return tl::make_unexpected(meta.error());
  Result<SegmentIndex> first = load_first(folder, meta->partitions);
  if (!first) return tl::make_unexpected(first.error());
  Result<std::vector<std::uint64_t>> numbers = list_segments(folder, first->number);
  if (!numbers) return tl::make_unexpected(numbers.error());
  std::vector<std::shared_ptr<const SegmentIndex>> sealed;
  SegmentIndex active = *first;
  for (std::uint64_t number : *numbers) {
    const bool last = number == numbers->back();
    Result<File> file = File::open(segment_path(folder, number), File::Mode::read);
    if (!file) return tl::make_unexpected(file.error());
    Result<std::uint64_t> size = file->size();
    if (!size) return tl::make_unexpected(size.error());
    if (number > first->number + 1) sealed.push_back(std::make_shared<const SegmentIndex>(active));
    if (auto index = last ? std::nullopt : load_index(folder, number, *size, meta->partitions)) {
      active = std::move(*index);
      continue;
    }
    Result<bool> unborn = last ? stillborn(*file, number) : Result<bool>(false);
    if (!unborn) return tl::make_unexpected(unborn.error());
    if (*unborn) {
      active = following(active);
      break;
    }
    std::vector<std::uint64_t> ends;
    for (const SegmentIndex::Span& span : active.partitions) ends.push_back(span.end_offset);
    Result<Scan> scan = scan_segment(*file, number, ends);
    if (!scan) return tl::make_unexpected(scan.error());
    active = std::move(scan->index);  // of the sound blocks: a torn tail was never acknowledged
  }
  return std::unique_ptr<LogReader>{new LogReader(folder, std::move(sealed), std::move(active))};
}

}  // namespace echoloop::local
