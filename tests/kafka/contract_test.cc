// What kafka_link.cc rests on, demanded of a real broker through librdkafka and of the cluster in memory that the
// simulation plays on: what the one does and the other does not would make the simulation worthless.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "pipeline/kafka/topics.h"
#include "tests/kafka/world.h"

namespace echoloop::kafka_tests {
namespace {

using kafka::Brokers;
using kafka::Committed;
using stage::Partition;
using stage::Topic;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Duration kPoll{100};
constexpr int kPolls_max = 600;

// A worker that takes what the group gives and answers as the engine would, without any epoch in between.
class Worker {
 public:
  Worker(World& world, std::string name) : name_(std::move(name)), brokers_(world.connect(name_)) {}

  void poll() {
    std::vector<stage::Slice> slices;
    auto news = brokers_->poll(kPoll, {}, slices);
    ASSERT_TRUE(news) << news.error().text();
    for (const stage::Slice& slice : slices) {
      for (const stage::Record& record : slice.records) {
        read_.emplace_back(record.value);
        offsets_.push_back(record.offset);
      }
    }
    if (news->taken) {
      given_.reset();
      ASSERT_TRUE(brokers_->yield());
    }
    if (news->given) {
      given_ = *news->given;
      if (auto released = brokers_->release(); !released) FAIL() << released.error().text();
    }
  }

  std::set<int> shards() const {
    std::set<int> out;
    for (const auto& given : given_.value_or(std::vector<kafka::Given>{})) out.insert(given.partition.number);
    return out;
  }
  bool holds() const { return given_.has_value(); }
  kafka::Given given(Partition partition) const {
    for (const auto& given : *given_) {
      if (given.partition == partition) return given;
    }
    ADD_FAILURE() << "not held";
    return {};
  }
  const std::vector<std::string>& read() const { return read_; }
  const std::vector<std::int64_t>& offsets() const { return offsets_; }
  Brokers& operator*() { return *brokers_; }
  Brokers* operator->() { return brokers_.get(); }
  void leave() { brokers_.reset(); }

 private:
  std::string name_;
  std::unique_ptr<Brokers> brokers_;
  std::optional<std::vector<kafka::Given>> given_;
  std::vector<std::string> read_;
  std::vector<std::int64_t> offsets_;
};

void await(std::initializer_list<Worker*> workers, const std::function<bool()>& true_now) {
  for (int i = 0; i < kPolls_max; ++i) {
    if (true_now()) return;
    for (Worker* worker : workers) worker->poll();
  }
  FAIL() << "it does not come";
}

stage::Output output(Topic topic, const std::string& value) {
  return {topic, stage::Kind::delta, "key", value, from_ms(1)};
}

class Contract : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!GetParam()) {
      world_ = memory_world();
    } else if (const char* brokers = std::getenv("ECHOLOOP_TEST_BROKERS")) {
      world_ = real_world(brokers);
    } else {
      GTEST_SKIP() << "no broker at ECHOLOOP_TEST_BROKERS: tests/house/broker.py with -- test_kafka";
    }
  }
  // A worker that holds everything.
  std::unique_ptr<Worker> alone(const std::string& name) {
    auto out = std::make_unique<Worker>(*world_, name);
    await({out.get()}, [&] { return out->holds(); });
    return out;
  }
  std::unique_ptr<World> world_;
};

TEST_P(Contract, MembersShareTheShardsAndEachIsInOneHand) {
  auto a = alone("a");
  EXPECT_EQ(a->shards().size(), 3u);
  Worker b{*world_, "b"};
  await({a.get(), &b}, [&] { return b.holds() && a->holds() && a->shards().size() + b.shards().size() == 3u; });
  for (int shard : a->shards()) {
    EXPECT_FALSE(b.shards().contains(shard));
    for (Topic topic : kafka::kInputs) EXPECT_EQ(a->given({topic, shard}).next_offset, -1);
  }
}

