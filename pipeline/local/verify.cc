#include "pipeline/local/verify.h"

#include <algorithm>

#include "pipeline/local/log_files.h"
#include "pipeline/local/outbox.h"

namespace echoloop::local {
namespace {

namespace fs = std::filesystem;
using store::Finding;

// An index is remade from its segment where it is missing or damaged; one that is sound and says something else
// would lead readers astray.
void verify_index(const fs::path& folder, const Scan& scan, int partitions, const store::Tell& tell) {
  const fs::path path = index_path(folder, scan.index.number);
  std::error_code none;
  if (!fs::exists(path, none)) return;
  auto index = load_index(folder, scan.index.number, scan.size, partitions);
  if (!index) {
    tell({path.string(), std::nullopt, "the index is damaged; the next opening makes it anew", false});
  } else if (scan.whole && index->partitions != scan.index.partitions) {
    tell({path.string(), std::nullopt,
          "the index is not that of its segment: remove it, the next opening makes it anew"});
  }
}

}  // namespace

Result<LogCheck> verify_log(const fs::path& folder, const store::Tell& tell) {
  Result<LogMeta> meta = read_meta(folder);
  if (!meta) return tl::make_unexpected(meta.error());
  LogCheck out;
  out.partitions = meta->partitions;
  out.identity = meta->identity;
  out.ends.resize(static_cast<std::size_t>(meta->partitions));
  Result<SegmentIndex> first = load_first(folder, meta->partitions);
  if (!first) {
    tell({first.error().where, std::nullopt, first.error().reason});
    return out;
  }
  for (std::size_t p = 0; p < out.ends.size(); ++p) out.ends[p] = first->partitions[p].end_offset;
  Result<std::vector<std::uint64_t>> numbers = list_segments(folder, first->number);
  if (!numbers) {
    tell({numbers.error().where, std::nullopt, numbers.error().reason});
    return out;
  }
  for (std::uint64_t number : *numbers) {
    const fs::path path = segment_path(folder, number);
    const bool last = number == numbers->back();
    Result<File> file = File::open(path, File::Mode::read);
    if (!file) return tl::make_unexpected(file.error());
    Result<bool> unborn = last ? stillborn(*file, number) : Result<bool>(false);
    if (unborn && *unborn) break;  // a crash came while it was made: it never held a block
    ++out.segments;
    Result<Scan> scan = scan_segment(*file, number, out.ends);
    if (!scan) {
      tell({path.string(), 0, scan.error().reason});
      continue;
    }
    out.bytes += scan->size;
    for (std::size_t p = 0; p < out.ends.size(); ++p) out.ends[p] = scan->index.partitions[p].end_offset;
    if (!scan->whole && last && !scan->acknowledged_behind) {
      tell({path.string(), scan->index.end,
            fmt::format("the tail is torn: the next opening cuts {} bytes behind the last sound block",
                        scan->size - scan->index.end),
            false});
    } else if (!scan->whole) {
      tell({path.string(), scan->index.end,
            "the event log is damaged: no sound block stands here; what follows in this segment is not read"});
    }
    if (!last) verify_index(folder, *scan, out.partitions, tell);
  }
  return out;
}

void verify_pair(const fs::path& folder, const store::RocksStore& store, const LogCheck& log, const store::Tell& tell) {
  const std::string place = (folder / "store").string();
  auto known = store.get(kHouse_table, 0, "log");
  if (!known) return tell({place, store::position_in(known.error().reason), known.error().reason});
  if (*known && **known != log.identity)
    tell({folder.string(), std::nullopt, "the event log and the store in this data folder do not belong together"});
  Outbox outbox{log.partitions};
  if (auto loaded = outbox.load(store); !loaded)
    return tell({place, store::position_in(loaded.error().reason), loaded.error().text()});
  for (int partition = 0; partition < log.partitions; ++partition) {
    const std::int64_t position = outbox.position({stage::Topic::events, partition});
    const auto end = static_cast<std::int64_t>(log.ends[static_cast<std::size_t>(partition)]);
    if (position <= end) continue;
    tell({(folder / "log").string(), std::nullopt,
          fmt::format("events {}: the store has processed offsets up to {}, the sound part of the log ends before {}",
                      partition, position - 1, end)});
  }
}

}  // namespace echoloop::local
