// RocksStore beyond the contract of View (tests/links): batches, snapshots, refusals and faults.
#include "pipeline/store/rocks_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "pipeline/base/bytes.h"

namespace echoloop::store {
namespace {

namespace fs = std::filesystem;
using stage::Table;

class RocksStoreTest : public testing::Test {
 protected:
  RocksStoreTest() {
    std::string pattern = (fs::temp_directory_path() / "echoloop-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder can be made");
    folder_ = pattern;
  }
  ~RocksStoreTest() override { fs::remove_all(folder_); }

  std::unique_ptr<RocksStore> open(bool read_only = false) {
    auto store = RocksStore::open(path(), {.memory_bytes = 16 << 20, .read_only = read_only});
    EXPECT_TRUE(store) << store.error().text();
    return store ? std::move(*store) : nullptr;
  }
  Error refusal(bool read_only = false) {
    auto store = RocksStore::open(path(), {.memory_bytes = 16 << 20, .read_only = read_only});
    EXPECT_FALSE(store);
    return store ? Error{} : store.error();
  }
  static std::optional<std::string> get(const stage::View& view, std::string_view key) {
    auto value = view.get(Table::tasks, 0, key);
    EXPECT_TRUE(value);
    return value.value_or(std::nullopt);
  }
  fs::path path() const { return folder_ / "store"; }

  fs::path folder_;
};

std::vector<stage::Row> one_row(std::string key, std::string value) {
  return {{Table::tasks, 0, std::move(key), std::move(value)}};
}

TEST_F(RocksStoreTest, ABatchKeepsTheOrderOfItsChanges) {
  auto store = open();
  Batch batch;
  batch.put(Table::tasks, 0, "a", "1");
  batch.erase(Table::tasks, 0, "a");
  batch.put(Table::tasks, 0, "a", "2");
  batch.put(Table::tasks, 0, "b", "1");
  batch.erase(Table::tasks, 0, "b");
  ASSERT_TRUE(store->write(batch));
  EXPECT_EQ(get(*store, "a"), "2");
  EXPECT_EQ(get(*store, "b"), std::nullopt);
}

TEST_F(RocksStoreTest, ASnapshotDoesNotSeeLaterWrites) {
  auto store = open();
  ASSERT_TRUE(store->write(one_row("a", "1")));
  auto snapshot = store->snapshot();
  ASSERT_TRUE(store->write(one_row("a", "2")));
  ASSERT_TRUE(store->write(one_row("b", "2")));
  EXPECT_EQ(get(*snapshot, "a"), "1");
  int rows = 0;
  ASSERT_TRUE(snapshot->scan(Table::tasks, 0, "", "", [&](std::string_view key, std::string_view value) {
    EXPECT_EQ(key, "a");
    EXPECT_EQ(value, "1");
    return ++rows > 0;
  }));
  EXPECT_EQ(rows, 1);
  EXPECT_EQ(get(*store, "a"), "2");
}

TEST_F(RocksStoreTest, ManyRowsGoThroughFlushAndCompactionWithinLittleMemory) {
  constexpr int kRows = 60'000;
  {
    auto store = open();
    for (int start = 0; start < kRows; start += 1000) {
      std::vector<stage::Row> rows;
      for (int i = start; i < start + 1000; ++i) {
        std::string key;
        put_key_u64(key, static_cast<std::uint64_t>(i) * 7919 % kRows);
        rows.push_back({Table::sessions, i % 4, key, std::string(200, static_cast<char>('a' + i % 26))});
      }
      ASSERT_TRUE(store->write(rows));
    }
  }
  auto store = open();
  int rows = 0;
  for (int shard = 0; shard < 4; ++shard) {
    std::string last;
    ASSERT_TRUE(store->scan(Table::sessions, shard, "", "", [&](std::string_view key, std::string_view value) {
      EXPECT_LT(last, key);
      EXPECT_EQ(value.size(), 200u);
      last = key;
      return ++rows > 0;
    }));
  }
  EXPECT_EQ(rows, kRows);
}

TEST_F(RocksStoreTest, ASecondOpeningIsRefusedByName) {
  auto store = open();
  const Error error = refusal();
  EXPECT_EQ(error.fault, Fault::world);
  EXPECT_EQ(error.reason, "the store in " + path().string() + " is in use by another process");
}

TEST_F(RocksStoreTest, AReaderBesideTheWriterSeesWhatWasWrittenBefore) {
  auto store = open();
  ASSERT_TRUE(store->write(one_row("a", "1")));
  auto reader = open(true);
  ASSERT_TRUE(reader);
  EXPECT_EQ(get(*reader, "a"), "1");
  EXPECT_FALSE(reader->write(one_row("b", "2")));
}

TEST_F(RocksStoreTest, ReadingAMissingStoreIsAnErrorAndMakesNone) {
  EXPECT_EQ(refusal(true).fault, Fault::world);
  EXPECT_FALSE(fs::exists(path() / "CURRENT"));
}

TEST_F(RocksStoreTest, ANewerFormatIsRefused) {
  {
    auto store = open();
    std::string newer;
    put_varint(newer, 3);
    Batch batch;
    batch.put(Table{255}, 0, "format", newer);
    ASSERT_TRUE(store->write(batch));
  }
  EXPECT_THAT(refusal().reason,
              testing::HasSubstr("format 3, this echoloop knows formats up to 2: use a newer echoloop"));
}

TEST_F(RocksStoreTest, AnEarlierFormatIsMadeTheNewestBeforeAnythingIsWritten) {
  std::string earlier, newest;
  put_varint(earlier, 1);
  put_varint(newest, 2);
  {
    auto store = open();
    Batch batch;
    batch.put(Table{255}, 0, "format", earlier);
    ASSERT_TRUE(store->write(batch));
  }
  const auto format = [](RocksStore& store) { return *store.get(Table{255}, 0, "format"); };
  EXPECT_EQ(format(*RocksStore::open(path(), {.read_only = true}).value()), earlier);
  EXPECT_EQ(format(*open()), newest);
}

TEST_F(RocksStoreTest, AForeignDatabaseIsLeftAlone) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* raw = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, path().string(), &raw).ok());
  std::unique_ptr<rocksdb::DB> foreign{raw};
  ASSERT_TRUE(foreign->Put({}, "key", "value").ok());
  foreign.reset();
  EXPECT_THAT(refusal().reason, testing::HasSubstr("is not a store of echoloop"));
}

