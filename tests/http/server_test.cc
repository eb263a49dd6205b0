#include "pipeline/http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pipeline/http/gzip.h"
#include "tests/http/house.h"

namespace echoloop::http {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class Serving : public testing::Test {
 protected:
  Gate gate_;
  std::unique_ptr<Server> server_ = open_house(gate_);
  Client client_{server_->port()};

  Answer ask(const std::string& bytes) {
    auto answer = client_.ask(bytes);
    EXPECT_TRUE(answer) << bytes.substr(0, 200);
    return answer.value_or(Answer{});
  }
  static Json problem_of(const Answer& answer) {
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    auto out = Json::parse(answer.body);
    EXPECT_EQ(out["status"], answer.status);
    EXPECT_EQ(out["request_id"], answer.header("X-Request-Id"));
    return out;
  }
};

TEST_F(Serving, HandlersSeeTheRequestDecoded) {
  auto out = Json::parse(ask(get("/echo/a%2Fb?b=1&a=%E8%8F%9C&b=2")).body);
  EXPECT_EQ(out["id"], "a/b");
  EXPECT_EQ(out["query"], Json::parse(R"([["b","1"],["a","菜"],["b","2"]])"));
  EXPECT_EQ(out["remote"], "127.0.0.1");
}

TEST_F(Serving, OneConnectionCarriesManyRequests) {
  for (int i = 0; i < 50; ++i) {
    auto answer = ask(get("/echo/" + std::to_string(i)));
    EXPECT_EQ(Json::parse(answer.body)["id"], std::to_string(i));
    EXPECT_FALSE(answer.close);
  }
}

TEST_F(Serving, PipelinedRequestsAreAnsweredInOrder) {
  std::string all;
  for (int i = 0; i < 20; ++i)
    all += get("/echo/" + std::to_string(i)) + post("/body", "text/plain", "body " + std::to_string(i));
  client_.send(all);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Json::parse(client_.receive().value().body)["id"], std::to_string(i));
    EXPECT_EQ(client_.receive().value().body, "body " + std::to_string(i));
  }
}

TEST_F(Serving, ClosesWhenAsked) {
  EXPECT_TRUE(ask(get("/live", "Connection: close\r\n")).close);
  EXPECT_TRUE(client_.ends());
}

