#include "pipeline/intake/import_http.h"

#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>

#include "pipeline/http/server.h"

namespace echoloop {
namespace {

// An HTTP server that takes events as the contract says, and behaves badly on demand.
class Peer {
 public:
  Peer() {
    http::Router router;
    router.add({"POST", "/api/v1/events", {"age", "refused"}, {}, {"application/x-ndjson"}, body_max},
               [this](const http::Request& request) { return events(request); });
    router.add({"POST", "/api/v1/dead", {}, {}, {"application/x-ndjson"}, body_max},
               [this](const http::Request& request) {
                 std::lock_guard lock(mutex_);
                 for (nlohmann::json& line : lines_of(request.body)) dead.push_back(std::move(line));
                 return http::json(202, "{}");
               });
    http::ServerOptions options;
    options.listen = "127.0.0.1:0";
    server_ = std::move(http::Server::start(options, std::move(router)).value());
  }
  std::string url() const { return "http://" + server_->address(); }
  void stop() { server_->stop(Duration{0}); }

  static constexpr std::size_t body_max = 20'000;
  std::vector<int> answers;  // statuses to give first, before behaving
  bool miscount = false;
  std::vector<std::string> taken;
  std::vector<nlohmann::json> dead;
  int requests = 0;

 private:
  static std::vector<nlohmann::json> lines_of(const std::string& body) {
    std::vector<nlohmann::json> lines;
    std::stringstream in(body);
    for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }
  http::Response events(const http::Request& request) {
    std::lock_guard lock(mutex_);
    ++requests;
    if (!answers.empty()) {
      int status = answers.front();
      answers.erase(answers.begin());
      http::Response response = http::problem(status, "Busy", "too much is waiting");
      if (status == 429) response.headers.set("Retry-After", "7");
      return response;
    }
    nlohmann::json rejected = nlohmann::json::array();
    std::vector<nlohmann::json> lines = lines_of(request.body);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].contains("bad")) {
        rejected.push_back({{"index", i}, {"where", "/bad"}, {"reason", "is bad"}});
      } else {
        taken.push_back(lines[i].dump());
      }
    }
    std::size_t accepted = lines.size() - rejected.size() + (miscount ? 1 : 0);
    return http::json(202, nlohmann::json{{"accepted", accepted}, {"rejected", rejected}}.dump());
  }
  std::mutex mutex_;
  std::unique_ptr<http::Server> server_;
};

class ImportHttp : public testing::Test {
 protected:
  std::unique_ptr<ImportSink> sink() {
    options_.url = peer_.url() + "/";
    options_.wait = [this](Duration time) {
      waits_.push_back(time.count());
      return waits_.size() < give_up_after_;
    };
    return std::move(open_http_sink(options_).value());
  }
  static std::vector<std::string_view> views(const std::vector<std::string>& texts) {
    return {texts.begin(), texts.end()};
  }

  Peer peer_;
  HttpSinkOptions options_;
  std::vector<std::int64_t> waits_;
  std::size_t give_up_after_ = 100;
};

TEST_F(ImportHttp, BatchesKeepTheOrderAndRefusalsNameTheirEvent) {
  options_.batch_events = 3;
  std::vector<std::string> events;
  std::vector<std::string> good;
  for (int i = 0; i < 10; ++i) {
    events.push_back(i % 4 == 1 ? "{\"bad\":" + std::to_string(i) + "}" : "{\"n\":" + std::to_string(i) + "}");
    if (i % 4 != 1) good.push_back(events.back());
  }
  auto refused = sink()->take(views(events));
  ASSERT_TRUE(refused) << refused.error().text();
  EXPECT_EQ(peer_.taken, good);
  EXPECT_EQ(peer_.requests, 4);
  ASSERT_EQ(refused->size(), 3u);
  EXPECT_EQ(refused->at(1).index, 5u);
  EXPECT_EQ(refused->at(1).where, "/bad");
  EXPECT_EQ(refused->at(1).reason, "is bad");
}

TEST_F(ImportHttp, WaitsAsLongAsTheServerAsksAndLosesNothing) {
  peer_.answers = {429, 503, 429};
  auto refused = sink()->take(views({"{\"n\":1}"}));
  ASSERT_TRUE(refused) << refused.error().text();
  EXPECT_EQ(peer_.taken, std::vector<std::string>{"{\"n\":1}"});
  EXPECT_EQ(waits_, (std::vector<std::int64_t>{7000, 500, 7000}));
}

