// What the decoder takes and how it writes it again.
#include <gtest/gtest.h>

#include "schemas/codec.h"

namespace echoloop {
namespace {

std::string canonical(std::string_view json) {
  EventDecoder decoder;
  auto event = decoder.decode(json);
  if (!event) return event.error().text();
  std::string out;
  encode(*event, out);
  return out;
}

TEST(Codec, ReadsASessionWithAllItsFields) {
  EventDecoder decoder;
  auto event = decoder.decode(R"({
    "specversion": "1.0", "type": "echoloop.session.closed.v1", "source": "/crm", "id": "e1", "subject": "s1",
    "time": "2026-03-01T08:00:00+08:00", "datacontenttype": "application/json", "dataschema": null, "extension": [1],
    "data": {"tenant": "acme", "session_id": "s1", "closed_at": "2026-03-01T08:00:00.250+08:00", "customer_id": "c1",
      "channel": "web", "opened_at": "2026-03-01T07:50:00+08:00", "queued_ms": 1500, "first_reply_ms": 0, "handle_ms": 5.0,
      "closed_by": "customer", "category": "a/b/c", "entity": "shop", "agents": [
        {"id": "bot1", "kind": "bot"},
        {"id": "a1", "group": "g", "department": "d", "kind": "human", "from": "2026-03-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"}],
      "transfers": 1, "work_orders": 2, "knowledge": {"lookups": 1, "hits": 3}, "links": ["order:1"],
      "routing": {"rule": "r", "version": 7, "intended_group": "g2"}, "agent_resolution": "unresolved",
      "agent_tags": ["slow", ""], "previous_session": "s0"}})");
  ASSERT_TRUE(event) << event.error().text();
  EXPECT_EQ(type_name(*event), "echoloop.session.closed.v1");
  EXPECT_EQ(tenant_of(*event), "acme");
  EXPECT_EQ(partition_key_of(*event), "s1");
  EXPECT_EQ(event->source, "/crm");
  EXPECT_EQ(event->id, "e1");
  EXPECT_EQ(to_ms(event->time.value()), 1772323200000);
  const auto& data = std::get<SessionClosed>(event->data);
  EXPECT_EQ(to_ms(data.closed_at), 1772323200250);
  EXPECT_EQ(data.handle_ms, 5);
  EXPECT_EQ(data.closed_by, "customer");
  ASSERT_EQ(data.agents.size(), 2u);
  EXPECT_TRUE(data.agents[0].bot);
  EXPECT_FALSE(data.agents[1].bot);
  EXPECT_EQ(data.agents[1].department, "d");
  EXPECT_EQ(data.knowledge.value().hits, 3);
  EXPECT_EQ(data.routing.value().version, "7");
  EXPECT_EQ(data.agent_resolution, Resolution::unresolved);
  EXPECT_EQ(data.agent_tags, (Texts{"slow", ""}));
}

TEST(Codec, WritesFieldsInOneOrderWithoutSpacesAndLeavesAbsentOnesOut) {
  EXPECT_EQ(
      canonical(
          R"( {"data": {"comment": "a\"b\\c\u0001\u007F\né\ud83d\ude00", "customer_id": null, "tags": [], "version": 3,
                "score": {"max": 10, "value": 4.50, "min": -0.125}, "submitted_at": "2026-03-01T08:00:00.2509+08:00",
                "evaluation_id": "e", "session_id": "s", "resolved": "no", "tenant": "t", "unknown": {"a": [{}]}},
                "type": "echoloop.evaluation.submitted.v1", "source": "x", "id": "1", "specversion": "1.0"} )"),
      "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"x\",\"type\":\"echoloop.evaluation.submitted.v1\",\"data\":{"
      "\"tenant\":\"t\",\"session_id\":\"s\",\"evaluation_id\":\"e\",\"submitted_at\":\"2026-03-01T00:00:00.250Z\","
      "\"version\":\"3\",\"score\":{\"value\":4.5,\"min\":-0.125,\"max\":10},\"resolved\":\"no\","
      "\"comment\":\"a\\\"b\\\\c\\u0001\x7F\\né😀\"}}");
}

