// What a program may do to the process that runs it, and must not do to its neighbours.
#include "pipeline/intake/adapter_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace echoloop {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kSlow = "this document took longer than 1 s";
constexpr std::string_view kGaveUp = "this document made jq give up";

class Workers : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / ("echoloop-worker-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  AdapterProgram program(const std::string& text, std::uint64_t turn = 0) {
    std::ofstream(folder_ / "test.jq") << text;
    return {(folder_ / "test.jq").string(), folder_.string(), "hongtu", turn};
  }
  // The answers one a line: events, reasons of skips, errors.
  std::vector<std::string> run(const AdapterProgram& what, const std::vector<std::string>& documents) {
    std::vector<std::string_view> views(documents.begin(), documents.end());
    auto answers = worker_.run(what, views);
    if (!answers) return {"program: " + answers.error().text()};
    std::vector<std::string> out;
    for (const AdapterResult& answer : *answers) {
      std::string line = answer ? "" : answer.error().text();
      EXPECT_TRUE(answer || answer.error().fault == Fault::bad_input) << line;
      for (std::size_t i = 0; answer && i < answer->size(); ++i) line += (*answer)[i].event + (*answer)[i].skip;
      out.push_back(line);
    }
    return out;
  }

  std::filesystem::path folder_;
  AdapterWorker worker_;
};

TEST_F(Workers, AnswersStandInTheOrderOfTheirDocuments) {
  std::vector<std::string> documents, wanted;
  for (int i = 0; i < 1'000; ++i) {
    documents.push_back(std::to_string(i));
    wanted.push_back(i % 3 == 0 ? "third" : R"({"type":")" + std::to_string(i) + "\"}");
  }
  EXPECT_EQ(run(program(R"(if . % 3 == 0 then {skip: "third"} else {type: tostring} end)"), documents), wanted);
}

TEST_F(Workers, LargeDocumentsAndAnswersPass) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr std::size_t kBytes = 2u << 20;  // a document has one second of CPU, however slow that is
#else
  constexpr std::size_t kBytes = 10u << 20;
#endif
  const std::string large(kBytes, 'x');
  const auto answers = run(program("{type: .}"), {'"' + large + '"', "\"small\"", '"' + large + '"'});
  ASSERT_EQ(answers.size(), 3u);
  // Not EXPECT_EQ, which would print them.
  const std::string wanted = R"({"type":")" + large + "\"}";
  EXPECT_TRUE(answers[0] == wanted) << answers[0].substr(0, 200);
  EXPECT_EQ(answers[1], R"({"type":"small"})");
  EXPECT_TRUE(answers[2] == wanted) << answers[2].substr(0, 200);
}

TEST_F(Workers, AProgramThatDoesNotEndFailsItsDocumentOnly) {
  const auto looping = program(R"(if . == 2 or . == 4 then [range(infinite)] | length else {type: tostring} end)");
  EXPECT_THAT(run(looping, {"1", "2", "3", "4", "5"}),
              ElementsAre(R"({"type":"1"})", HasSubstr(kSlow), R"({"type":"3"})", HasSubstr(kSlow), R"({"type":"5"})"));
  EXPECT_THAT(run(program("def f: f; f", 1), {"1"}), ElementsAre(HasSubstr(kSlow)));
}

TEST_F(Workers, JqsOwnAbortFailsItsDocumentOnly) {
  EXPECT_THAT(
      run(program("{type: todate}"), {"0", "1e18", "1"}),
      ElementsAre(R"({"type":"1970-01-01T00:00:00Z"})", HasSubstr(kGaveUp), R"({"type":"1970-01-01T00:00:01Z"})"));
}

TEST_F(Workers, MemoryIsBounded) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer needs terabytes of address space";
#endif
  const auto growing = program(R"(if . then reduce range(31) as $i ("x"; . + .) | {type: .} else {type: "small"} end)");
  EXPECT_THAT(run(growing, {"false", "true", "false"}),
              ElementsAre(R"({"type":"small"})", HasSubstr(kGaveUp), R"({"type":"small"})"));
  // A recursion ends by the one bound or the other.
  EXPECT_THAT(run(program("def f: [., .] | f | f; f", 1), {"1"}), ElementsAre(HasSubstr("this document ")));
}

TEST_F(Workers, MemoryThatDocumentsLeaveBehindFailsNoneOfThem) {
  // index($value) on a list never gives its memory back (jq 1.6): together these need more than one process may have.
  const auto leaking = program(R"([range(20000) | tostring] as $l | ($l | index("19999")) as $at | {type: "t"})");
  const std::vector<std::string> documents(400, "null");
  EXPECT_EQ(run(leaking, documents), std::vector<std::string>(400, R"({"type":"t"})"));
}

TEST_F(Workers, WhatDoesNotCompileIsToldWithItsPlace) {
  EXPECT_THAT(run(program("{type: 1,,}"), {"1"}), ElementsAre(HasSubstr("test.jq:1: ")));
  auto missing = worker_.run({(folder_ / "none.jq").string(), folder_.string(), "t", 0}, {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().fault, Fault::configuration);
  EXPECT_THAT(run(program("{type: \"t\"}", 1), {"1"}), ElementsAre(R"({"type":"t"})"));
}

TEST_F(Workers, AChangedFileIsReadAtTheNextTurn) {
  EXPECT_THAT(run(program("{type: \"old\"}"), {"1"}), ElementsAre(R"({"type":"old"})"));
  EXPECT_THAT(run(program("{type: \"new\"}"), {"1"}), ElementsAre(R"({"type":"old"})"));
  EXPECT_THAT(run(program("{type: \"new\"}", 1), {"1"}), ElementsAre(R"({"type":"new"})"));
}

TEST_F(Workers, AProcessThatSomebodyEndsIsReplaced) {
  // The program tells nobody its process; the kernel does.
  const auto plain = program("{type: tostring}");
  EXPECT_THAT(run(plain, {"1"}), ElementsAre(R"({"type":"1"})"));
  int ended = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream in(entry.path() / "children");
    for (pid_t child = 0; in >> child; ++ended) ::kill(child, SIGKILL);
  }
  ASSERT_EQ(ended, 1);
  EXPECT_THAT(run(plain, {"2"}), ElementsAre(R"({"type":"2"})"));
}

TEST_F(Workers, AdaptersSeeNoSecretsOfTheEnvironment) {
  ::setenv("PLANTED_SECRET", "s3cret", 1);
  const auto answers = run(program("{type: ($ENV | tojson), env: (env | tojson)}"), {"1"});
  EXPECT_THAT(answers, ElementsAre(Not(HasSubstr("s3cret"))));
  ::unsetenv("PLANTED_SECRET");
}

}  // namespace
}  // namespace echoloop
