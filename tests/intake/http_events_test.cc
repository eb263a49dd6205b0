#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "pipeline/http/gzip.h"
#include "tests/intake/http_desk.h"

namespace echoloop {
namespace {

using Json = nlohmann::json;
using stage::Kind;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using PostEvents = Desk;

TEST_F(PostEvents, OneEventIsKeptAsItCameUnderItsSession) {
  auto told = post_events("application/cloudevents+json", closed("s1"));
  EXPECT_EQ(told.status, 202);
  EXPECT_EQ(told.body, Json::parse(R"({"accepted":1,"rejected":[]})"));
  ASSERT_THAT(log_.kept, SizeIs(1));
  EXPECT_EQ(log_.kept[0].kind, Kind::event);
  EXPECT_EQ(log_.kept[0].key, "s1");
  EXPECT_EQ(log_.kept[0].value, closed("s1"));
  EXPECT_EQ(log_.kept[0].at, kNow);
}

TEST_F(PostEvents, JsonMayBeOneOrAnArray) {
  EXPECT_EQ(post_events("application/json", closed("s1")).body["accepted"], 1);
  EXPECT_EQ(post_events("", closed("s2")).body["accepted"], 1);  // no type: JSON
  EXPECT_EQ(post_events("application/json", " [" + closed("s3") + " , " + closed("s4") + "] ").body["accepted"], 2);
  EXPECT_EQ(post_events("application/json", "[]").body["accepted"], 0);
  EXPECT_THAT(log_.of(Kind::event), SizeIs(4));
}

TEST_F(PostEvents, ABadEventDoesNotHurtItsNeighbours) {
  auto bad = R"({"specversion":"1.0","type":"nonsense","source":"t","id":"1","data":{}})";
  auto told =
      post_events("application/cloudevents-batch+json", "[" + closed("s1") + "," + bad + "," + closed("s2") + "]");
  EXPECT_EQ(told.status, 202);
  EXPECT_EQ(told.body["accepted"], 2);
  ASSERT_THAT(told.body["rejected"], SizeIs(1));
  EXPECT_EQ(told.body["rejected"][0]["index"], 1);
  EXPECT_EQ(told.body["rejected"][0]["where"], "/type");
  EXPECT_THAT(told.body["rejected"][0]["reason"].get<std::string>(), HasSubstr("nonsense"));
  // Kept with all that is known, and in the same append as the good ones.
  ASSERT_THAT(log_.rejected(), SizeIs(1));
  auto rejected = log_.rejected()[0];
  EXPECT_EQ(rejected.document(), bad);
  EXPECT_EQ(rejected.where(), "/type");
  EXPECT_EQ(rejected.door(), "http");
  EXPECT_EQ(rejected.adapter(), "");
  EXPECT_EQ(rejected.received_at(), to_ms(kNow));
  EXPECT_EQ(log_.calls, 1);
}

TEST_F(PostEvents, LinesAreEachOnTheirOwn) {
  auto told = post_events("application/x-ndjson", "\n" + closed("s1") + "\r\n\n{broken\n[]\n" + closed("s2"));
  EXPECT_EQ(told.status, 202);
  EXPECT_EQ(told.body["accepted"], 2);
  ASSERT_THAT(told.body["rejected"], SizeIs(2));
  EXPECT_EQ(told.body["rejected"][0]["index"], 1);  // blank lines do not count
  EXPECT_EQ(told.body["rejected"][1]["index"], 2);
  EXPECT_THAT(log_.rejected(), SizeIs(2));
}

TEST_F(PostEvents, AcceptedAndRejectedAddUpToWhatWasSent) {
  std::string body;
  for (int i = 0; i < 5000; ++i)
    body += (i % 7 == 3 ? std::string("{\"id\":") + std::to_string(i) + "}" : closed("s" + std::to_string(i))) + "\n";
  auto packed = http::gzip(body);
  auto told = ask("POST", "/api/v1/events", "application/x-ndjson", packed, {{"Content-Encoding", "gzip"}});
  EXPECT_EQ(told.body["accepted"].get<std::size_t>() + told.body["rejected"].size(), 5000u);
  EXPECT_EQ(told.body["rejected"].size(), 714u);
  EXPECT_THAT(log_.of(Kind::event), SizeIs(4286));
  EXPECT_EQ(log_.calls, 1);
  for (const auto& one : told.body["rejected"]) EXPECT_EQ(one["index"].get<int>() % 7, 3);
}

TEST_F(PostEvents, ABodyThatIsNoJsonIsTheSendersFaultAndKeptWhole) {
  for (auto [type, body] : {std::pair{"application/json", "{\"a\":"},
                            {"application/cloudevents+json", "hello"},
                            {"application/json", "[1,"},
                            {"application/cloudevents-batch+json", "{}"}}) {
    log_.kept.clear();
    auto told = post_events(type, body);
    EXPECT_EQ(told.status, 400) << body;
    EXPECT_EQ(told.body["title"], "Undecodable body") << body;
    ASSERT_THAT(log_.rejected(), SizeIs(1)) << body;
    EXPECT_EQ(log_.rejected()[0].document(), body);
    EXPECT_THAT(log_.of(Kind::event), IsEmpty());
  }
  log_.kept.clear();
  EXPECT_EQ(post_events("application/json", " \n").status, 400);
  EXPECT_EQ(post_events("application/json", "").status, 400);
  EXPECT_THAT(log_.kept, IsEmpty());  // of nothing there is nothing to keep
}

TEST_F(PostEvents, UnderPressureNothingIsTaken) {
  log_.full = true;
  for (auto [type, body] : {std::pair{"application/json", closed("s1")},
                            {"application/x-ndjson", closed("s1") + "\n{}"},
                            {"application/json", std::string("{")},
                            {"application/json", std::string("[")}}) {
    auto told = post_events(type, body);
    EXPECT_EQ(told.status, 429);
    EXPECT_EQ(told.headers.get("Retry-After"), "1");
  }
  EXPECT_THAT(log_.kept, IsEmpty());
  log_.full = false;
  log_.broken = true;
  auto told = post_events("application/json", closed("s1"));
  EXPECT_EQ(told.status, 503);
  EXPECT_TRUE(told.headers.get("Retry-After"));
}

TEST_F(PostEvents, BinaryModeIsKeptStructured) {
  std::vector<std::pair<std::string, std::string>> headers{
      {"ce-specversion", "1.0"}, {"ce-type", "echoloop.session.closed.v1"}, {"ce-source", "t"}, {"ce-id", "%E8%8F%9C"}};
  auto told = ask("POST", "/api/v1/events", "application/json",
                  R"({"tenant":"h","session_id":"s1","closed_at":"2026-03-10T08:00:00Z"})", headers);
  EXPECT_EQ(told.body["accepted"], 1);
  ASSERT_THAT(log_.kept, SizeIs(1));
  EventDecoder decoder;
  auto event = decoder.decode(log_.kept[0].value);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->id, "菜");
  EXPECT_EQ(log_.kept[0].key, "s1");
}

TEST_F(PostEvents, EventsBeyondRetentionAreRejectedUnlessItIsABackfill) {
  auto old = closed("s1", "2025-02-03T12:00:00Z"),
       young = closed("s2", "2025-02-03T12:00:00.001Z");  // 400 days before now
  auto told = post_events("application/x-ndjson", closed("s0", "2025-02-03T11:59:59.999Z") + "\n" + old + "\n" + young);
  EXPECT_EQ(told.body["accepted"], 2);
  ASSERT_THAT(told.body["rejected"], SizeIs(1));
  EXPECT_THAT(told.body["rejected"][0]["reason"].get<std::string>(), HasSubstr("beyond retention"));
  EXPECT_THAT(log_.rejected(), SizeIs(1));
  EXPECT_EQ(
      post_events("application/json", closed("s0", "1999-01-01T00:00:00Z"), "/api/v1/events?age=any").body["accepted"],
      1);
  EXPECT_EQ(post_events("application/json", old, "/api/v1/events?age=old").status, 400);
  EXPECT_EQ(post_events("application/json", old, "/api/v1/events?ag=any").status, 400);
}

TEST(Door, UnderTheEventClockTimeIsTheEvents) {
  MemoryLog log;
  Door door(log, {StageClock::event, [] { return kNow; }, Duration{400 * kDay_ms}});
  auto event = closed("s1", "2011-03-10T08:00:00Z");
  std::string_view document = event;
  EXPECT_EQ(door.enter({&document, 1}, {"import", "", "", false})->accepted, 1u);
  EXPECT_EQ(log.kept[0].at, parse_time("2011-03-10T08:00:00Z").value());
}

TEST(Door, TakesManyAtOnce) {
  MemoryLog log;
  Door door(log, {StageClock::wall, [] { return kNow; }, Duration{400 * kDay_ms}});
  std::atomic<std::size_t> accepted{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i) {
          auto body = closed("s" + std::to_string(t) + "-" + std::to_string(i)) + "\n{}";
          accepted += door.enter_lines(body, {"http", "", "", false})->accepted;
        }
      });
    }
  }
  EXPECT_EQ(accepted, 1600u);
  EXPECT_THAT(log.of(Kind::event), SizeIs(1600));
  for (const auto& one : log.of(Kind::event)) EXPECT_EQ(one.value, closed(one.key));
  EXPECT_THAT(log.of(Kind::rejected), SizeIs(1600));
}

}  // namespace
}  // namespace echoloop