TEST(Codec, AKeyThatResemblesAFieldsIsUnknown) {
  // Of the same length, the same first and last eight bytes, or both without what lies between.
  EXPECT_EQ(
      canonical(R"({"specversion":"1.0","id":"1","source":"x","type":"echoloop.session.closed.v1","ie":1,"":2,"data":{
      "tenant":"t","session_id":"s","closed_at":"2026-03-01T00:00:00Z","session_ix":1,"xession_id":1,"agent_rxsolution":1,
      "agent_re_solution":1,"agent_reesolution":1,"closed_atclosed_at":1,"tenan":1,"tenant ":1,"tenant\u0000":1}})"),
      "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"x\",\"type\":\"echoloop.session.closed.v1\",\"data\":{"
      "\"tenant\":\"t\",\"session_id\":\"s\",\"closed_at\":\"2026-03-01T00:00:00Z\"}}");
}

TEST(Codec, AScoreWithoutScaleIsOneToFive) {
  EventDecoder decoder;
  auto event =
      decoder.decode(R"({"specversion":"1.0","id":"1","source":"x","type":"echoloop.evaluation.submitted.v1","data":{
    "tenant":"t","session_id":"s","evaluation_id":"e","submitted_at":"2026-03-01T00:00:00Z","score":{"value":5}}})");
  ASSERT_TRUE(event) << event.error().text();
  EXPECT_EQ(std::get<EvaluationSubmitted>(event->data).score, (Score{5000, 1000, 5000}));
}

TEST(Codec, NumbersBeyond64BitsInUnknownFieldsAreIgnoredLikeTheRest) {
  EXPECT_EQ(canonical(R"({"specversion":"1.0","id":"1","source":"x","type":"echoloop.evaluation.withdrawn.v1",
              "big":[123456789012345678901234567890,-9223372036854775809,18446744073709551616,"123456789012345678901234567890"],"data":{
              "tenant":"t","session_id":"s 123456789012345678901234567890","evaluation_id":"e","reason":"test"}})"),
            R"({"specversion":"1.0","id":"1","source":"x","type":"echoloop.evaluation.withdrawn.v1","data":{)"
            R"("tenant":"t","session_id":"s 123456789012345678901234567890","evaluation_id":"e","reason":"test"}})");
}

constexpr std::string_view kWithdrawn =
    R"({"specversion":"1.0","id":"1","source":"x","type":"echoloop.evaluation.withdrawn.v1","data":{)"
    R"("tenant":"t","session_id":"s","evaluation_id":"e","reason":"test"}})";

TEST(Codec, BinaryModeTakesTheAttributesFromOutside) {
  EventDecoder decoder;
  Attributes attributes{"1.0", "echoloop.evaluation.withdrawn.v1", "x\"y", "1", std::nullopt, "2026-03-01T00:00:00Z"};
  std::string_view data = R"({"tenant":"t","session_id":"s","evaluation_id":"e","reason":"test"})";
  auto event = decoder.decode_binary(attributes, data);
  ASSERT_TRUE(event) << event.error().text();
  EXPECT_EQ(event->source, "x\"y");
  EXPECT_EQ(to_ms(event->time.value()), 1772323200000);
  EXPECT_EQ(std::get<EvaluationWithdrawn>(event->data).evaluation_id, "e");
  EventDecoder other;
  const std::string text = structured(attributes, data);
  EXPECT_EQ(other.decode(text).value(), *event);

  attributes.subject = "other";
  EXPECT_EQ(decoder.decode_binary(attributes, data).error().text(), "/subject: must equal data.session_id");
  attributes.subject = std::nullopt;
  attributes.id = std::nullopt;
  EXPECT_EQ(decoder.decode_binary(attributes, data).error().text(), "/id: is required and missing");
  attributes.id = "\xff";
  EXPECT_EQ(decoder.decode_binary(attributes, data).error().text(), "a context attribute is not valid UTF-8");
  attributes.id = "1";
  EXPECT_EQ(decoder.decode_binary(attributes, "null").error().text(), "/data: must be an object, not null");
  EXPECT_EQ(decoder.decode_binary(attributes, R"({"a":1},"x":{})").error().text(),
            "byte 7: something follows the end of the JSON document");
}

struct Visited {
  std::size_t index;
  std::string document, outcome;
  friend bool operator==(const Visited&, const Visited&) = default;
};