TEST_F(Serving, SpeaksHttp10) {
  auto answer = ask("GET /live HTTP/1.0\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(client_.ends());
  Client kept(server_->port());
  EXPECT_EQ(kept.ask("GET /live HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").value().header("Connection"),
            "keep-alive");
  EXPECT_EQ(kept.ask("GET /live HTTP/1.0\r\n\r\n").value().status, 200);
  Client streaming(server_->port());
  auto body = streaming.ask("GET /stream HTTP/1.0\r\n\r\n").value();
  EXPECT_EQ(body.body, streamed());
  EXPECT_EQ(body.header("Transfer-Encoding"), "");
}

TEST_F(Serving, UnknownParametersAreNamedAllAtOnce) {
  auto out = problem_of(ask(get("/echo/x?a=1&limti=2&formt=3")));
  EXPECT_EQ(out["status"], 400);
  EXPECT_EQ(out["type"], "urn:echoloop:problem:unknown-parameter");
  EXPECT_EQ(out["detail"], "unknown parameter limti, formt; allowed: a, b");
  EXPECT_EQ(out["errors"][0], Json::parse(R"({"pointer":"/query/limti","code":"unknown_parameter","value":"2"})"));
  EXPECT_EQ(out["errors"].size(), 2u);
  EXPECT_EQ(problem_of(ask(get("/big?x=1")))["detail"], "unknown parameter x; this operation takes none");
  EXPECT_EQ(problem_of(ask(get("/echo/x?a=%zz")))["status"], 400);
  EXPECT_EQ(problem_of(ask(get("/echo/%ff")))["status"], 400);
}

TEST_F(Serving, OnlyListsMayStandTwice) {
  EXPECT_EQ(ask(get("/echo/x?b=1&b=2&a=3")).status, 200);
  auto out = problem_of(ask(get("/echo/x?a=1&b=2&a=1")));
  EXPECT_EQ(out["status"], 400);
  EXPECT_EQ(out["type"], "urn:echoloop:problem:repeated-parameter");
  EXPECT_EQ(out["detail"], "a may be given only once");
  EXPECT_EQ(out["errors"], Json::parse(R"([{"pointer":"/query/a","code":"repeated_parameter","value":"1"}])"));
}

TEST_F(Serving, UnknownPathsAndMethodsSayWhatThereIs) {
  EXPECT_EQ(problem_of(ask(get("/nothing")))["status"], 404);
  auto answer = ask("DELETE /echo/x HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(problem_of(answer)["status"], 405);
  EXPECT_EQ(answer.header("Allow"), "GET, HEAD, OPTIONS");
  auto options = ask("OPTIONS /body HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("Allow"), "POST, OPTIONS");
  EXPECT_EQ(ask("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n").status, 204);
}

TEST_F(Serving, HeadGivesTheHeadOfGet) {
  for (auto target : {"/big", "/stream"}) {
    client_.send("HEAD " + std::string(target) + " HTTP/1.1\r\nHost: t\r\n\r\n");
    auto answer = client_.receive(true).value();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("Content-Length"), std::string(target) == "/big" ? "300002" : "");
  }
  EXPECT_EQ(ask(get("/live")).body, "\"alive\"");  // no stray body lies between
}

TEST_F(Serving, EveryAnswerCarriesARequestId) {
  auto first = ask(get("/live")).header("X-Request-Id");
  EXPECT_EQ(first.size(), 32u);
  EXPECT_NE(ask(get("/live")).header("X-Request-Id"), first);
  EXPECT_EQ(ask(get("/live", "X-Request-Id: my-id_1\r\n")).header("X-Request-Id"), "my-id_1");
  EXPECT_EQ(ask(get("/live", "X-Request-Id: <script>\r\n")).header("X-Request-Id").size(), 32u);
  EXPECT_EQ(ask(get("/nothing", "X-Request-Id: mine\r\n")).header("X-Request-Id"), "mine");
}

TEST_F(Serving, ChunkedBodiesArriveWhole) {
  auto answer =
      ask("POST /body HTTP/1.1\r\nHost: t\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
          "4;ext=1\r\nWiki\r\n6\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nTrailer: x\r\n\r\n");
  EXPECT_EQ(answer.body, "Wikipedia in \r\n\r\nchunks.");
  EXPECT_EQ(ask(get("/live")).status, 200);
}

TEST_F(Serving, ABodyMayArriveByteByByte) {
  for (char c : post("/body", "text/plain", "slow but sure")) client_.send(std::string(1, c));
  EXPECT_EQ(client_.receive().value().body, "slow but sure");
}

TEST_F(Serving, GzipBodiesAreExpandedAndLargeAnswersCompressed) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "row " + std::to_string(i) + "\n";
  EXPECT_EQ(ask(post("/body", "text/plain", gzip(text), "Content-Encoding: gzip\r\n")).body, text);
  auto answer = ask(post("/body", "text/plain", text, "Accept-Encoding: gzip, br\r\n"));
  EXPECT_EQ(answer.header("Content-Encoding"), "gzip");
  EXPECT_EQ(answer.header("Vary"), "Accept-Encoding");
  std::string out;
  ASSERT_EQ(gunzip(answer.body, text.size(), out).value(), Gunzip::whole);
  EXPECT_EQ(out, text);
  EXPECT_LT(answer.body.size(), text.size() / 2);
  auto small = ask(post("/body", "text/plain", std::string(1024, 'a'), "Accept-Encoding: gzip\r\n"));
  EXPECT_EQ(small.header("Content-Encoding"), "");
}

TEST_F(Serving, BadGzipIsTheClientsFault) {
  EXPECT_EQ(problem_of(ask(post("/body", "text/plain", "not gzip", "Content-Encoding: gzip\r\n")))["detail"],
            "damaged gzip data");
  auto packed = gzip("some text");
  packed.resize(packed.size() - 4);
  EXPECT_EQ(problem_of(ask(post("/body", "text/plain", packed, "Content-Encoding: gzip\r\n")))["detail"],
            "gzip data ends too early");
  auto brotli = ask(post("/body", "text/plain", "x", "Content-Encoding: br\r\n"));
  EXPECT_EQ(problem_of(brotli)["status"], 415);
  EXPECT_EQ(brotli.header("Accept-Encoding"), "gzip");
}

TEST_F(Serving, MediaTypesAreHeldToTheRoute) {
  EXPECT_EQ(ask(post("/body", "Text/Plain; charset=utf-8", "x")).header("X-Type"), "text/plain");
  auto wrong = ask(post("/body", "image/png", "x"));
  EXPECT_EQ(problem_of(wrong)["detail"], "this operation takes text/plain, application/json");
  EXPECT_EQ(wrong.status, 415);
  EXPECT_EQ(ask("POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx").header("X-Type"), "text/plain");
  EXPECT_EQ(ask(post("/body", "image/png", "")).status, 200);  // nothing in it, nothing wrong with it
  EXPECT_EQ(ask(post("/action", "image/png", "ignored")).body, "0");
}

TEST_F(Serving, StreamsPieceByPieceAndCutsWhatFails) {
  auto answer = ask(get("/stream"));
  EXPECT_EQ(answer.header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(answer.body, streamed());
  auto packed = ask(get("/stream", "Accept-Encoding: gzip\r\n"));
  std::string out;
  EXPECT_EQ(gunzip(packed.body, 100'000, out).value(), Gunzip::whole);
  EXPECT_EQ(out, streamed());
  client_.send(get("/stream?fail"));
  EXPECT_FALSE(client_.receive());  // no closing chunk: the client sees that the rest is missing
  Client other(server_->port());
  EXPECT_EQ(other.ask(get("/live")).value().status, 200);
}

TEST_F(Serving, WhatHandlersThrowBecomesAProblem) {
  for (auto target : {"/boom", "/odd"}) {
    auto answer = ask(get(target));
    auto out = problem_of(answer);
    EXPECT_EQ(out["status"], 500);
    EXPECT_THAT(answer.body, testing::Not(HasSubstr("planted")));  // the reason stays in the log
  }
  EXPECT_EQ(ask(get("/live")).status, 200);
}

TEST_F(Serving, KnownVersionsAreNotSentAgain) {
  auto answer = ask(get("/big", "If-None-Match: \"v0\", W/\"v1\"\r\n"));
  EXPECT_EQ(answer.status, 304);
  EXPECT_EQ(answer.header("ETag"), "\"v1\"");
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(ask(get("/big", "If-None-Match: \"v2\"\r\n")).status, 200);
}

TEST_F(Serving, HeaderValuesCannotBeginAnotherHeader) {
  auto answer = ask(get("/split"));
  EXPECT_EQ(answer.header("Set-Cookie"), "");
  EXPECT_EQ(answer.body, "1");
}

TEST_F(Serving, AbsoluteTargetsAreUnderstood) {
  EXPECT_EQ(Json::parse(ask(get("http://any.host:1/echo/x?a=1")).body)["id"], "x");
  EXPECT_EQ(problem_of(ask(get("http://any.host")))["status"], 404);
}

TEST_F(Serving, LargeBodiesWaitForTheWordToContinue) {
  client_.send(
      "POST /body HTTP/1.1\r\nHost: t\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nExpect: "
      "100-continue\r\n\r\n");
  EXPECT_EQ(client_.receive().value().status, 100);
  client_.send("body");
  EXPECT_EQ(client_.receive().value().body, "body");
  client_.send(
      "POST /body HTTP/1.1\r\nHost: t\r\nContent-Type: image/png\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client_.receive().value().status, 415);  // at once, without the body
}

TEST(Server, SaysWhatIsWrongWithAnAddress) {
  Gate gate;
  for (auto wrong : {"", "localhost", "1.2.3.4:", ":x", "::1:80", ":70000"}) {
    ServerOptions options;
    options.listen = wrong;
    auto server = Server::start(std::move(options), routes(gate));
    ASSERT_FALSE(server) << wrong;
    EXPECT_EQ(server.error().fault, Fault::configuration) << wrong;
  }
  auto first = open_house(gate);
  ServerOptions options;
  options.listen = first->address();
  auto second = Server::start(std::move(options), routes(gate));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, Fault::world);
  EXPECT_THAT(second.error().text(), HasSubstr("cannot listen"));
}

}  // namespace
}  // namespace echoloop::http