TEST_F(ImportHttp, DocumentsOverSeveralLinesTravelOnOne) {
  auto refused = sink()->take(views({"{\n \"n\": \"a b\"\r\n}", "{\"n\":\"a\nb\"}", "{\"n\":2}"}));
  ASSERT_TRUE(refused) << refused.error().text();
  EXPECT_EQ(peer_.taken, (std::vector<std::string>{"{\"n\":\"a b\"}", "{\"n\":2}"}));
  ASSERT_EQ(refused->size(), 1u);
  EXPECT_EQ(refused->at(0).index, 1u);
}

TEST_F(ImportHttp, ADocumentThatTheServerCannotKeepKeepsNoOtherBack) {
  const std::string large(Peer::body_max, 'y');
  std::vector<RejectedDocument> documents{
      {"a", "a.csv:1", "odd", ""}, {large, "a.csv:2", "odd", ""}, {"b", "a.csv:3", "odd", ""}};
  ASSERT_TRUE(sink()->reject(documents));
  ASSERT_EQ(peer_.dead.size(), 2u);
  EXPECT_EQ(peer_.dead[0]["document"], "a");
  EXPECT_EQ(peer_.dead[1]["document"], "b");
}

TEST_F(ImportHttp, ABatchAboveTheServersLimitIsCutAndAnEventAboveItRefused) {
  std::vector<std::string> events(8, "{\"n\":\"" + std::string(6'000, 'x') + "\"}");
  events[3] = "{\"n\":\"" + std::string(Peer::body_max, 'y') + "\"}";
  auto refused = sink()->take(views(events));
  ASSERT_TRUE(refused) << refused.error().text();
  EXPECT_EQ(peer_.taken.size(), 7u);
  ASSERT_EQ(refused->size(), 1u);
  EXPECT_EQ(refused->at(0).index, 3u);
}

TEST_F(ImportHttp, RejectedDocumentsGoToTheDeadLetters) {
  std::vector<RejectedDocument> documents{{"no json", "a.csv:7", "row has 1 field", "support-csv.jq"},
                                          {"\xFF", "a.csv:8", "not UTF-8", ""}};
  options_.tenant = "hongtu";
  ASSERT_TRUE(sink()->reject(documents));
  ASSERT_EQ(peer_.dead.size(), 2u);
  EXPECT_EQ(peer_.dead[0], (nlohmann::json{{"document", "no json"},
                                           {"where", "a.csv:7"},
                                           {"reason", "row has 1 field"},
                                           {"adapter", "support-csv.jq"},
                                           {"tenant", "hongtu"}}));
  EXPECT_EQ(peer_.dead[1]["document"], "?");
}

TEST_F(ImportHttp, AServerThatSaysNoOrCountsWronglyStopsTheImport) {
  peer_.answers = {403};
  auto refused = sink()->take(views({"{}"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "the server answers 403: too much is waiting");
  peer_.miscount = true;
  refused = sink()->take(views({"{}"}));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().reason.find("do not add up"), std::string::npos);
}

TEST_F(ImportHttp, ADeadServerIsTriedAgainAndThenGivenUp) {
  std::unique_ptr<ImportSink> to = sink();
  peer_.stop();
  auto refused = to->take(views({"{}"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::world);
  EXPECT_EQ(waits_, (std::vector<std::int64_t>{250, 500, 1000, 2000, 4000, 8000, 8000}));
  waits_.clear();
  give_up_after_ = 2;
  refused = to->take(views({"{}"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "interrupted");
}

TEST(ImportHttpAddress, MustBeHttp) {
  auto opens = [](const std::string& url) {
    HttpSinkOptions options;
    options.url = url;
    return open_http_sink(options).has_value();
  };
  EXPECT_FALSE(opens("ftp://x"));
  EXPECT_FALSE(opens(""));
  EXPECT_FALSE(opens("localhost 8080"));
  EXPECT_TRUE(opens("http://[::1]:8080"));
}

}  // namespace
}  // namespace echoloop