Result<std::size_t> visit_batch(std::string_view body, std::vector<Visited>& out) {
  EventDecoder decoder;
  return decoder.decode_batch(body, [&](std::size_t index, std::string_view document, Result<Event> event) {
    out.push_back({index, std::string(document), event ? std::string(event->id) : event.error().text()});
  });
}

TEST(Codec, ABadElementOfABatchLeavesItsNeighboursAlone) {
  std::vector<Visited> seen;
  std::string good(kWithdrawn);
  std::string nested = R"({"a":[1,"],\"",{"b":"}"}]})";
  auto count = visit_batch(" [ " + good + " ,\n" + nested + ", 7 ,null," + good + "]\n", seen);
  ASSERT_TRUE(count) << count.error().text();
  EXPECT_EQ(*count, 5u);
  EXPECT_EQ(seen, (std::vector<Visited>{{0, good, "1"},
                                        {1, nested, "/specversion: is required and missing"},
                                        {2, "7", "must be an object, not a number"},
                                        {3, "null", "must be an object, not null"},
                                        {4, good, "1"}}));
}

TEST(Codec, WhatATextOrANumberOfOneElementHoldsLeavesItsNeighboursAlone) {
  const std::string good(kWithdrawn);
  const std::string deep = std::string(2000, '[') + std::string(2000, ']');
  for (const auto& [bad, where] : {std::pair<std::string, std::string>{R"({"a":"\ud83d"})", "byte 6"},
                                   {"{\"a\":\"\xff,]\"}", "byte 6"},
                                   {R"({"a":"\q,"})", "byte 6"},
                                   {"{\"a\":\"\n\"}", "byte 6"},
                                   {R"({"a":1e999})", "byte 5"},
                                   {R"({"a":01.})", "byte 5"},
                                   {deep, "byte 1024"}}) {
    std::vector<Visited> seen;
    auto count = visit_batch("[" + good + ", " + bad + " ," + good + "]", seen);
    ASSERT_TRUE(count) << bad << count.error().text();
    ASSERT_EQ(*count, 3u) << bad;
    EXPECT_EQ(seen[0], (Visited{0, good, "1"}));
    EXPECT_EQ(seen[1].document, bad);
    EXPECT_EQ(seen[1].outcome.substr(0, seen[1].outcome.find(':')), where) << bad;
    EXPECT_EQ(seen[2], (Visited{2, good, "1"}));
  }
}

TEST(Codec, ASyntaxErrorInABatchRejectsTheWholeBodyBeforeAnyVisit) {
  std::vector<Visited> seen;
  auto broken = visit_batch("[" + std::string(kWithdrawn) + ",{]", seen);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().where, "byte " + std::to_string(kWithdrawn.size() + 3));
  EXPECT_EQ(visit_batch("{}", seen).error().text(), "a batch must be a JSON array of events");
  EXPECT_EQ(visit_batch("", seen).error().text(), "byte 0: empty: no JSON here");
  EXPECT_TRUE(seen.empty());
  EXPECT_EQ(visit_batch(" [ ] ", seen).value(), 0u);
}

TEST(Codec, LinesOfNdjsonComeWithTheirNumbersAndWithoutBlankOnes) {
  std::vector<std::pair<std::size_t, std::string>> lines;
  for_each_line("\xEF\xBB\xBF{1}\r\n\n  \t\r\n{2}\n{3}",
                [&](std::size_t line, std::string_view text) { lines.emplace_back(line, text); });
  EXPECT_EQ(lines, (std::vector<std::pair<std::size_t, std::string>>{{1, "{1}"}, {4, "{2}"}, {5, "{3}"}}));
}

TEST(Codec, ADecoderThatMetALargeBodyStillReadsSmallOnes) {
  EventDecoder decoder;
  std::string body = "[";
  for (int i = 0; i < 60'000; ++i) body.append(i == 0 ? "" : ",").append(kWithdrawn);
  body += "]";
  std::size_t good = 0;
  auto count = decoder.decode_batch(body, [&](std::size_t, std::string_view document, Result<Event> event) {
    good += event && document == kWithdrawn;
  });
  ASSERT_TRUE(count) << count.error().text();
  EXPECT_EQ(good, 60'000u);
  EXPECT_TRUE(decoder.decode(kWithdrawn));
}

}  // namespace
}  // namespace echoloop
