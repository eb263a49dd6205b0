#include "pipeline/store/rocks_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <cassert>
#include <mutex>

#include "pipeline/base/bytes.h"

namespace echoloop::store {
namespace {

// 2: rows of sessions leave out what they say twice (schemas/session_shorter.h); those of format 1 are read as well.
constexpr std::uint64_t kFormat_newest = 2;
constexpr stage::Table kFormat_table{255};
constexpr std::string_view kFormat_key = "format";

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const rocksdb::Slice& text) { return {text.data(), text.size()}; }

std::string disk_prefix(stage::Table table, int shard) {
  assert(shard >= 0 && shard < kShards_max);
  return {static_cast<char>(table), static_cast<char>(shard >> 8), static_cast<char>(shard)};
}

std::string disk_key(stage::Table table, int shard, std::string_view key) {
  std::string out = disk_prefix(table, shard);
  out.append(key);
  return out;
}

constexpr std::string_view kSee_damage = "; `echoloop verify-store` lists all damage of a data folder";

Error reading_error(const std::string& folder, const rocksdb::Status& status) {
  return {Fault::world, folder,
          fmt::format("the store cannot be read: {}{}", status.ToString(), status.IsCorruption() ? kSee_damage : "")};
}

Result<std::optional<std::string>> get_row(rocksdb::DB& db, const rocksdb::ReadOptions& options,
                                           const std::string& folder, stage::Table table, int shard,
                                           std::string_view key) {
  std::string value;
  rocksdb::Status status = db.Get(options, db.DefaultColumnFamily(), disk_key(table, shard, key), &value);
  if (status.IsNotFound()) return std::optional<std::string>{};
  if (!status.ok()) return tl::make_unexpected(reading_error(folder, status));
  return std::optional{std::move(value)};
}

Result<void> scan_rows(rocksdb::DB& db, rocksdb::ReadOptions options, const std::string& folder, stage::Table table,
                       int shard, std::string_view from, std::string_view to, const stage::RowVisitor& visit) {
  if (!to.empty() && from >= to) return {};
  const std::string prefix = disk_prefix(table, shard);
  std::optional<std::string> end = to.empty() ? prefix_end(prefix) : disk_key(table, shard, to);
  rocksdb::Slice bound;
  if (end) {
    bound = *end;
    options.iterate_upper_bound = &bound;
  }
  std::unique_ptr<rocksdb::Iterator> rows{db.NewIterator(options)};
  for (rows->Seek(disk_key(table, shard, from)); rows->Valid(); rows->Next()) {
    std::string_view key = view(rows->key());
    if (!visit(key.substr(prefix.size()), view(rows->value()))) break;
  }
  if (!rows->status().ok()) return tl::make_unexpected(reading_error(folder, rows->status()));
  return {};
}

rocksdb::Options rocks_options(const StoreOptions& options) {
  const std::size_t memory = std::max(options.memory_bytes, std::size_t{8} << 20);
  rocksdb::Options rocks;
  rocks.create_if_missing = true;
  // What survives of its log is a prefix of the commits; a check wants to hear of anything but a torn end.
  rocks.wal_recovery_mode = options.strict ? rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords
                                           : rocksdb::WALRecoveryMode::kPointInTimeRecovery;

  // Memory: one cache holds blocks, indexes and filters, and the write buffers (at most a quarter) are charged to it as
  // well.
  auto cache = rocksdb::NewLRUCache(memory, -1, false, 0.2);
  rocks.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(memory / 4, cache);
  rocks.write_buffer_size = std::clamp(memory / 16, std::size_t{1} << 20, std::size_t{64} << 20);
  rocks.max_write_buffer_number = 3;
  rocks.max_total_wal_size = std::size_t{256} << 20;
  // An epoch's rows come by table, shard and key: each is looked for from where the one before it went.
  rocks.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(3));
  rocks.memtable_whole_key_filtering = true;
  rocks.memtable_prefix_bloom_size_ratio = 0.02;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_size = 8 << 10;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;  // Debian's CRC32C is the table-driven one
  rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  const auto kinds = rocksdb::GetSupportedCompressions();
  const bool lz4 = std::find(kinds.begin(), kinds.end(), rocksdb::kLZ4Compression) != kinds.end();
  // Nine tenths of the rows lie in the last level; those above are soon written again.
  rocks.compression = rocksdb::kNoCompression;
  rocks.bottommost_compression = lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  rocks.level0_file_num_compaction_trigger = 8;
  rocks.level_compaction_dynamic_level_bytes = true;
  rocks.bytes_per_sync = 1 << 20;
  rocks.max_background_jobs = 2;
  rocks.max_open_files = 256;  // well below the usual limit of 1024 for the whole process

  rocks.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  rocks.manifest_preallocation_size = 64 << 10;  // a list of some hundred files
  rocks.keep_log_file_num = 3;
  rocks.max_log_file_size = 4 << 20;
  rocks.stats_dump_period_sec = 0;
  rocks.stats_persist_period_sec = 0;
  return rocks;
}