TEST_P(Contract, WhatWasAbortedIsNeverSeen) {
  auto a = alone("a");
  ASSERT_TRUE((*a)->begin());
  ASSERT_TRUE((*a)->write(output(Topic::deltas, "aborted"), 0));
  a->leave();
  auto again = alone("a");
  ASSERT_TRUE((*again)->begin());
  auto offset = (*again)->write(output(Topic::deltas, "committed"), 0);
  ASSERT_TRUE(offset);
  ASSERT_TRUE((*again)->finish({}));
  const std::int64_t told = **offset;
  await({again.get()}, [&] { return !again->read().empty(); });
  EXPECT_THAT(again->read(), ElementsAre("committed"));
  EXPECT_THAT(again->offsets(), ElementsAre(told));
}

TEST_P(Contract, NothingIsReadBehindATransactionThatIsOpen) {
  auto a = alone("a");
  world_->leave_pending({Topic::deltas, 1}, 0, "of somebody who never ends it");
  ASSERT_TRUE((*a)->begin());
  ASSERT_TRUE((*a)->write(output(Topic::deltas, "behind it"), 1));
  ASSERT_TRUE((*a)->finish({}));
  for (int i = 0; i < 4; ++i) a->poll();
  EXPECT_THAT(a->read(), IsEmpty());
  await({a.get()}, [&] { return !a->read().empty(); });
  EXPECT_THAT(a->read(), ElementsAre("behind it"));
}

TEST_P(Contract, OffsetsEpochsAndRecordsAreTrueTogether) {
  world_->append(Topic::events, 1, "k", "one");
  world_->append(Topic::events, 1, "k", "two");
  auto a = alone("a");
  await({a.get()}, [&] { return a->read().size() == 2; });
  EXPECT_THAT(a->offsets(), ElementsAre(0, 1));
  ASSERT_TRUE((*a)->begin());
  ASSERT_TRUE((*a)->write(output(Topic::deltas, "of one"), 1));
  ASSERT_TRUE((*a)->write_changelog(1, "rows"));
  const Committed committed[] = {{{{Topic::events, 1}, 1}, 4, 3}};
  ASSERT_TRUE((*a)->finish(committed));
  // And an epoch that never ends.
  ASSERT_TRUE((*a)->begin());
  ASSERT_TRUE((*a)->write(output(Topic::deltas, "of two"), 1));
  a->leave();
  auto again = alone("a");
  EXPECT_EQ(again->given({Topic::events, 1}).next_offset, 1);
  EXPECT_EQ(again->given({Topic::events, 1}).epoch, 4);
  EXPECT_EQ(again->given({Topic::events, 1}).partitions, 3);
  EXPECT_EQ(again->given({Topic::events, 0}).next_offset, -1);
  EXPECT_EQ(again->given({Topic::events, 0}).partitions, 0);
  await({again.get()}, [&] { return again->read().size() == 2; });
  EXPECT_THAT(again->read(), testing::UnorderedElementsAre("two", "of one"));
}

TEST_P(Contract, WhoComesLaterUnderTheSameNameFencesTheEarlier) {
  auto a = alone("a");
  ASSERT_TRUE((*a)->begin());
  ASSERT_TRUE((*a)->write(output(Topic::deltas, "of the earlier"), 0));
  auto later = alone("a");
  EXPECT_FALSE((*a)->finish({}));
  ASSERT_TRUE((*later)->begin());
  ASSERT_TRUE((*later)->write(output(Topic::deltas, "of the later"), 0));
  ASSERT_TRUE((*later)->finish({}));
  await({later.get()}, [&] { return !later->read().empty(); });
  EXPECT_THAT(later->read(), ElementsAre("of the later"));
}

TEST_P(Contract, OffsetsThatMayStillChangeAreWaitedFor) {
  world_->append(Topic::events, 0, "k", "one");
  {
    auto a = alone("a");
    await({a.get()}, [&] { return a->read().size() == 1; });
  }
  world_->leave_pending({Topic::events, 0}, 1, "of somebody who never ends it");
  auto again = alone("a");
  EXPECT_EQ(again->given({Topic::events, 0}).next_offset, -1);
  await({again.get()}, [&] { return again->read().size() == 1; });
}

