// The embedded store of rows: one RocksDB with its write-ahead log on. A batch becomes true all at once or not at all.
//
// On disk: key = table byte, shard (u16 big endian), row key; so the rows of one shard of one table lie side by side in
// the order of their keys. Tables from 200 on belong to the rooms store and local (format, positions, outbox);
// processors never see them.
//
// Writes are not fsynced one by one: the operating system has them, so the death of the process loses nothing, and
// after a power cut RocksDB's log is a prefix of the writes. Input positions travel in the same batch as the rows they
// led to, and the event log is fsynced, so what a prefix lacks is computed again.
//
// All functions are safe from any thread. Snapshots must die before their store.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "pipeline/stage/store.h"

namespace echoloop::store {

inline constexpr int kShards_max = 65'536;

struct StoreOptions {
  std::size_t memory_bytes = std::size_t{256}
                             << 20;  // block cache, filters, indexes and write buffers together; at least 8 MiB is used
  bool strict = false;               // damage in RocksDB's own log is an error too: to look for it
  bool read_only = false;            // opens beside a process that writes; sees what was written before the opening
};

// Changes in the order they are to happen. One thread at a time.
class Batch {
 public:
  Batch();
  ~Batch();
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;

  void put(stage::Table table, int shard, std::string_view key, std::string_view value);
  void erase(stage::Table table, int shard, std::string_view key);
  void add(const stage::Row& row);
  std::size_t bytes() const;
  // Nothing is to happen any more; its memory stays, unless there is far too much of it.
  void clear();

 private:
  static constexpr std::size_t kKept_bytes = 64u << 20;  // above what a full epoch writes

  friend class RocksStore;
  struct Changes;
  std::unique_ptr<Changes> changes_;
};

class RocksStore : public stage::View {
 public:
  // Errors (world): the folder is in use by another process, damaged, of a newer format, not a store of echoloop; with
  // read_only: missing.
  static Result<std::unique_ptr<RocksStore>> open(const std::filesystem::path& folder, const StoreOptions& options);
  ~RocksStore() override;

  Result<std::optional<std::string>> get(stage::Table table, int shard, std::string_view key) const override;
  Result<void> scan(stage::Table table, int shard, std::string_view from, std::string_view to,
                    const stage::RowVisitor& visit) const override;

  // Error (world) when the disk is full or fails: nothing of the batch is true, and the store refuses further writes
  // until it is opened anew.
  Result<void> write(const Batch& batch);
  Result<void> write(std::span<const stage::Row> rows);
  // Erases all rows that stages wrote to that shard, in several batches: after an error or a crash some are left.
  Result<void> erase_shard(int shard);
  // Forces everything written so far onto the disk.
  Result<void> sync();

  // The rows as they are now, whatever is written later: for readers that scan more than once.
  std::unique_ptr<stage::View> snapshot() const;

 private:
  struct Db;
  explicit RocksStore(std::unique_ptr<Db> db);
  std::unique_ptr<Db> db_;
};

}  // namespace echoloop::store
