// Kills a process at every crash point of the log and of the commit, and looks at what the next one finds: everything
// acknowledged is there, and every event is counted exactly once in every stage. The victim is this program, started
// again with the order to die.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "pipeline/base/crash_point.h"
#include "pipeline/local/local_link.h"
#include "tests/links/tally.h"
#include "tests/local/child.h"
#include "tests/local/log_tests.h"

namespace echoloop::local {
namespace {

constexpr int kPartitions = 4;
constexpr int kEvents = 300;

HouseOptions crash_options() {
  HouseOptions options;
  options.partitions = kPartitions;
  options.store.memory_bytes = 16 << 20;
  options.log.segment_bytes = 2000;
  options.log.ring_bytes = 1000;
  return options;
}

// Appends, acknowledges on stdout, counts; until it is killed. 3: it was not.
int be_victim(const std::filesystem::path& folder) {
  auto house = LocalHouse::open(folder, crash_options());
  if (!house) return 4;
  auto even = (*house)->link(0, 2), odd = (*house)->link(1, 2);
  for (int i = 0; i < kEvents; ++i) {
    const std::string key = "k" + std::to_string(i % 11), value = std::to_string(i);
    const Append one[] = {{stage::Kind::event, key, value, from_ms(i)}};
    if (!(*house)->log().append(one)) return 5;
    const std::string line = value + "\n";
    if (write(STDOUT_FILENO, line.data(), line.size()) < 0) return 6;
    if (!tally::step(*even, {}) || !tally::step(*odd, {.records_max = 3})) return 7;
  }
  return 3;
}

const Role victim{"victim", be_victim};

struct Death {
  int status = 0;
  std::vector<std::string> acknowledged;
};

Death run_victim(const TemporaryFolder& folder, const std::string& order) {
  Child child{"victim", folder.path() / "data", order};
  Death death;
  for (std::string line = child.line(); !line.empty(); line = child.line()) death.acknowledged.push_back(line);
  death.status = child.wait();
  return death;
}

// Finishes the work of the dead and checks that every event counts once everywhere.
void check_survivor(const TemporaryFolder& folder, const Death& death) {
  auto house = LocalHouse::open(folder.path() / "data", crash_options());
  ASSERT_TRUE(house) << house.error().text();
  EXPECT_TRUE((*house)->repairs().empty()) << "the death of a process tears nothing that the system has";
  tally::Counts events;
  std::set<std::string> stored;
  for (int partition = 0; partition < kPartitions; ++partition) {
    auto slice = (*house)->log().read(partition, 0, {});
    ASSERT_TRUE(slice);
    for (const stage::Record& record : slice->records) {
      ++events[std::string{record.key}];
      EXPECT_TRUE(stored.emplace(record.value).second) << "twice: " << record.value;
    }
  }
  for (const std::string& value : death.acknowledged) EXPECT_TRUE(stored.contains(value)) << "lost: " << value;
  EXPECT_LE(stored.size(), death.acknowledged.size() + 1);

  auto link = (*house)->link(0, 1);
  for (std::size_t records = 1; records > 0;) {
    auto done = tally::step(*link, {});
    ASSERT_TRUE(done) << done.error().text();
    records = *done;
  }
  for (stage::Topic topic : {stage::Topic::events, stage::Topic::deltas, stage::Topic::cases}) {
    EXPECT_EQ(tally::counts_of((*house)->store(), topic, kPartitions), events) << stage::name_of(topic);
  }
  tally::Counts tasks;
  for (int partition = 0; partition < kPartitions; ++partition) {
    auto slice = (*house)->read_topic(stage::Topic::tasks, partition, 0, {});
    ASSERT_TRUE(slice);
    for (const stage::Record& record : slice->records) ++tasks[std::string{record.key}];
  }
  EXPECT_EQ(tasks, events);
}

class Crash : public testing::TestWithParam<std::string_view> {};

TEST_P(Crash, LosesAndDoublesNothing) {
  for (int count : {1, 2, 7}) {
    SCOPED_TRACE(count);
    TemporaryFolder folder;
    const Death death = run_victim(folder, fmt::format("{}:{}", GetParam(), count));
    ASSERT_TRUE(WIFSIGNALED(death.status) && WTERMSIG(death.status) == SIGKILL)
        << "the point was not passed; status " << death.status;
    check_survivor(folder, death);
  }
}

INSTANTIATE_TEST_SUITE_P(Points, Crash, testing::ValuesIn(crash_point_names()), [](const auto& point) {
  std::string name{point.param};
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

TEST(CrashPoints, AreKnownByNameFromTheStart) {
  EXPECT_THAT(crash_point_names(), testing::IsSupersetOf({"log.before_write", "log.after_write", "log.after_sync",
                                                          "log.sealed", "commit.begin", "commit.before_write",
                                                          "commit.after_write", "commit.before_wake", "commit.end"}));
}

TEST(CrashPoints, WithoutAnOrderNobodyDies) {
  TemporaryFolder folder;
  const Death death = run_victim(folder, "");
  EXPECT_TRUE(WIFEXITED(death.status) && WEXITSTATUS(death.status) == 3) << death.status;
  EXPECT_EQ(death.acknowledged.size(), std::size_t{kEvents});
  check_survivor(folder, death);
}

TEST(CrashPoints, AMalformedOrderIsNotTakenForNone) {
  TemporaryFolder folder;
  const Death death = run_victim(folder, "log.after_write:often");
  EXPECT_TRUE(WIFEXITED(death.status) && WEXITSTATUS(death.status) == 2) << death.status;
}

}  // namespace
}  // namespace echoloop::local
