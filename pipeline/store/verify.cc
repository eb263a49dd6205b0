#include "pipeline/store/verify.h"

#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <vector>

namespace echoloop::store {
namespace {

// RocksDB's record format (its wiki, "Write Ahead Log File Format"): blocks of 32 KiB; a record is check u32, length
// u16, type u8, from type 5 on a log number u32 more, then the bytes; fewer than 7 bytes at the end of a block are
// filled up.
constexpr std::size_t kRecord_block_bytes = 32u << 10, kRecord_head_bytes = 7, kRecycled_head_bytes = 11;
constexpr unsigned char kFirst_recycled_type = 5;

// Where a last record begins that goes on behind the end of the file; nothing: the end is whole.
std::optional<std::uint64_t> cut_record(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t left = kRecord_block_bytes - at % kRecord_block_bytes;
    if (left < kRecord_head_bytes) {
      at += left;
      continue;
    }
    if (bytes.size() - at < kRecord_head_bytes) return at;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
    const std::size_t length = byte(4) | static_cast<std::size_t>(byte(5)) << 8;
    if (length == 0 && byte(6) == 0) return std::nullopt;  // room that was reserved and not used
    const std::size_t size = (byte(6) >= kFirst_recycled_type ? kRecycled_head_bytes : kRecord_head_bytes) + length;
    if (size > left || size > bytes.size() - at) return at;
    at += size;
  }
  return std::nullopt;
}

// Names of the tables that the store is made of; none when its manifest cannot be read, and then every table may be.
std::optional<std::set<std::string>> tables_in_use(const std::filesystem::path& folder) {
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::OpenForReadOnly(rocksdb::Options{}, folder.string(), &opened).ok()) return std::nullopt;
  const std::unique_ptr<rocksdb::DB> db{opened};
  std::vector<rocksdb::LiveFileMetaData> files;
  db->GetLiveFilesMetaData(&files);
  std::set<std::string> names;
  for (const rocksdb::LiveFileMetaData& file : files) names.insert(file.relative_filename);
  return names;
}

}  // namespace

Result<std::int64_t> verify_tables(const std::filesystem::path& folder, const Tell& tell) {
  std::vector<std::filesystem::path> files;
  std::error_code fault;
  for (std::filesystem::directory_iterator entry{folder, fault}, end; !fault && entry != end; entry.increment(fault)) {
    if (entry->path().extension() == ".sst") files.push_back(entry->path());
  }
  if (fault) return broken_world(folder.string(), "the folder cannot be read: " + fault.message());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    rocksdb::SstFileReader reader{rocksdb::Options{}};
    rocksdb::Status status = reader.Open(file.string());
    if (status.ok()) status = reader.VerifyChecksum(rocksdb::ReadOptions{});
    if (status.ok()) continue;
    const auto in_use = tables_in_use(folder);
    if (in_use && !in_use->contains(file.filename().string())) {
      tell({file.string(), std::nullopt, "a table that a crash left unfinished; the next opening removes it", false});
      continue;
    }
    const std::string message = status.ToString();
    tell({file.string(), position_in(message), "the table is damaged: " + message});
  }
  return static_cast<std::int64_t>(files.size());
}

void verify_ends(const std::filesystem::path& folder, const Tell& tell) {
  std::error_code fault;
  for (std::filesystem::directory_iterator entry{folder, fault}, end; !fault && entry != end; entry.increment(fault)) {
    const bool manifest = entry->path().filename().string().starts_with("MANIFEST-");
    if (!manifest && entry->path().extension() != ".log") continue;
    std::ifstream in{entry->path(), std::ios::binary};
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    auto cut = cut_record(bytes);
    if (!cut) continue;
    tell({entry->path().string(), *cut,
          manifest ? "the last record of the manifest is damaged or cut off"
                   : "the last commit is damaged or cut off; the next opening computes it again from the events",
          manifest});
  }
}

std::optional<std::uint64_t> position_in(std::string_view message) {
  constexpr std::string_view kBefore = " offset ";
  std::size_t at = message.rfind(kBefore);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t position = 0;
  const char* begin = message.data() + at + kBefore.size();
  auto [end, failure] = std::from_chars(begin, message.data() + message.size(), position);
  return failure == std::errc{} ? std::optional(position) : std::nullopt;
}

}  // namespace echoloop::store