TEST_F(RocksStoreTest, DamageIsToldWithTheFolder) {
  { ASSERT_TRUE(open()->write(one_row("a", "1"))); }
  for (const auto& entry : fs::directory_iterator(path())) {
    if (!entry.path().filename().string().starts_with("MANIFEST")) continue;
    std::fstream file{entry.path(), std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(20);
    file.write("damage!!", 8);
  }
  const Error error = refusal();
  EXPECT_EQ(error.fault, Fault::world);
  EXPECT_THAT(error.reason, testing::HasSubstr("the store in " + path().string() + " is damaged"));
}

// In a process of its own, because the limit on file sizes counts for all of it.
TEST_F(RocksStoreTest, AFullDiskRefusesEveryWriteUntilReopened) {
  { ASSERT_TRUE(open()->write(one_row("before", "1"))); }
  const fs::path marks = path();
  auto fill = [&] {
    signal(SIGXFSZ, SIG_IGN);
    auto opened = RocksStore::open(marks, {.memory_bytes = 64 << 20});
    if (!opened) _exit(10);
    rlimit limit{200'000, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &limit);
    Result<void> written;
    int rows = 0;
    for (; written && rows < 1000; ++rows)
      written = (*opened)->write(one_row("row" + std::to_string(rows), std::string(1000, 'x')));
    if (written || rows < 10 || written.error().fault != Fault::world) _exit(11);
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    written = (*opened)->write(one_row("after", "1"));
    if (written || written.error().reason.find("until it is opened anew") == std::string::npos) _exit(12);
    std::ofstream{marks.parent_path() / "rows"} << rows;
    _exit(0);
  };
  const pid_t child = fork();
  if (child == 0) fill();
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << WEXITSTATUS(status);

  int rows = 0;
  std::ifstream{folder_ / "rows"} >> rows;
  auto store = open();
  EXPECT_EQ(get(*store, "before"), "1");
  EXPECT_EQ(get(*store, "after"), std::nullopt);
  for (int i = 0; i + 1 < rows; ++i) EXPECT_TRUE(get(*store, "row" + std::to_string(i))) << i;
  EXPECT_FALSE(get(*store, "row" + std::to_string(rows - 1))) << "the failed write is not half there";
  ASSERT_TRUE(store->write(one_row("after", "2")));
  EXPECT_EQ(get(*store, "after"), "2");
}

}  // namespace
}  // namespace echoloop::store