bool has_tables(const std::string& folder) {
  std::error_code fault;
  for (std::filesystem::directory_iterator entry{folder, fault}, end; !fault && entry != end; entry.increment(fault)) {
    if (entry->path().extension() == ".sst") return true;
  }
  return false;
}

Error opening_error(const std::string& folder, const rocksdb::Status& status) {
  const std::string text = status.ToString();
  if (status.IsIOError() &&
      (text.find("lock file") != std::string::npos || text.find("lock hold") != std::string::npos)) {
    return {Fault::world, folder, fmt::format("the store in {} is in use by another process", folder)};
  }
  if (status.IsCorruption()) {
    return {Fault::world, folder, fmt::format("the store in {} is damaged: {}{}", folder, text, kSee_damage)};
  }
  return {Fault::world, folder, fmt::format("the store in {} cannot be opened: {}", folder, text)};
}

}  // namespace

struct Batch::Changes {
  rocksdb::WriteBatch list;
};

Batch::Batch() : changes_(std::make_unique<Changes>()) {}
Batch::~Batch() = default;
Batch::Batch(Batch&&) noexcept = default;
Batch& Batch::operator=(Batch&&) noexcept = default;

void Batch::put(stage::Table table, int shard, std::string_view key, std::string_view value) {
  const std::string prefix = disk_prefix(table, shard);
  const rocksdb::Slice parts[] = {prefix, slice(key)};
  const rocksdb::Slice bytes = slice(value);
  [[maybe_unused]] auto status = changes_->list.Put(rocksdb::SliceParts(parts, 2), rocksdb::SliceParts(&bytes, 1));
  assert(status.ok());
}

void Batch::erase(stage::Table table, int shard, std::string_view key) {
  const std::string prefix = disk_prefix(table, shard);
  const rocksdb::Slice parts[] = {prefix, slice(key)};
  [[maybe_unused]] auto status = changes_->list.Delete(rocksdb::SliceParts(parts, 2));
  assert(status.ok());
}

void Batch::add(const stage::Row& row) {
  if (row.value) {
    put(row.table, row.shard, row.key, *row.value);
  } else {
    erase(row.table, row.shard, row.key);
  }
}

void Batch::clear() {
  if (changes_->list.Data().capacity() > kKept_bytes) {
    changes_->list = rocksdb::WriteBatch();
  } else {
    changes_->list.Clear();
  }
}

std::size_t Batch::bytes() const { return changes_->list.GetDataSize(); }

struct RocksStore::Db {
  std::string folder;
  std::unique_ptr<rocksdb::DB> db;
  std::mutex mutex;
  std::optional<Error> failed;  // the first failure of a write that only opening anew can mend
  bool full = false;            // the last write found no room

  // A file is made, or its format is read and found good.
  Result<void> check_format(const StoreOptions& options) {
    std::string value;
    rocksdb::Status status = db->Get({}, disk_key(kFormat_table, 0, kFormat_key), &value);
    if (status.ok()) {
      Reader reader{value};
      std::uint64_t format = reader.varint();
      if (!reader.ok())
        return broken_world(folder, fmt::format("the store in {} is damaged: its format row is unreadable", folder));
      if (format > kFormat_newest) {
        return broken_world(
            folder,
            fmt::format("the store in {} has format {}, this echoloop knows formats up to {}: use a newer echoloop",
                        folder, format, kFormat_newest));
      }
      return format == kFormat_newest || options.read_only ? Result<void>{} : write_format();
    }
    if (!status.IsNotFound()) return tl::make_unexpected(opening_error(folder, status));
    std::unique_ptr<rocksdb::Iterator> rows{db->NewIterator({})};
    rows->SeekToFirst();
    if (!rows->status().ok()) return tl::make_unexpected(opening_error(folder, rows->status()));
    // With its manifest damaged a store looks empty; its tables are still there.
    if (rows->Valid() || options.read_only || has_tables(folder)) {
      return broken_world(
          folder, fmt::format("{} is not a store of echoloop, or the file that lists its tables is damaged{}", folder,
                              kSee_damage));
    }
    return write_format();
  }

  // Before anything of that format is.
  Result<void> write_format() {
    std::string value;
    put_varint(value, kFormat_newest);
    rocksdb::WriteOptions durable;
    durable.sync = true;
    rocksdb::Status status = db->Put(durable, disk_key(kFormat_table, 0, kFormat_key), value);
    if (!status.ok()) return tl::make_unexpected(opening_error(folder, status));
    return {};
  }

  Error fail(const rocksdb::Status& status) {
    std::lock_guard lock{mutex};
    if (status.IsNoSpace()) {
      full = true;
      return {Fault::no_room, folder, "the disk is full: " + status.ToString()};
    }
    if (!failed) {
      failed = Error{Fault::world, folder,
                     fmt::format("the store cannot be written: {}{}", status.ToString(),
                                 status.IsCorruption() ? kSee_damage : "")};
    }
    return *failed;
  }

