// A week becomes true once, whoever brings it and however often.
#include "processors/casework/digests.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/processors/casework_play.h"

namespace echoloop::casework {
namespace {

constexpr std::int64_t kWeek_ms = 7 * kDay_ms;

class Digests : public testing::Test {
 protected:
  // Events that it was told by.
  std::size_t bring(const std::string& department, std::int64_t week, const std::string& json = R"({"n":1})") {
    state::Digest digest;
    digest.set_tenant("acme");
    digest.set_department(department);
    digest.set_from(week * kWeek_ms);
    digest.set_json(json);
    take_digest(digest, from_ms((week + 1) * kWeek_ms), rows_);
    return rows_.told.size();
  }
  nlohmann::json last() const { return nlohmann::json::parse(rows_.told.back()); }

  MemoryRows rows_;
};

TEST_F(Digests, TellAWeekOnce) {
  EXPECT_EQ(bring("service", 3), 1u);
  EXPECT_EQ(bring("service", 3), 1u) << "by somebody who did not know that it was told";
  EXPECT_EQ(bring("service", 2), 1u) << "a week before it comes too late";
  EXPECT_EQ(bring("service", 4), 2u);
}

TEST_F(Digests, AreOfADepartmentOrPraise) {
  EXPECT_EQ(bring("service", 3), 1u);
  const std::string id = last()["id"];
  EXPECT_EQ(bring("design", 3), 2u);
  EXPECT_NE(last()["id"], id);
  EXPECT_EQ(bring("", 3), 3u);
}

TEST_F(Digests, CarryWhatTheyWereBroughtWith) {
  bring("service", 0, R"({"kind":"department","title":{"zh":"客户服务","en":"\"x\""}})");
  const nlohmann::json event = last();
  EXPECT_EQ(event["type"], "echoloop.digest.v1");
  EXPECT_EQ(event["change"], "weekly");
  EXPECT_EQ(event["subject"], event["id"]);
  EXPECT_EQ(event["time"], "1970-01-08T00:00:00Z");
  EXPECT_EQ(event["data"]["title"]["zh"], "客户服务");
  EXPECT_EQ(event["data"]["title"]["en"], "\"x\"");
}

}  // namespace
}  // namespace echoloop::casework
