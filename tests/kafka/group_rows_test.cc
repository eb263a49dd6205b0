// One member asks another over real HTTP for the rows of shards that are not its own; the brokers are in memory.
#include "pipeline/kafka/group_rows.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "pipeline/base/bytes.h"
#include "pipeline/http/server.h"
#include "pipeline/kafka/http_rows.h"
#include "pipeline/kafka/peers.h"
#include "tests/kafka/memory_cluster.h"

namespace echoloop::kafka_tests {
namespace {

using kafka::GroupRows;
using kafka::KafkaHouse;
using kafka::RemoteRows;
using stage::Table;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int kShards = 4;
constexpr const char* kSecret = "sesame";

std::string key_of(int i) { return fmt::format("key-{:05}", i); }

// A member with one worker.
class Member {
 public:
  Member(MemoryCluster& cluster, const std::filesystem::path& folder, std::string name) {
    kafka::MemberOptions options;
    options.name = name;
    auto house = KafkaHouse::open(folder / name, options, {.memory_bytes = 8u << 20}, kShards,
                                  [&cluster, name](int) { return cluster.connect(name, std::make_shared<Line>()); });
    EXPECT_TRUE(house) << house.error().text();
    house_ = std::move(*house);
    link_ = std::move(*house_->link(0, 1));
  }
  void poll() { ASSERT_TRUE(link_->poll(Duration{0}, {})); }
  void write(int shard, const std::vector<stage::Row>& rows) {
    auto committed = link_->commit({rows, {}, {{{stage::Topic::events, shard}, 0}}});
    ASSERT_TRUE(committed) << committed.error().text();
  }
  KafkaHouse& house() { return *house_; }

 private:
  std::unique_ptr<KafkaHouse> house_;
  std::unique_ptr<stage::Link> link_;
};

class GroupRowsTest : public testing::Test {
 protected:
  GroupRowsTest() {
    std::string name = (std::filesystem::temp_directory_path() / "echoloop-group-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    a_ = std::make_unique<Member>(cluster_, folder_, "a");
    b_ = std::make_unique<Member>(cluster_, folder_, "b");
    for (int i = 0; i < 20; ++i) {
      a_->poll();
      b_->poll();
    }
    http::Router router;
    kafka::add_rows_route(router, b_->house(), kSecret);
    auto server = http::Server::start({}, std::move(router));
    EXPECT_TRUE(server) << server.error().text();
    server_ = std::move(*server);
    address_ = "http://" + server_->address();
    for (int shard = 0; shard < kShards; ++shard) {
      std::vector<stage::Row> rows;
      for (int i = 0; i < kRows; ++i) rows.push_back({Table::cube, shard, key_of(i), std::string(100, 'v')});
      (a_->house().holds(shard) ? a_ : b_)->write(shard, rows);
      if (!a_->house().holds(shard)) other_ = shard;
    }
  }
  ~GroupRowsTest() override {
    server_.reset();
    a_.reset();
    b_.reset();
    std::filesystem::remove_all(folder_);
  }

  static std::vector<std::string> keys(const stage::View& view, int shard, std::string_view from, std::string_view to,
                                       std::size_t enough = SIZE_MAX) {
    std::vector<std::string> out;
    auto scanned = view.scan(Table::cube, shard, from, to, [&](std::string_view key, std::string_view value) {
      EXPECT_THAT(value, SizeIs(100));
      out.emplace_back(key);
      return out.size() < enough;
    });
    EXPECT_TRUE(scanned) << scanned.error().text();
    return out;
  }

  static constexpr int kRows = 3'000;  // several pages
  MemoryCluster cluster_{kShards};
  std::filesystem::path folder_;
  std::unique_ptr<Member> a_, b_;
  std::unique_ptr<http::Server> server_;
  std::string address_;
  int other_ = -1;  // a shard that b holds
  RemoteRows remote_{[this](int) { return std::optional(kafka::Owner{address_, kSecret}); }};
};

TEST_F(GroupRowsTest, AnyMemberReadsTheRowsOfAll) {
  ASSERT_THAT(a_->house().shards(), SizeIs(kShards / 2));
  const GroupRows rows{a_->house(), remote_};
  for (int shard = 0; shard < kShards; ++shard) {
    const auto all = keys(rows, shard, "", "");
    ASSERT_THAT(all, SizeIs(kRows));
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
    EXPECT_THAT(keys(rows, shard, key_of(7), key_of(9)), ElementsAre(key_of(7), key_of(8)));
    EXPECT_THAT(keys(rows, shard, key_of(7), "", 2), ElementsAre(key_of(7), key_of(8)));
    EXPECT_THAT(keys(rows, shard, "nothing", ""), IsEmpty());
    EXPECT_EQ(rows.get(Table::cube, shard, key_of(5))->value_or(""), std::string(100, 'v'));
    EXPECT_FALSE(rows.get(Table::cube, shard, "no such key")->has_value());
    EXPECT_FALSE(rows.get(Table::sessions, shard, key_of(5))->has_value());
  }
}

TEST_F(GroupRowsTest, AScanSeesTheRowsOfOneMoment) {
  const GroupRows rows{a_->house(), remote_};
  int seen = 0;
  auto scanned = rows.scan(Table::cube, other_, "", "", [&](std::string_view, std::string_view) {
    // After the first row of the first page, all that follows is erased.
    if (seen++ > 0) return true;
    std::vector<stage::Row> gone;
    for (int i = 0; i < kRows; ++i) gone.push_back({Table::cube, other_, key_of(i), std::nullopt});
    b_->write(other_, gone);
    return true;
  });
  ASSERT_TRUE(scanned);
  EXPECT_EQ(seen, kRows);
  EXPECT_THAT(keys(rows, other_, "", ""), IsEmpty());
}

TEST_F(GroupRowsTest, ASnapshotStaysAsItWas) {
  const GroupRows rows{a_->house(), remote_};
  auto snapshot = rows.snapshot();
  EXPECT_TRUE(snapshot->get(Table::cube, other_, key_of(0))->has_value());  // from now on
  b_->write(other_, {{Table::cube, other_, key_of(1), std::nullopt}});
  EXPECT_THAT(keys(*snapshot, other_, "", ""), SizeIs(kRows));
  EXPECT_THAT(keys(rows, other_, "", ""), SizeIs(kRows - 1));
}

TEST_F(GroupRowsTest, AShardThatNobodyHoldsIsAnErrorAndNeverNoRows) {
  const auto fault_of = [this](const RemoteRows& remote) {
    auto got = GroupRows{a_->house(), remote}.get(Table::cube, other_, "k");
    return got ? std::string("none") : fmt::format("{} {}", got.error().fault == Fault::away, got.error().text());
  };
  EXPECT_EQ(fault_of(RemoteRows{[](int) { return std::nullopt; }}),
            fmt::format("true kafka: shard {}: no member is known to hold it at the moment", other_));
  EXPECT_THAT(fault_of(RemoteRows{[](int) {
                return std::optional(kafka::Owner{"http://127.0.0.1:1", kSecret});
              }}),
              testing::AllOf(testing::StartsWith("true"), testing::HasSubstr("connect")));
  // The one who is asked held it once.
  b_.reset();
  auto own = a_->house().rows().get(Table::cube, other_, "k");
  ASSERT_FALSE(own);
  EXPECT_EQ(own.error().fault, Fault::away);
}

TEST_F(GroupRowsTest, WhoDoesNotHoldItSaysSo) {
  const int of_a = a_->house().shards().front();
  std::string view;
  auto got = remote_.get(Table::cube, of_a, "k", &view);
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().text(), testing::HasSubstr("it answers 421"));
  const RemoteRows stranger{[this](int) { return std::optional(kafka::Owner{address_, "guessed"}); }};
  got = stranger.get(Table::cube, other_, key_of(1), nullptr);
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().text(), testing::HasSubstr("it answers 403"));
  view = "of-another-time";
  got = remote_.get(Table::cube, other_, "k", &view);
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().text(), testing::HasSubstr("it answers 410"));
}

