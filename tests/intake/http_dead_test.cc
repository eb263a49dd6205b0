#include <gmock/gmock.h>

#include "tests/intake/http_desk.h"

namespace echoloop {
namespace {

using Json = nlohmann::json;
using stage::Kind;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Dead : public Desk {
 protected:
  // A letter as SESSIONS keeps it.
  void put(int shard, const std::string& id, const std::string& document, const std::string& adapter = "",
           state::DeadLetter::State state = state::DeadLetter::OPEN) {
    state::DeadLetter letter;
    letter.mutable_rejected()->set_document(document);
    letter.mutable_rejected()->set_reason("at first");
    letter.mutable_rejected()->set_adapter(adapter);
    letter.mutable_rejected()->set_tenant("anxin");
    letter.mutable_rejected()->set_door("hook");
    letter.set_state(state);
    rows_.rows[{stage::Table::dead, shard, id}] = letter.SerializeAsString();
  }
  Told replay(const std::string& id) { return ask("POST", "/api/v1/dead/" + id + "/replay", "", ""); }
  state::DeadSettled settled() const {
    state::DeadSettled out;
    auto records = log_.of(Kind::dead_settled);
    EXPECT_THAT(records, SizeIs(1));
    EXPECT_TRUE(!records.empty() && out.ParseFromString(records[0].value));
    return out;
  }
};

TEST_F(Dead, LettersOfAnImportElsewhereAreKept) {
  auto told = ask(
      "POST", "/api/v1/dead", "application/x-ndjson",
      R"({"document":"a;b","reason":"no CSV","where":"x.csv:17","adapter":"support-csv.jq","tenant":"anxin"})"
      "\n{\"document\":{\"a\":1},\"reason\":\"odd\"}\n{\"reason\":\"no document\"}\nnonsense\n{\"document\":\"x\"}\n");
  EXPECT_EQ(told.status, 202);
  EXPECT_EQ(told.body["accepted"], 2);
  ASSERT_THAT(told.body["rejected"], SizeIs(3));
  EXPECT_EQ(told.body["rejected"][0]["where"], "/document");
  auto kept = log_.rejected();
  ASSERT_THAT(kept, SizeIs(2));
  EXPECT_EQ(kept[0].document(), "a;b");
  EXPECT_EQ(kept[0].where(), "x.csv:17");
  EXPECT_EQ(kept[0].adapter(), "support-csv.jq");
  EXPECT_EQ(kept[0].tenant(), "anxin");
  EXPECT_EQ(kept[0].door(), "import");
  EXPECT_EQ(kept[1].document(), R"({"a":1})");
}

TEST_F(Dead, ALineNestedBeyondAllMeasureIsRefused) {
  const std::string line =
      R"({"reason":"odd","document":)" + std::string(4'000'000, '[') + std::string(4'000'000, ']') + "}\n";
  auto told = ask("POST", "/api/v1/dead", "application/x-ndjson", line + R"({"reason":"odd","document":[[7]]})");
  EXPECT_EQ(told.body["accepted"], 1);
  ASSERT_THAT(told.body["rejected"], SizeIs(1));
  EXPECT_EQ(told.body["rejected"][0]["reason"], "nested deeper than 256 levels");
  EXPECT_EQ(log_.rejected().at(0).document(), "[[7]]");
}

TEST_F(Dead, ALetterThatIsGoodNowIsSentAndSettledInOneAppend) {
  put(5, "5-17", closed("s1", "1999-01-01T00:00:00Z"));  // of any age: a person asked for it
  auto told = replay("5-17");
  EXPECT_EQ(told.status, 202);
  EXPECT_EQ(told.body["accepted"], 1);
  EXPECT_EQ(log_.calls, 1);
  EXPECT_EQ(log_.of(Kind::event)[0].key, "s1");
  EXPECT_EQ(settled().id(), "5-17");
  EXPECT_EQ(settled().state(), state::DeadLetter::REPLAYED);
  EXPECT_EQ(partition_of(log_.of(Kind::dead_settled)[0].key, 8), 5);  // where the letter lies
}

TEST_F(Dead, ALetterOfAnAdapterGoesThroughItAgain) {
  put(2, "2-1", R"({"body":{"sessions":["a","b"]},"headers":{}})", "plain");
  EXPECT_EQ(replay("2-1").body["accepted"], 2);
  EXPECT_EQ(Json::parse(log_.of(Kind::event)[0].value)["data"]["tenant"], "anxin");
  EXPECT_EQ(settled().state(), state::DeadLetter::REPLAYED);
  log_.kept.clear();
  put(2, "2-2", R"({"body":{"sessions":["c"]},"headers":{}})", "plain.jq");  // as an import names it
  EXPECT_EQ(replay("2-2").body["accepted"], 1);
}

TEST_F(Dead, ALetterThatFailsAgainStaysWithItsNewReason) {
  for (auto [document, adapter] : {std::pair{R"({"id":1})", ""},
                                   {R"({"body":{"fail":1},"headers":{}})", "plain"},
                                   {R"({"body":{"sessions":["a",""]},"headers":{}})", "plain"},
                                   {"{}", "gone"},
                                   {"{}", "../../etc/x.jq"}}) {
    log_.kept.clear();
    put(3, "3-9", document, adapter);
    auto told = replay("3-9");
    EXPECT_EQ(told.status, 202) << document;
    EXPECT_THAT(told.body["rejected"], SizeIs(1)) << document;
    EXPECT_THAT(log_.of(Kind::dead_settled), IsEmpty());
    auto kept = log_.rejected();
    ASSERT_THAT(kept, SizeIs(1)) << document;
    EXPECT_EQ(kept[0].replay_of(), "3-9");
    EXPECT_EQ(kept[0].document(), document);
    EXPECT_NE(kept[0].reason(), "at first");
    EXPECT_EQ(partition_of(log_.of(Kind::rejected)[0].key, 8), 3);
  }
}

TEST_F(Dead, OnlyOpenLettersCanBeReplayedOrDropped) {
  put(1, "1-1", closed("a"), "", state::DeadLetter::REPLAYED);
  put(1, "1-2", closed("a"), "", state::DeadLetter::DROPPED);
  for (auto [id, status] : {std::pair{"1-1", 409},
                            {"1-2", 409},
                            {"1-3", 404},
                            {"9-1", 404},
                            {"-1-1", 404},
                            {"x", 404},
                            {"99999999999-1", 404}}) {
    EXPECT_EQ(replay(id).status, status) << id;
    EXPECT_EQ(ask("DELETE", std::string("/api/v1/dead/") + id, "", "").status, status) << id;
  }
  EXPECT_THAT(log_.kept, IsEmpty());
}

TEST_F(Dead, AnAnswerWaitsUntilTheRowsShowIt) {
  http::Router waiting;
  std::vector<bool> asked;
  // A commit that comes between two looks.
  add_dead_routes(waiting, door_, rows_, options_, [&](const std::function<bool()>& ready) {
    asked.push_back(ready());
    put(4, "4-1", "x", "", state::DeadLetter::DROPPED);
    asked.push_back(ready());
  });
  router_ = waiting;
  put(4, "4-1", "x");
  EXPECT_EQ(ask("DELETE", "/api/v1/dead/4-1", "", "").status, 204);
  EXPECT_THAT(asked, testing::ElementsAre(false, true));
  EXPECT_EQ(ask("DELETE", "/api/v1/dead/4-1", "", "").status, 409);
}

TEST_F(Dead, LettersThatBelongTogetherAreReplayedAtOnceAPageAtATime) {
  put(1, "1-1", closed("a"));
  put(1, "1-2", "{}");
  put(1, "1-3", closed("b"), "", state::DeadLetter::DROPPED);
  put(2, "2-1", R"({"body":{"sessions":["c","d"]},"headers":{}})", "plain");
  put(3, "3-1", closed("e"));
  auto page = ask("POST", "/api/v1/dead/replay?limit=2&adapter=cloudevents", "", "");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body["replayed"], 1);
  EXPECT_EQ(page.body["failed"], 1);
  EXPECT_EQ(page.body["accepted"], 1);
  EXPECT_EQ(page.body["failures"][0]["id"], "1-2");
  EXPECT_EQ(page.body["next_cursor"], "1-2");
  auto rest = ask("POST", "/api/v1/dead/replay", "application/json",
                  R"({"limit":2,"adapter":"cloudevents","cursor":"1-2","tenant":"anxin"})");
  EXPECT_EQ(rest.body["replayed"], 1);
  EXPECT_TRUE(rest.body["next_cursor"].is_null());
  EXPECT_THAT(log_.of(Kind::dead_settled), SizeIs(2));
  EXPECT_EQ(ask("POST", "/api/v1/dead/replay?reason=another", "", "").body["replayed"], 0);
  EXPECT_EQ(ask("POST", "/api/v1/dead/replay?before=1970-01-01", "", "").body["replayed"], 0);
  EXPECT_EQ(ask("POST", "/api/v1/dead/replay?tenant=nobody", "", "").body["replayed"], 0);
  EXPECT_EQ(ask("POST", "/api/v1/dead/replay?adapter=plain&reason=at%20first", "", "").body["accepted"], 2);
}

TEST_F(Dead, ABulkReplayThatCannotBeUnderstoodReplaysNothing) {
  put(1, "1-1", closed("a"));
  for (const char* path : {"?limit=0", "?limit=x", "?before=soon", "?cursor=x", "?adaptor=plain"})
    EXPECT_EQ(ask("POST", std::string("/api/v1/dead/replay") + path, "", "").status, 400) << path;
  for (const char* body : {"nonsense", "[]", R"({"adaptor":"plain"})", R"({"adapter":{}})"})
    EXPECT_EQ(ask("POST", "/api/v1/dead/replay", "application/json", body).status, 400) << body;
  EXPECT_EQ(ask("POST", "/api/v1/dead/replay?tenant=a", "application/json", R"({"tenant":"b"})").status, 400);
  EXPECT_THAT(log_.kept, IsEmpty());
  log_.full = true;
  EXPECT_EQ(ask("POST", "/api/v1/dead/replay", "", "").status, 429);
}

TEST_F(Dead, WhereADocumentStoodStaysKnownWhenItFailsAgain) {
  put(4, "4-1", "{}");
  state::DeadLetter letter;
  letter.ParseFromString(rows_.rows[{stage::Table::dead, 4, "4-1"}]);
  letter.mutable_rejected()->set_where("day.ndjson:7 /data/x");
  rows_.rows[{stage::Table::dead, 4, "4-1"}] = letter.SerializeAsString();
  replay("4-1");
  ASSERT_THAT(log_.rejected(), SizeIs(1));
  EXPECT_EQ(log_.rejected()[0].where(), "day.ndjson:7 /specversion");
}

TEST_F(Dead, ADroppedLetterIsSettled) {
  put(6, "6-1", "x");
  EXPECT_EQ(ask("DELETE", "/api/v1/dead/6-1", "", "").status, 204);
  EXPECT_EQ(settled().id(), "6-1");
  EXPECT_EQ(settled().state(), state::DeadLetter::DROPPED);
  log_.full = true;
  EXPECT_EQ(ask("DELETE", "/api/v1/dead/6-1", "", "").status, 429);
  EXPECT_EQ(replay("6-1").status, 429);
}

}  // namespace
}  // namespace echoloop