TEST_P(Contract, OthersGetWhatAMemberHeldThatDoesNotComeBack) {
  auto a = alone("a");
  Worker b{*world_, "b"};
  await({a.get(), &b}, [&] { return b.holds() && a->holds(); });
  a->leave();
  for (int i = 0; i < 3; ++i) b.poll();
  EXPECT_LT(b.shards().size(), 3u);  // it may come back
  world_->forget("a");
  await({&b}, [&] { return b.shards().size() == 3u; });
}

TEST_P(Contract, TheChangelogHoldsWhatIsCommittedFromWhereItWasTrimmed) {
  auto a = alone("a");
  for (const char* record : {"1", "2", "3"}) {
    ASSERT_TRUE((*a)->begin());
    ASSERT_TRUE((*a)->write_changelog(2, record));
    ASSERT_TRUE((*a)->finish({}));
  }
  ASSERT_TRUE((*a)->begin());
  ASSERT_TRUE((*a)->write_changelog(2, "not committed"));
  a->leave();
  auto again = alone("a");
  auto offset = Brokers::Offset{};
  ASSERT_TRUE((*again)->begin());
  offset = *(*again)->write_changelog(2, "4");
  ASSERT_TRUE((*again)->finish({}));
  const std::int64_t last = *offset;

  std::vector<std::pair<std::int64_t, std::string>> seen;
  const auto read_from = [&](std::int64_t from) {
    seen.clear();
    auto changelog = (*again)->read_changelog();
    ASSERT_TRUE(changelog);
    ASSERT_TRUE((*changelog)->begin({{2, from}}));
    for (int i = 0; i < kPolls_max && (seen.empty() || seen.back().first < last); ++i) {
      ASSERT_TRUE((*changelog)->read(kPoll, [&](int shard, std::int64_t at, std::string_view record) -> Result<void> {
        EXPECT_EQ(shard, 2);
        seen.emplace_back(at, record);
        return {};
      }));
    }
  };
  read_from(0);
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[3], std::pair(last, std::string("4")));
  EXPECT_EQ(seen[0].second, "1");
  const std::int64_t third = seen[2].first;
  (*again)->trim(2, third);
  auto changelog = (*again)->read_changelog();
  ASSERT_TRUE(changelog);
  await({again.get()}, [&] { return (*changelog)->ends(2).value().low == third; });
  EXPECT_GT((*changelog)->ends(2).value().high, last);
  read_from(third);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].second, "3");
}

TEST_P(Contract, TheChangelogKnowsWhetherAnythingWasCommitted) {
  auto a = alone("a");
  const auto holds = [](Worker& worker, int shard) {
    auto changelog = worker->read_changelog();
    EXPECT_TRUE(changelog);
    auto out = (*changelog)->holds_records(shard);
    EXPECT_TRUE(out) << out.error().text();
    return out.value_or(false);
  };
  EXPECT_FALSE(holds(*a, 1));
  ASSERT_TRUE((*a)->begin());
  ASSERT_TRUE((*a)->write_changelog(1, "not committed"));
  a->leave();
  auto again = alone("a");
  EXPECT_FALSE(holds(*again, 1));
  ASSERT_TRUE((*again)->begin());
  ASSERT_TRUE((*again)->write_changelog(1, "committed"));
  ASSERT_TRUE((*again)->finish({}));
  EXPECT_TRUE(holds(*again, 1));
  EXPECT_FALSE(holds(*again, 2));
}

INSTANTIATE_TEST_SUITE_P(OfBrokers, Contract, testing::Bool(),
                         [](const auto& world) { return world.param ? "real" : "in_memory"; });

}  // namespace
}  // namespace echoloop::kafka_tests
