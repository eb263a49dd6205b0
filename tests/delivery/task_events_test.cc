// What endpoints read of topic tasks while it grows, and while transactions are open in it.
#include "pipeline/delivery/task_events.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace echoloop::delivery {
namespace {

std::string task_event(const std::string& id) {
  return R"({"id":")" + id + R"(","change":"opened","data":{"title":{"zh":"","en":""}}})";
}

// A topic of one partition as a broker shows it: `records` up to what is committed, and the end it tells.
class Reading : public testing::Test {
 protected:
  Reading() {
    parts_.now = [this] { return now_; };
    parts_.ends = [this]() -> Result<std::vector<std::int64_t>> { return std::vector{end_}; };
    parts_.read = [this](int, std::int64_t from, const stage::PollLimits& limits) -> Result<stage::Slice> {
      ++reads_;
      stage::Slice slice;
      for (auto one = records_.lower_bound(from); one != records_.end() && one->first < committed_; ++one) {
        if (slice.records.size() == limits.records_max) return slice;
        stage::Record record;
        record.offset = one->first;
        record.value = one->second;
        slice.records.push_back(record);
      }
      return slice;
    };
  }

  void commit(std::int64_t offset, const std::string& id) {
    records_[offset] = task_event(id);
    end_ = committed_ = offset + 2;  // behind it lies the mark of its transaction
  }
  // Ids from there on as an endpoint comes by them, and where it stands then.
  std::string read_on(std::int64_t& next) {
    std::string out;
    while (true) {
      auto batch = events_.read(0, next);
      if (!batch) return batch.error().text();
      if (*batch == nullptr) return out;
      for (const TaskEvents::Event& event : (*batch)->events) {
        if (event.offset >= next && event.told) out += event.told->id + " ";
      }
      next = (*batch)->next;
    }
  }

  std::map<std::int64_t, std::string> records_;
  std::int64_t committed_ = 0, end_ = 0;
  int reads_ = 0;
  Time now_{};
  DeliveryParts parts_;
  TaskEvents events_{parts_};
};

TEST_F(Reading, GoesOnWhereItStoodBehindMarksOfTransactions) {
  std::int64_t next = 0;
  EXPECT_FALSE(events_.end(0)) << "nobody has looked";
  EXPECT_EQ(read_on(next), "");
  commit(0, "a");
  commit(2, "b");
  EXPECT_TRUE(events_.look().value());
  EXPECT_EQ(read_on(next), "a b ");
  EXPECT_EQ(next, 3);
  EXPECT_FALSE(events_.look().value());
  const int reads = reads_;
  EXPECT_EQ(read_on(next), "");
  EXPECT_EQ(reads_, reads) << "what was found empty is not read again";
  now_ += Duration{60 * kSecond_ms};
  EXPECT_EQ(read_on(next), "");
  EXPECT_EQ(reads_, reads + 1) << "but now and then";
  commit(4, "c");
  EXPECT_TRUE(events_.look().value());
  EXPECT_EQ(read_on(next), "c ");
}

TEST_F(Reading, IsDoneOnceForAll) {
  commit(0, "a");
  ASSERT_TRUE(events_.look());
  std::int64_t one = 0, other = 0;
  EXPECT_EQ(read_on(one), "a ");
  const int reads = reads_;
  EXPECT_EQ(read_on(other), "a ");
  EXPECT_EQ(reads_, reads);
}

// A broker tells an end behind a transaction that is still open, if the transaction begins while it is asked.
TEST_F(Reading, WaitsBeforeATransactionThatIsOpen) {
  std::int64_t next = 0;
  commit(0, "a");
  records_[2] = task_event("b");
  end_ = 3;
  ASSERT_TRUE(events_.look());
  EXPECT_EQ(read_on(next), "a ");
  EXPECT_EQ(next, 1) << "b would never be told";
  EXPECT_FALSE(events_.read_one(0, 2)) << "an event that was read before is not gone";
  commit(2, "b");
  EXPECT_TRUE(events_.look().value());
  EXPECT_EQ(read_on(next), "b ");
  EXPECT_EQ(events_.read_one(0, 2).value().value().id, "b");
}

TEST_F(Reading, KnowsWhatTheTopicHasLetGo) {
  commit(0, "a");
  commit(2, "b");
  records_.erase(0);
  ASSERT_TRUE(events_.look());
  EXPECT_FALSE(events_.read_one(0, 0).value());
  EXPECT_FALSE(events_.read_one(0, 4)) << "what has not come yet";
}

}  // namespace
}  // namespace echoloop::delivery
