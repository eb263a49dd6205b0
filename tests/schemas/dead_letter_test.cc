#include "schemas/dead_letter.h"

#include <gtest/gtest.h>

#include <set>

namespace echoloop {
namespace {

std::string fault(const std::string& reason, const std::string& where = "") {
  state::Rejected rejected;
  rejected.set_reason(reason);
  rejected.set_where(where);
  return fault_of(rejected);
}

TEST(DeadLetter, TheFileAndThePlaceInTheDocumentAreToldApart) {
  struct Case {
    std::string where, position, pointer;
  };
  for (const auto& [where, position, pointer] :
       {Case{"", "", ""}, Case{"/data/score", "", "/data/score"}, Case{"byte 17", "", "byte 17"},
        Case{"a.csv:4", "a.csv:4", ""}, Case{"a.ndjson:4 /data/x", "a.ndjson:4", "/data/x"},
        Case{"my day/a b.json:3 (document 2) byte 7", "my day/a b.json:3 (document 2)", "byte 7"},
        Case{"/day/a.csv:4", "/day/a.csv:4", ""}, Case{"/day/a.csv:4 /data/x", "/day/a.csv:4", "/data/x"},
        Case{"-:12", "-:12", ""}, Case{"of /odd.csv:3", "of /odd.csv:3", ""}, Case{"somewhere", "", "somewhere"}}) {
    auto place = place_of(where);
    EXPECT_EQ(place.position, position) << where;
    EXPECT_EQ(place.pointer, pointer) << where;
  }
}

TEST(DeadLetter, LettersThatOneMendHelpsHaveOneFault) {
  const std::vector<std::vector<std::string>> groups = {
      {fault("tenant 'a' is not configured", "/data/tenant"),
       fault("tenant 'b c' is not configured", "x.ndjson:9 /data/tenant")},
      {fault("beyond retention: 2020-01-01T00:00:00Z is more than 400d ago"),
       fault("beyond retention: 2021-05-01T10:00:00.5Z is more than 400d ago")},
      {fault("is required and missing", "/data/agents/0/id"), fault("is required and missing", "/data/agents/17/id")},
      {fault("adapter x.jq: jq: error: Cannot index number with \"a\""),
       fault("adapter x.jq: jq: error: Cannot index number with \"b\"")},
      {fault("jq: error: string (\"abc\") cannot be parsed as a number"),
       fault("jq: error: string (\"x (y) z...) cannot be parsed as a number")},
      {fault("event 1 of 2: /data/score/value: must be a number"),
       fault("event 2 of 3: /data/score/value: must be a number")},
      {fault("expected a JSON value", "byte 0"), fault("expected a JSON value", "a.ndjson:3 byte 17")},
  };
  std::set<std::string> all;
  for (const auto& group : groups) {
    for (const std::string& one : group) EXPECT_EQ(one, group.front());
    all.insert(group.front());
  }
  EXPECT_EQ(all.size(), groups.size()) << "and other faults others";
}

TEST(DeadLetter, WhatIsNoValueStays) {
  EXPECT_EQ(fault("the customer doesn't say (at all)", "/data/score"),
            "/data/score: the customer doesn't say (at all)");
  EXPECT_EQ(fault("a 'quote without end"), "a …");
  EXPECT_LE(fault(std::string(5000, 'x')).size(), kFault_bytes_max);
  EXPECT_EQ(fault(std::string(199, 'x') + "坏"), std::string(199, 'x')) << "never within a character";
}

TEST(DeadLetter, WhatIsSaidIsShortenedInWholeCharacters) {
  EXPECT_EQ(shortened("short"), "short");
  const std::string full(kSaid_bytes_max, 'x');
  EXPECT_EQ(shortened(full), full);
  EXPECT_EQ(shortened(full + "y"), full + "…");
  EXPECT_EQ(shortened(full.substr(1) + "坏坏"), full.substr(1) + "…") << "never within a character";
}

TEST(DeadLetter, AFilterAsksOnlyWhatIsSet) {
  state::DeadLetter letter;
  letter.mutable_rejected()->set_reason("tenant 'a' is not configured");
  letter.mutable_rejected()->set_adapter("mydesk.jq");
  letter.mutable_rejected()->set_tenant("a");
  letter.mutable_rejected()->set_received_at(1000);
  EXPECT_TRUE(DeadFilter{}.matches(letter));
  EXPECT_TRUE((DeadFilter{.state = state::DeadLetter::OPEN, .tenant = "a", .adapter = "mydesk"}.matches(letter)));
  EXPECT_TRUE(DeadFilter{.reason = "tenant 'a' is not configured"}.matches(letter));
  EXPECT_TRUE(DeadFilter{.reason = "tenant … is not configured"}.matches(letter));
  EXPECT_TRUE(DeadFilter{.before = from_ms(1001)}.matches(letter));
  EXPECT_FALSE(DeadFilter{.before = from_ms(1000)}.matches(letter));
  EXPECT_FALSE(DeadFilter{.adapter = "cloudevents"}.matches(letter));
  EXPECT_FALSE(DeadFilter{.reason = "tenant"}.matches(letter));
  EXPECT_FALSE(DeadFilter{.state = state::DeadLetter::DROPPED}.matches(letter));
  letter.mutable_rejected()->clear_adapter();
  EXPECT_TRUE(DeadFilter{.adapter = "cloudevents"}.matches(letter));
}

}  // namespace
}  // namespace echoloop
