// Every kind of bad input, with where and why it is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schemas/codec.h"
#include "schemas/codec_syntax.h"

namespace echoloop {
namespace {

std::string verdict(std::string_view json) {
  EventDecoder decoder;
  auto event = decoder.decode(json);
  if (event) return "accepted";
  EXPECT_EQ(event.error().fault, Fault::bad_input);
  return event.error().text();
}

// An event of that type with this data; `more` goes into the envelope.
std::string event(std::string_view type, std::string_view data, std::string_view more = "") {
  return fmt::format(R"({{"specversion":"1.0","id":"1","source":"x","type":"echoloop.{}.v1"{},"data":{}}})", type, more,
                     data);
}
std::string closed(std::string_view fields, std::string_view more = "") {
  return event("session.closed",
               fmt::format(R"({{"tenant":"t","session_id":"s","closed_at":"2026-03-01T00:00:00Z"{}}})", fields), more);
}
std::string submitted(std::string_view fields) {
  return event(
      "evaluation.submitted",
      fmt::format(R"({{"tenant":"t","session_id":"s","evaluation_id":"e","submitted_at":"2026-03-01T00:00:00Z"{}}})",
                  fields));
}
std::string command(std::string_view name, std::string_view fields = "") {
  return event("task.command",
               fmt::format(R"({{"tenant":"t","task_id":"k","by":"me","command":"{}"{}}})", name, fields));
}
std::string repeated(std::string_view piece, std::size_t times) {
  std::string out;
  while (times-- > 0) out += piece;
  return out;
}

TEST(CodecRejects, TextsThatAreNotJsonWithTheByteAtFault) {
  EXPECT_EQ(verdict(""), "byte 0: empty: no JSON here");
  EXPECT_EQ(verdict(" \n"), "byte 2: empty: no JSON here");
  EXPECT_EQ(verdict("{"), "byte 1: the JSON text ends too early");
  EXPECT_EQ(verdict(R"({"a")"), "byte 4: the JSON text ends too early");
  EXPECT_EQ(verdict(R"({"a":1,})"), "byte 7: expected a key in double quotes");
  EXPECT_EQ(verdict(R"({"a" 1})"), "byte 5: expected ':'");
  EXPECT_EQ(verdict(R"({"a":1 "b":2})"), "byte 7: expected ',' or '}'");
  EXPECT_EQ(verdict(R"({"a":[1}})"), "byte 7: expected ',' or ']'");
  EXPECT_EQ(verdict(R"({"a":True})"), "byte 5: expected a JSON value");
  EXPECT_EQ(verdict(R"({"a":NaN})"), "byte 5: expected a JSON value");
  EXPECT_EQ(verdict(R"({"a":01})"), "byte 5: not a JSON number");
  EXPECT_EQ(verdict(R"({"a":1.})"), "byte 5: not a JSON number");
  EXPECT_EQ(verdict(R"({"a":1e999})"), "byte 5: a number too large for double precision");
  EXPECT_EQ(verdict(R"({"a":"b)"), "byte 7: the JSON text ends inside a string");
  EXPECT_EQ(verdict("{\"a\":\"b\n\"}"), "byte 7: a control character in a text must be escaped");
  EXPECT_EQ(verdict(R"({"a":"\q"})"), "byte 6: no such escape");
  EXPECT_EQ(verdict(R"({"a":"\u12g4"})"), "byte 6: \\u wants four hexadecimal digits");
  EXPECT_EQ(verdict("{}{}"), "byte 2: something follows the end of the JSON document");
  EXPECT_EQ(verdict("\xEF\xBB\xBF{}"), "byte 0: expected a JSON value");
  EXPECT_EQ(verdict(std::string_view("\0\0\0\0\7{}", 7)),
            "byte 0: a zero byte, as before records that a schema registry has framed: plain JSON is read here");
  EXPECT_EQ(verdict("{'a':1}"), "byte 1: expected a key in double quotes");
}

TEST(CodecRejects, LoneSurrogatesAndBytesThatAreNotUtf8) {
  EXPECT_EQ(verdict(R"({"a":"\ud800"})"), "byte 6: a lone surrogate is no character");
  EXPECT_EQ(verdict(R"({"a":"x\udc00"})"), "byte 7: a lone surrogate is no character");
  EXPECT_EQ(verdict(R"({"a":"\ud800\u0041"})"), "byte 6: a lone surrogate is no character");
  EXPECT_EQ(verdict(R"({"a":"\ud83d\ude00\ude00"})"), "byte 18: a lone surrogate is no character");
  EXPECT_EQ(verdict(R"({"\udfff":1})"), "byte 2: a lone surrogate is no character");
  EXPECT_EQ(verdict(closed(R"(,"unknown":["\uDBFF"])")).substr(0, 5), "byte ");
  EXPECT_EQ(verdict("{\"a\":\"\xff\"}"), "byte 6: not valid UTF-8");
  EXPECT_EQ(verdict("{\"a\":\"\xed\xa0\x80\"}"), "byte 6: not valid UTF-8");  // U+D800
  EXPECT_EQ(verdict("{\"a\":\"\xc0\x80\"}"), "byte 6: not valid UTF-8");      // overlong
  EXPECT_EQ(verdict("{\"a\":\"\xf4\x90\x80\x80\"}"), "byte 6: not valid UTF-8");
  EXPECT_EQ(verdict("{\"a\":\"\xe5\xae\"}"), "byte 6: not valid UTF-8");
  EXPECT_EQ(verdict(closed(R"(,"channel":"\ud83d\ude00\u0000")")), "accepted");
}

TEST(CodecRejects, KeysThatStandTwiceWhereverTheyStand) {
  EXPECT_EQ(verdict(closed("", R"(,"id":"2")")), "/id: key 'id' stands twice in one object");
  EXPECT_EQ(verdict(closed(R"(,"tenant":"t")")), "/data/tenant: key 'tenant' stands twice in one object");
  EXPECT_EQ(verdict(closed(R"(,"channel":null,"\u0063hannel":null)")),
            "/data/channel: key 'channel' stands twice in one object");
  EXPECT_EQ(verdict(closed(R"(,"agents":[{"id":"a"},{"id":"a","id":"b"}])")),
            "/data/agents/1/id: key 'id' stands twice in one object");
  EXPECT_EQ(verdict(closed(R"(,"x":1,"y":2,"x":3)")), "/data/x: key 'x' stands twice in one object");
  EXPECT_EQ(verdict(closed(R"(,"a/b":[0,{"c~":{"k":1,"k":1}}])")),
            "/data/a~1b/1/c~0/k: key 'k' stands twice in one object");
  EXPECT_EQ(verdict(closed("", R"(,"ext":[[{"":1,"":2}]])")), "/ext/0/0/: key '' stands twice in one object");
  std::string many = R"(,"x":{"k0":0)";
  for (int i = 1; i < 1000; ++i) many += fmt::format(R"(,"k{}":0)", i);
  EXPECT_EQ(verdict(closed(many + "}")), "accepted");
  EXPECT_EQ(verdict(closed(many + R"(,"k500":1})")), "/data/x/k500: key 'k500' stands twice in one object");
  EXPECT_EQ(verdict(closed(R"(,"x":{"id":1},"y":{"id":1},"id":1)")), "accepted");
}

TEST(CodecRejects, NestingBeyond64Levels) {
  // the event and its data are two levels
  EXPECT_EQ(verdict(closed(",\"x\":" + std::string(62, '[') + std::string(62, ']'))), "accepted");
  EXPECT_EQ(verdict(closed(",\"x\":" + std::string(63, '[') + std::string(63, ']'))),
            "/data/x" + repeated("/0", 62) + ": nested more than 64 levels deep");
  std::string bottomless(100'000, '[');
  EXPECT_EQ(verdict(bottomless), "byte 1024: nested too deeply");
  EXPECT_EQ(verdict(bottomless + std::string(100'000, ']')), "byte 1024: nested too deeply");
}

TEST(CodecRejects, EnvelopesThatAreNoCloudEvents) {
  EXPECT_EQ(verdict("[]"), "must be an object, not an array");
  EXPECT_EQ(verdict("{}"), "/specversion: is required and missing");
  EXPECT_EQ(verdict(R"({"specversion":"0.3"})"), "/specversion: must be 1.0, not '0.3'");
  EXPECT_EQ(verdict(R"({"specversion":1.0})"), "/specversion: must be a string, not a number");
  EXPECT_EQ(verdict(R"({"specversion":"1.0","id":""})"), "/id: must not be empty");
  EXPECT_EQ(verdict(R"({"specversion":"1.0","id":7})"), "/id: must be a string, not a number");
  EXPECT_EQ(verdict(R"({"specversion":"1.0","id":"1","type":"x","data":{}})"), "/source: is required and missing");
  EXPECT_EQ(verdict(R"({"specversion":"1.0","id":"1","source":"x","data":{}})"), "/type: is required and missing");
  EXPECT_EQ(verdict(event("session.closed", "null")), "/data: is required and must not be null");
  EXPECT_EQ(verdict(event("session.closed", "\"text\"")), "/data: must be an object, not a string");
  EXPECT_EQ(verdict(event("session.opened", "{}")), "/type: unknown type 'echoloop.session.opened.v1'");
  EXPECT_EQ(verdict(event(repeated("é", 40), "{}")), "/type: unknown type 'echoloop." + repeated("é", 27) + "…'");
  EXPECT_EQ(verdict(closed("", R"(,"time":"yesterday")")),
            "/time: 'yesterday' is not an RFC 3339 time: wanted YYYY-MM-DDThh:mm:ss and an offset");
  EXPECT_EQ(verdict(closed("", R"(,"subject":"other")")), "/subject: must equal data.session_id");
  EXPECT_EQ(verdict(closed("", R"(,"datacontenttype":1)")), "/datacontenttype: must be a string, not a number");
  EXPECT_EQ(
      verdict(closed(
          "",
          R"(,"subject":null,"time":null,"datacontenttype":"application/json","dataschema":"u","partitionkey":"k")")),
      "accepted");
  EXPECT_EQ(verdict(event("outcome.observed",
                          R"({"tenant":"t","name":"n","time":"2026-03-01T00:00:00Z","numerator":1,"denominator":0})",
                          R"(,"subject":"other")")),
            "accepted");
}

TEST(CodecRejects, FieldsOfTheWrongTypeLengthOrValue) {
  EXPECT_EQ(verdict(event("session.closed", R"({"tenant":"t","session_id":"s"})")),
            "/data/closed_at: is required and missing");
  EXPECT_EQ(verdict(event("session.closed", R"({"tenant":null})")), "/data/tenant: is required and must not be null");
  EXPECT_EQ(verdict(closed(R"(,"channel":5)")), "/data/channel: must be a string, not a number");
  EXPECT_EQ(verdict(closed(R"(,"channel":"","category":"","entity":null)")), "accepted");
  EXPECT_EQ(verdict(closed(R"(,"customer_id":"")")), "/data/customer_id: must not be empty");
  EXPECT_EQ(verdict(closed(R"(,"customer_id":")" + repeated("é", 128) + "\"")), "accepted");
  EXPECT_EQ(verdict(closed(R"(,"customer_id":")" + repeated("é", 129) + "\"")),
            "/data/customer_id: 258 bytes long, at most 256 are allowed");
  EXPECT_EQ(verdict(closed(R"(,"closed_by":"Agent")")),
            "/data/closed_by: must be one of customer, agent, system, not 'Agent'");
  EXPECT_EQ(verdict(closed(R"(,"agent_resolution":"yes")")),
            "/data/agent_resolution: must be one of resolved, unresolved, not 'yes'");
  EXPECT_EQ(verdict(closed(R"(,"queued_ms":-1)")), "/data/queued_ms: must be between 0 and 1000000000000");
  EXPECT_EQ(verdict(closed(R"(,"queued_ms":1000000000001)")), "/data/queued_ms: must be between 0 and 1000000000000");
  EXPECT_EQ(verdict(closed(R"(,"queued_ms":18446744073709551615)")),
            "/data/queued_ms: must be between 0 and 1000000000000");
  EXPECT_EQ(verdict(closed(R"(,"queued_ms":123456789012345678901)")),
            "/data/queued_ms: must be between 0 and 1000000000000");
  EXPECT_EQ(verdict(closed(R"(,"queued_ms":1e12,"handle_ms":-0.0,"first_reply_ms":7.0)")), "accepted");
  EXPECT_EQ(verdict(closed(R"(,"queued_ms":1.5)")), "/data/queued_ms: must be an integer, not a fraction");
  EXPECT_EQ(verdict(closed(R"(,"queued_ms":"15")")), "/data/queued_ms: must be an integer, not a string");
  EXPECT_EQ(verdict(closed(R"(,"transfers":1000000001)")), "/data/transfers: must be between 0 and 1000000000");
  EXPECT_EQ(verdict(closed(R"(,"knowledge":[])")), "/data/knowledge: must be an object, not an array");
  EXPECT_EQ(verdict(closed(R"(,"knowledge":{"lookups":0,"hits":5})")), "accepted");
  EXPECT_EQ(verdict(closed(R"(,"routing":{"version":true})")),
            "/data/routing/version: must be a string or an integer, not a boolean");
  EXPECT_EQ(verdict(closed(R"(,"routing":{"version":1.5})")),
            "/data/routing/version: must be an integer, not a fraction");
  EXPECT_EQ(verdict(submitted(R"(,"wants_contact":"yes")")),
            "/data/wants_contact: must be true or false, not a string");
  EXPECT_EQ(verdict(submitted(R"(,"resolved":true)")), "/data/resolved: must be a string, not a boolean");
  EXPECT_EQ(
      verdict(event("evaluation.withdrawn", R"({"tenant":"t","session_id":"s","evaluation_id":"e","reason":"bored"})")),
      "/data/reason: must be one of customer, appeal, forged, test, not 'bored'");
  EXPECT_EQ(verdict(event("tags.changed", R"({"tenant":"t","session_id":"s","by":"bot"})")),
            "/data/by: must be one of customer, agent, reviewer, not 'bot'");
}

TEST(CodecRejects, ListsThatAreTooLongOrHoldTheWrongThings) {
  const auto list = [](std::size_t entries) { return ",\"links\":[\"x\"" + repeated(",\"x\"", entries - 1) + "]"; };
  EXPECT_EQ(verdict(closed(list(256))), "accepted");
  EXPECT_EQ(verdict(closed(list(257))), "/data/links: at most 256 entries are allowed");
  EXPECT_EQ(verdict(closed(R"(,"links":["",null])")), "/data/links/1: must be a string, not null");
  EXPECT_EQ(verdict(closed(R"(,"links":"x")")), "/data/links: must be an array, not a string");
  EXPECT_EQ(verdict(closed(",\"agent_tags\":[\"" + repeated("x", 257) + "\"]")),
            "/data/agent_tags/0: 257 bytes long, at most 256 are allowed");
  EXPECT_EQ(verdict(closed(R"(,"agents":[{"id":"a"},null])")), "/data/agents/1: must be an object, not null");
  EXPECT_EQ(verdict(closed(R"(,"agents":[{"kind":"human"}])")), "/data/agents/0/id: is required and missing");
  EXPECT_EQ(verdict(closed(R"(,"agents":[{"id":"a","kind":"robot"}])")),
            "/data/agents/0/kind: must be one of human, bot, not 'robot'");
  EXPECT_EQ(verdict(closed(R"(,"agents":[{"id":"a","from":"2026-03-01T00:00:01Z","to":"2026-03-01T00:00:00Z"}])")),
            "/data/agents/0/to: must not be before from");
  std::string many = R"(,"agents":[{"id":"a"})" + repeated(R"(,{"id":"a"})", 256) + "]";
  EXPECT_EQ(verdict(closed(many)), "/data/agents: at most 256 entries are allowed");
}

TEST(CodecRejects, CommentsBeyond65536Characters) {
  EXPECT_EQ(verdict(submitted(R"(,"comment":"")")), "accepted");
  EXPECT_EQ(verdict(submitted(",\"comment\":\"" + repeated("客", 65'536) + "\"")), "accepted");
  EXPECT_EQ(verdict(submitted(",\"comment\":\"" + repeated("客", 65'537) + "\"")),
            "/data/comment: 65537 characters long, at most 65536 are allowed");
}

TEST(CodecRejects, ScoresOffTheirScale) {
  const auto score = [](std::string_view fields) {
    return verdict(submitted(fmt::format(R"(,"score":{{{}}})", fields)));
  };
  EXPECT_EQ(score(R"("value":3)"), "accepted");
  EXPECT_EQ(score(R"("value":3,"min":null,"max":null)"), "accepted");
  EXPECT_EQ(score(""), "/data/score/value: is required and missing");
  EXPECT_EQ(score(R"("value":"3")"), "/data/score/value: must be a number, not a string");
  EXPECT_EQ(score(R"("value":6)"), "/data/score/value: must lie between min and max");
  EXPECT_EQ(score(R"("value":0.999)"), "/data/score/value: must lie between min and max");
  EXPECT_EQ(score(R"("value":3,"min":0)"),
            "/data/score: min and max come together (when both are absent the scale is 1 to 5)");
  EXPECT_EQ(score(R"("value":5,"min":5,"max":5)"), "/data/score/min: must be less than max");
  EXPECT_EQ(score(R"("value":4.125,"min":-1000000000,"max":1e9)"), "accepted");
  EXPECT_EQ(score(R"("value":4.1255)"), "/data/score/value: at most three decimals are allowed");
  EXPECT_EQ(score(R"("value":1000000000.001)"), "/data/score/value: must be between -1000000000 and 1000000000");
  EXPECT_EQ(verdict(submitted(R"(,"answers":[{"question":"q","value":0.0001}])")),
            "/data/answers/0/value: at most three decimals are allowed");
  EXPECT_EQ(verdict(submitted(R"(,"answers":[{"question":"q","value":true}])")),
            "/data/answers/0/value: must be a string or a number, not a boolean");
  EXPECT_EQ(verdict(submitted(R"(,"answers":[{"value":1}])")), "/data/answers/0/question: is required and missing");
  EXPECT_EQ(
      verdict(submitted(
          R"(,"answers":[{"question":"q","value":"","skipped":null},{"question":"q","value":null,"skipped":true}])")),
      "accepted");
}

TEST(CodecRejects, TimesThatCouldNotBeWrittenBack) {
  const auto time = [](std::string_view text) { return verdict(closed(fmt::format(R"(,"opened_at":"{}")", text))); };
  EXPECT_EQ(time("2199-12-31T23:59:59.999Z"), "accepted");
  EXPECT_EQ(time("2199-12-31T23:59:59-01:00"),
            "/data/opened_at: '2199-12-31T23:59:59-01:00' lies outside the years 1970..2199 of UTC");
  EXPECT_EQ(time("1970-01-01T00:00:00+01:00"),
            "/data/opened_at: '1970-01-01T00:00:00+01:00' lies outside the years 1970..2199 of UTC");
  EXPECT_EQ(time("2026-03-01T00:00:00"),
            "/data/opened_at: '2026-03-01T00:00:00' is not an RFC 3339 time: wanted YYYY-MM-DDThh:mm:ss and an offset");
  EXPECT_EQ(time("2026-02-29T00:00:00Z"),
            "/data/opened_at: '2026-02-29T00:00:00Z' is not an RFC 3339 time: no such day");
  EXPECT_EQ(time(repeated("é", 40)), "/data/opened_at: '" + repeated("é", 32) + "…' is not an RFC 3339 time");
  EXPECT_EQ(verdict(closed(R"(,"opened_at":1772323200)")), "/data/opened_at: must be a string, not a number");
}

TEST(CodecRejects, CommandsWithoutWhatTheyNeed) {
  EXPECT_EQ(verdict(command("fire")).substr(0, 50), "/data/command: must be one of acknowledge, accept,");
  for (const char* bare : {"acknowledge", "accept", "resume", "done", "close", "reopen"})
    EXPECT_EQ(verdict(command(bare)), "accepted") << bare;
  EXPECT_EQ(verdict(command("reject")), "/data/reason: command 'reject' needs it");
  EXPECT_EQ(verdict(command("reject", R"(,"reason":"")")), "/data/reason: command 'reject' needs it");
  EXPECT_EQ(verdict(command("reject", R"(,"reason":"not ours")")), "accepted");
  EXPECT_EQ(verdict(command("start", R"(,"action_type":"training")")),
            "/data/effective_from: command 'start' needs it");
  EXPECT_EQ(verdict(command("start", R"(,"effective_from":"2026-03-01T00:00:00Z")")),
            "/data/action_type: command 'start' needs it");
  EXPECT_EQ(
      verdict(command("start", R"(,"action_type":"prayer")")),
      "/data/action_type: must be one of routing_rule, training, staffing, process, product, knowledge, not 'prayer'");
  EXPECT_EQ(verdict(command("start", R"(,"action_type":"product","effective_from":"2026-03-01T00:00:00Z")")),
            "accepted");
  EXPECT_EQ(verdict(command("hold", R"(,"reason":"waiting")")), "/data/until: command 'hold' needs it");
  EXPECT_EQ(verdict(command("hold", R"(,"until":"2026-03-01T00:00:00Z")")), "/data/reason: command 'hold' needs it");
  EXPECT_EQ(verdict(command("tell_customer", R"(,"how":null)")), "/data/how: command 'tell_customer' needs it");
  EXPECT_EQ(verdict(command("tell_customer", R"(,"how":"phone","customers":["c1"])")), "accepted");
  EXPECT_EQ(verdict(command("assign")), "/data/department: command 'assign' needs a department or a person");
  EXPECT_EQ(verdict(command("assign", R"(,"person":"p")")), "accepted");
  EXPECT_EQ(verdict(command("assign", R"(,"person":"p","department":"")")), "/data/department: must not be empty");
  EXPECT_EQ(verdict(command("merge")), "/data/into: command 'merge' needs it");
  EXPECT_EQ(verdict(command("split", R"(,"sessions":[])")), "/data/sessions: command 'split' needs it");
  EXPECT_EQ(verdict(command("split", R"(,"sessions":[""])")), "/data/sessions/0: must not be empty");
  EXPECT_EQ(verdict(command("comment")), "/data/text: command 'comment' needs it");
}

TEST(CodecRejects, OutcomesWithNumbersThatAreNoCounts) {
  const auto outcome = [](std::string_view numerator, std::string_view denominator) {
    return verdict(event(
        "outcome.observed",
        fmt::format(R"({{"tenant":"t","name":"n","time":"2026-03-01T00:00:00Z","numerator":{},"denominator":{}}})",
                    numerator, denominator)));
  };
  EXPECT_EQ(outcome("0", "1000000000000000"), "accepted");
  EXPECT_EQ(outcome("-1", "1"), "/data/numerator: must be between 0 and 1000000000000000");
  EXPECT_EQ(outcome("1", "1000000000000001"), "/data/denominator: must be between 0 and 1000000000000000");
  EXPECT_EQ(outcome("null", "1"), "/data/numerator: is required and must not be null");
}

TEST(CodecRejects, PartsOfAnEventAsItDoesTheWhole) {
  const auto fault = [](std::string_view json) {
    auto checked = EventDecoder{}.check(json);
    return checked ? std::string{} : checked.error().text();
  };
  EXPECT_EQ(fault(R"({"command":"accept","more":[{"a":1},{"a":2}]})"), "");
  EXPECT_THAT(fault(R"({"command":"accept","command":"reject"})"), testing::StartsWith("/command: "));
  EXPECT_THAT(fault(R"({"more":[{"a":1,"\u0061":2}]})"), testing::StartsWith("/more/0/a: "));
  EXPECT_THAT(fault(R"({"by":"\ud800"})"), testing::StartsWith("byte "));
  EXPECT_THAT(fault("[1"), testing::StartsWith("byte "));
}

TEST(Syntax, WidensOnlyIntegersBeyond64BitsOutsideTexts) {
  EXPECT_EQ(codec::widen_integers(R"([1,-2,"99999999999999999999",18446744073709551615,-9223372036854775808,1.5e3])"),
            std::nullopt);
  EXPECT_EQ(codec::widen_integers(R"([18446744073709551616, -9223372036854775809,99999999999999999999.5])"),
            R"([18446744073709551616e0, -9223372036854775809e0,99999999999999999999.5])");
}

TEST(Syntax, FindsNothingInWhatIsJson) {
  for (const char* json : {"0", "-0.5e-3", "\"\"", "[]", "{}", " [ 1 , {\"a\" : [ ] } ] ", R"("\ud83d\ude00\u00e9\/")",
                           "true", "1e-999"}) {
    auto fault = codec::find_syntax_fault(json);
    EXPECT_FALSE(fault) << json << ": " << fault->text();
  }
}

}  // namespace
}  // namespace echoloop