TEST(Standing, IsReadAsItWasWrittenAndNothingElseIs) {
  const auto back = kafka::decode_standing(kafka::encode(kafka::Standing{"http://h:1", kSecret, {2, 5}, from_ms(7)}));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->address, "http://h:1");
  EXPECT_EQ(back->secret, kSecret);
  EXPECT_THAT(back->shards, ElementsAre(2, 5));
  EXPECT_EQ(back->since, from_ms(7));
  for (const char* other : {"", "{}", "[]", R"({"address":1,"secret":"s","shards":[]})",
                            R"({"address":"a","shards":[]})", R"({"address":"a","secret":"s","shards":["x"]})"})
    EXPECT_FALSE(kafka::decode_standing(other)) << other;
}

TEST(Standing, OfTwoProcessesUnderOneNameExactlyOneGoesOn) {
  const auto standing = [](std::int64_t since, const char* secret) {
    return kafka::Standing{"", secret, {}, from_ms(since)};
  };
  for (const auto& [older, younger] :
       {std::pair{standing(1, "b"), standing(2, "a")}, std::pair{standing(3, "a"), standing(3, "b")}}) {
    EXPECT_TRUE(is_succeeded(older, younger));
    EXPECT_FALSE(is_succeeded(younger, older));
    EXPECT_FALSE(is_succeeded(older, older));
  }
}

TEST(Claims, WhoBeganLastHoldsAShardHoweverOftenTheOtherSaysSo) {
  kafka::Claims claims;
  const auto owner = [&](int shard) { return claims[shard].empty() ? "nobody" : claims[shard].back().owner.address; };
  take_claims(claims, "a", {"a:1", "", {1, 2}});
  take_claims(claims, "b", {"b:1", "", {2}});
  EXPECT_EQ(owner(1), "a:1");
  EXPECT_EQ(owner(2), "b:1");
  take_claims(claims, "a", {"a:2", "", {1, 2}});  // has not noticed
  EXPECT_EQ(owner(1), "a:2");
  EXPECT_EQ(owner(2), "b:1");
  take_claims(claims, "a", {"a:2", "", {1}});
  EXPECT_EQ(owner(2), "b:1");
  take_claims(claims, "b", {});
  EXPECT_EQ(owner(2), "nobody");
  take_claims(claims, "a", {"a:2", "", {1, 2}});
  EXPECT_EQ(owner(2), "a:2");
}

TEST(Hex, IsReadAsItWasWrittenAndNothingElseIs) {
  const std::string all("\x00\x7f\xff key", 7);
  EXPECT_EQ(from_hex(to_hex(all)), all);
  for (const char* other : {"0", "0g", "FF", " 0"}) EXPECT_FALSE(from_hex(other)) << other;
}

}  // namespace
}  // namespace echoloop::kafka_tests
