#include "pipeline/http/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace echoloop::http {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(PercentDecoding, TakesEveryByteAndRefusesHalfEscapes) {
  EXPECT_EQ(percent_decode("%E8%8F%9C+a%2Bb", true), "菜 a+b");
  EXPECT_EQ(percent_decode("a+b%2fc", false), "a+b/c");
  EXPECT_EQ(percent_decode("%00", false), std::string(1, '\0'));
  for (auto wrong : {"%", "%2", "%2g", "%g2", "a%", "%%20"})
    EXPECT_EQ(percent_decode(wrong, true), std::nullopt) << wrong;
}

TEST(PercentDecoding, RefusesWhatIsNotUtf8) {
  EXPECT_EQ(percent_decode("%ff", true), std::nullopt);
  EXPECT_EQ(percent_decode("%c0%af", true), std::nullopt);     // an overlong slash
  EXPECT_EQ(percent_decode("%ed%a0%80", true), std::nullopt);  // a surrogate
  EXPECT_EQ(percent_decode("\xe8\x8f", true), std::nullopt);   // cut, unescaped
}

TEST(Query, KeepsOrderAndRepetition) {
  auto query = parse_query("b=1&a=2&&b=3&flag&x=%3D=");
  ASSERT_TRUE(query);
  EXPECT_THAT(query->items(),
              ElementsAre(Pair("b", "1"), Pair("a", "2"), Pair("b", "3"), Pair("flag", ""), Pair("x", "==")));
  EXPECT_EQ(query->get("b"), "1");
  EXPECT_THAT(query->all("b"), ElementsAre("1", "3"));
  EXPECT_EQ(query->get("none"), std::nullopt);
}

TEST(Query, ALiteralCommaSeparatesAndAnEscapedOneIsPartOfAValue) {
  auto query = parse_query("a=x,y%2Cz&b=1&a=%E8%8F%9C,,&c=p%2cq");
  ASSERT_TRUE(query);
  EXPECT_THAT(query->list("a"), ElementsAre("x", "y,z", "菜"));
  EXPECT_THAT(query->list("c"), ElementsAre("p,q"));
  EXPECT_THAT(query->list("none"), ElementsAre());
  EXPECT_EQ(query->get("a"), "x,y,z");
  EXPECT_THAT(query->all("a"), ElementsAre("x,y,z", "菜,,"));
}

TEST(Query, NamesThePartThatIsMalformed) {
  auto query = parse_query("a=1&b=%zz");
  ASSERT_FALSE(query);
  EXPECT_EQ(query.error().where, "b=%zz");
}

TEST(TimeParameter, RestoresAnUnescapedPlus) {
  EXPECT_EQ(time_parameter("2026-03-01T08:00:00 08:00"), "2026-03-01T08:00:00+08:00");
  EXPECT_EQ(time_parameter("2026-03-01T08:00:00-05:00"), "2026-03-01T08:00:00-05:00");
  EXPECT_EQ(time_parameter("2026-03-01"), "2026-03-01");
  EXPECT_EQ(time_parameter("2026-03-01 08:00"), "2026-03-01 08:00");  // a space that was never a plus
}

TEST(Headers, CompareWithoutCaseAndReplaceAll) {
  Headers headers;
  headers.add("X-A", "1");
  headers.add("x-a", "2");
  EXPECT_EQ(headers.get("X-a"), "1");
  EXPECT_EQ(headers.count("x-A"), 2u);
  headers.set("X-a", "3");
  EXPECT_EQ(headers.count("x-a"), 1u);
  EXPECT_EQ(headers.get("x-a"), "3");
}

TEST(EntityTag, MatchesStronglyAndWeakly) {
  EXPECT_TRUE(etag_matches("*", "\"7\"", false));
  EXPECT_TRUE(etag_matches("\"6\", \"7\"", "\"7\"", false));
  EXPECT_FALSE(etag_matches("W/\"7\"", "\"7\"", false));
  EXPECT_TRUE(etag_matches("W/\"7\"", "\"7\"", true));
  EXPECT_FALSE(etag_matches("\"6\"", "\"7\"", true));
  EXPECT_TRUE(etag_matches("\"a,b\", \"c\"", "\"a,b\"", false));  // a comma inside a tag
  for (auto wrong : {"", "7", "\"7", "'7'"}) EXPECT_FALSE(etag_matches(wrong, "\"7\"", true)) << wrong;
  EXPECT_EQ(etag_of("a"), etag_of("a"));
  EXPECT_NE(etag_of("a"), etag_of("b"));
}

TEST(ProblemDetails, CarryWhatRfc9457Asks) {
  Problem problem{409, "Illegal command", "a closed task cannot be accepted", {{"/command", "illegal", "accept"}}, {}};
  problem.members.emplace_back("allowed", R"(["reopen"])");
  auto out = nlohmann::json::parse(problem_json(problem, "r-1"));
  auto wanted =
      nlohmann::json::parse(R"({"type":"urn:echoloop:problem:illegal-command","title":"Illegal command","status":409,
    "detail":"a closed task cannot be accepted","errors":[{"pointer":"/command","code":"illegal","value":"accept"}],
    "allowed":["reopen"],"request_id":"r-1"})");
  EXPECT_EQ(out, wanted);
}

TEST(ProblemDetails, SurviveValuesThatAreNotUtf8) {
  Problem problem{400, "Malformed", "x", {{"", "malformed", "\xff\xfe"}}, {}};
  EXPECT_TRUE(nlohmann::json::accept(problem_json(problem, "r")));
}

}  // namespace
}  // namespace echoloop::http