  std::optional<Error> refusal() {
    std::lock_guard lock{mutex};
    if (failed)
      return Error{Fault::world, folder, "the store takes no writes until it is opened anew, since " + failed->reason};
    if (!full) return std::nullopt;
    // RocksDB refuses all writes after it found no room, until it could write its memory out.
    rocksdb::Status status = db->Resume();
    if (!status.ok()) return Error{Fault::no_room, folder, "the disk is full: " + status.ToString()};
    full = false;
    return std::nullopt;
  }
};

RocksStore::RocksStore(std::unique_ptr<Db> db) : db_(std::move(db)) {}

RocksStore::~RocksStore() {
  if (!db_->refusal())
    (void)sync();  // a clean stop leaves nothing to a later power cut; a failure here loses no promise
  (void)db_->db->Close();
}

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::filesystem::path& folder, const StoreOptions& options) {
  auto db = std::make_unique<Db>();
  db->folder = folder.string();
  std::error_code fault;
  if (!options.read_only) std::filesystem::create_directories(folder, fault);
  if (fault) return broken_world(db->folder, "the folder cannot be made: " + fault.message());
  rocksdb::DB* opened = nullptr;
  rocksdb::Options rocks = rocks_options(options);
  rocksdb::Status status = options.read_only ? rocksdb::DB::OpenForReadOnly(rocks, db->folder, &opened)
                                             : rocksdb::DB::Open(rocks, db->folder, &opened);
  db->db.reset(opened);
  if (!status.ok()) return tl::make_unexpected(opening_error(db->folder, status));
  if (auto good = db->check_format(options); !good) return tl::make_unexpected(good.error());
  return std::unique_ptr<RocksStore>{new RocksStore(std::move(db))};
}

Result<std::optional<std::string>> RocksStore::get(stage::Table table, int shard, std::string_view key) const {
  return get_row(*db_->db, {}, db_->folder, table, shard, key);
}

Result<void> RocksStore::scan(stage::Table table, int shard, std::string_view from, std::string_view to,
                              const stage::RowVisitor& visit) const {
  return scan_rows(*db_->db, {}, db_->folder, table, shard, from, to, visit);
}

Result<void> RocksStore::write(const Batch& batch) {
  if (auto refused = db_->refusal()) return tl::make_unexpected(*refused);
  rocksdb::Status status = db_->db->Write({}, &batch.changes_->list);
  if (!status.ok()) return tl::make_unexpected(db_->fail(status));
  return {};
}

Result<void> RocksStore::write(std::span<const stage::Row> rows) {
  Batch batch;
  for (const stage::Row& row : rows) batch.add(row);
  return write(batch);
}

// Row by row: RocksDB 7.8 keeps one memory of insert hints for rows and ranges, so a range that is erased breaks it.
Result<void> RocksStore::erase_shard(int shard) {
  constexpr std::size_t kBatch_bytes = 1u << 20;
  Batch batch;
  for (int number = 1; number < stage::kTables_end; ++number) {
    const stage::Table table{static_cast<std::uint8_t>(number)};
    Result<void> written;
    auto scanned = scan(table, shard, "", "", [&](std::string_view key, std::string_view) {
      batch.erase(table, shard, key);
      if (batch.bytes() < kBatch_bytes) return true;
      written = write(batch);
      batch.clear();
      return written.has_value();
    });
    if (!scanned || !written) return !scanned ? scanned : written;
  }
  return write(batch);
}

Result<void> RocksStore::sync() {
  rocksdb::Status status = db_->db->SyncWAL();
  if (status.ok() || status.IsNotSupported()) return {};  // a read-only store has nothing to force
  return tl::make_unexpected(db_->fail(status));
}

namespace {

class SnapshotView : public stage::View {
 public:
  SnapshotView(rocksdb::DB& db, const std::string& folder) : db_(db), folder_(folder) {
    options_.snapshot = db_.GetSnapshot();
  }
  ~SnapshotView() override { db_.ReleaseSnapshot(options_.snapshot); }

  Result<std::optional<std::string>> get(stage::Table table, int shard, std::string_view key) const override {
    return get_row(db_, options_, folder_, table, shard, key);
  }
  Result<void> scan(stage::Table table, int shard, std::string_view from, std::string_view to,
                    const stage::RowVisitor& visit) const override {
    return scan_rows(db_, options_, folder_, table, shard, from, to, visit);
  }

 private:
  rocksdb::DB& db_;
  const std::string& folder_;
  rocksdb::ReadOptions options_;
};

}  // namespace

std::unique_ptr<stage::View> RocksStore::snapshot() const {
  return std::make_unique<SnapshotView>(*db_->db, db_->folder);
}

}  // namespace echoloop::store
