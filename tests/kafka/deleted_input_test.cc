// Inputs that were deleted and made anew between two lives of a member: what a link makes of what is left of the
// group's offsets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/kafka/kafka_house.h"
#include "pipeline/kafka/topics.h"
#include "tests/kafka/holder.h"

namespace echoloop::kafka {
namespace {

using kafka_tests::Folder;
using kafka_tests::Line;
using kafka_tests::MemoryCluster;
using stage::Topic;
using testing::HasSubstr;

// A life of the member, from its start on.
class Member {
 public:
  Member(MemoryCluster& cluster, const std::filesystem::path& folder) {
    MemberOptions options;
    options.name = "member";
    auto house = KafkaHouse::open(folder, options, {.memory_bytes = 8u << 20}, 1,
                                  [&cluster](int) { return cluster.connect("member", std::make_shared<Line>()); });
    EXPECT_TRUE(house) << house.error().text();
    house_ = std::move(*house);
    link_ = std::move(*house_->link(0, 1));
  }
  // What keeps it from its shard; an empty text: nothing does.
  std::string take() {
    for (int i = 0; i < 100; ++i) {
      auto poll = link_->poll(Duration{0}, {});
      if (!poll) return poll.error().text();
      if (!poll->assigned.empty()) return "";
    }
    return "it does not come";
  }
  // An epoch that has read that far in topic events, and nothing else.
  void commit(std::int64_t next_offset, const std::string& value) {
    auto committed = link_->commit({{{stage::Table::cube, 0, "cell", value}}, {}, {{{Topic::events, 0}, next_offset}}});
    ASSERT_TRUE(committed) << committed.error().text();
  }
  std::string cell() const { return house_->rows().get(stage::Table::cube, 0, "cell")->value_or("none"); }

 private:
  std::unique_ptr<KafkaHouse> house_;
  std::unique_ptr<stage::Link> link_;
};

class DeletedInput : public testing::Test {
 protected:
  DeletedInput() {
    for (int i = 0; i < 2; ++i) cluster_.append(Topic::events, 0, stage::Kind::event, "key", "value", from_ms(1));
    Member member{cluster_, folder_.path("member")};
    EXPECT_EQ(member.take(), "");
    member.commit(1, "of the first epoch");
    member.commit(2, "of the second epoch");
  }

  Folder folder_;
  MemoryCluster cluster_{1};
};

TEST_F(DeletedInput, WithoutItsStoreOrEventsAMemberStillFindsTheLastEpoch) {
  cluster_.delete_input(Topic::events);
  for (const char* folder : {"member", "anew"}) {
    Member again{cluster_, folder_.path(folder)};
    EXPECT_EQ(again.take(), "");
    EXPECT_EQ(again.cell(), "of the second epoch");
  }
}

// Though nothing was ever read of them: their offsets are committed with those of events.
TEST_F(DeletedInput, NobodyTakesAShardThatLacksWhatMembersHadWritten) {
  for (Topic topic : {Topic::misplaced, Topic::deltas, Topic::cases}) {
    MemoryCluster cluster = cluster_;
    cluster.delete_input(topic);
    Member again{cluster, folder_.path("member")};
    EXPECT_THAT(again.take(), HasSubstr("topic " + topic_name({}, topic) + ": it was deleted and made anew"));
  }
}

}  // namespace
}  // namespace echoloop::kafka
