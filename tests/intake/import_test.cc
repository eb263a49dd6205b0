#include "pipeline/intake/import.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "pipeline/intake/import_progress.h"
#include "schemas/codec.h"
#include "tests/intake/adapter_folder.h"

namespace echoloop {
namespace {

// Decodes as the door does, and remembers everything.
class Remembering : public ImportSink {
 public:
  Result<std::vector<Refusal>> take(std::span<const std::string_view> events) override {
    ++calls;
    if (break_at > 0 && calls == break_at) return broken_world("log", "disk full");
    std::vector<Refusal> refused;
    for (std::size_t i = 0; i < events.size(); ++i) {
      Result<Event> event = decoder_.decode(events[i]);
      if (!event) {
        refused.push_back({i, event.error().where, event.error().reason});
      } else {
        taken.emplace_back(events[i]);
        if (!known_.insert(std::string(event->source) + " " + std::string(event->id)).second) ++duplicates_;
      }
    }
    return refused;
  }
  Result<void> reject(std::span<const RejectedDocument> documents) override {
    for (const RejectedDocument& one : documents) rejected.push_back(one.where + " " + one.reason + " " + one.adapter);
    return {};
  }
  Result<std::int64_t> settle() override {
    settled = true;
    return duplicates_;
  }

  int calls = 0;
  int break_at = 0;
  bool settled = false;
  std::vector<std::string> taken;
  std::vector<std::string> rejected;

 private:
  EventDecoder decoder_;
  std::set<std::string> known_;
  std::int64_t duplicates_ = 0;
};

std::string rating(int number, int value = 4) {
  std::string id = std::to_string(number);
  return R"({"specversion":"1.0","type":"echoloop.evaluation.submitted.v1","source":"/t","id":"e)" + id +
         R"(","data":{"tenant":"t","session_id":"s)" + id + R"(","evaluation_id":"e)" + id +
         R"(","submitted_at":"2026-03-01T00:00:00Z","score":{"value":)" + std::to_string(value) + "}}}";
}

class ImportTest : public testing::Test {
 protected:
  ImportTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "import-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    options_.adapter_folder = kAdapter_folder;
    options_.tenant = "hongtu";
  }
  ~ImportTest() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, std::string_view text) {
    std::string file = folder_ + "/" + name;
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  std::vector<nlohmann::json> rejects() const {
    std::ifstream in(options_.rejects);
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }
  // Without the seconds, which differ.
  static std::string counts_of(const ImportOutcome& outcome) {
    const ImportCounts& c = outcome.counts;
    return std::to_string(c.read) + " read " + std::to_string(c.accepted) + " accepted " + std::to_string(c.duplicate) +
           " duplicate " + std::to_string(c.rejected) + " rejected " + std::to_string(c.skipped) + " skipped" +
           (outcome.stopped ? " ! " + outcome.stopped->text() : "");
  }

  std::string folder_;
  ImportOptions options_;
  Remembering sink_;
};

TEST_F(ImportTest, CanonicalEventsPassInOrderAndEveryLineIsAccountedFor) {
  std::string text;
  for (int i = 0; i < 30'000; ++i) text += rating(i) + "\n";
  options_.files = {write("a.jsonl", text + rating(7) + "\nno json\n" + rating(1, 9) + "\n"),
                    write("b.json", "[" + rating(30'000) + "]")};
  options_.rejects = folder_ + "/rejects";
  ImportOutcome outcome = run_import(options_, sink_, {});
  EXPECT_EQ(counts_of(outcome), "30004 read 30002 accepted 1 duplicate 2 rejected 0 skipped");
  ASSERT_EQ(sink_.taken.size(), 30'002u);
  for (int i = 0; i < 30'000; ++i) ASSERT_EQ(sink_.taken[static_cast<std::size_t>(i)], rating(i));
  EXPECT_EQ(sink_.taken.back(), rating(30'000));
  EXPECT_GT(sink_.calls, 1);
  std::vector<nlohmann::json> turned_down = rejects();
  ASSERT_EQ(turned_down.size(), 2u);
  EXPECT_EQ(turned_down[0]["line"], 30'002);
  EXPECT_EQ(turned_down[0]["document"], "no json");
  EXPECT_EQ(turned_down[1]["file"], options_.files[0]);
  EXPECT_EQ(turned_down[1]["where"], "/data/score/value");
  EXPECT_FALSE(turned_down[1]["reason"].get<std::string>().empty());
}

TEST_F(ImportTest, CsvGoesThroughItsAdapterAndGivesWhatTheExampleExpects) {
  options_.files = {kAdapter_folder + "/examples/support-csv.csv"};
  options_.adapter = kAdapter_folder + "/support-csv.jq";
  ImportOutcome outcome = run_import(options_, sink_, {});
  EXPECT_EQ(counts_of(outcome), "5 read 9 accepted 0 duplicate 0 rejected 0 skipped");
  std::ifstream expected(kAdapter_folder + "/examples/support-csv.expected.ndjson");
  std::vector<std::string> lines;
  for (std::string line; std::getline(expected, line);) lines.push_back(line);
  EXPECT_EQ(sink_.taken, lines);
}

TEST_F(ImportTest, EventsOfChatwootHooksAreValid) {
  options_.files = {kAdapter_folder + "/examples/chatwoot.ndjson"};
  options_.adapter = kAdapter_folder + "/chatwoot.jq";
  EXPECT_EQ(counts_of(run_import(options_, sink_, {})), "16 read 9 accepted 2 duplicate 0 rejected 7 skipped");
}

TEST_F(ImportTest, AdaptersSideBySideKeepTheOrderOfTheFile) {
  options_.adapter = write(
      "upper.jq",
      R"(if .n % 3 == 0 then {skip: "third"} elif .n % 100 == 1 then error("one") else .e | .data.comment = "x" end)");
  std::string text;
  std::string pad(1000, 'p');
  for (int i = 0; i < 12'000; ++i)
    text += "{\"n\":" + std::to_string(i) + ",\"pad\":\"" + pad + "\",\"e\":" + rating(i) + "}\n";
  options_.files = {write("a.ndjson", text)};
  ImportOutcome outcome = run_import(options_, sink_, {});
  EXPECT_EQ(counts_of(outcome), "12000 read 7920 accepted 0 duplicate 80 rejected 4000 skipped");
  std::size_t next = 0;
  for (int i = 0; i < 12'000; ++i) {
    if (i % 3 == 0 || i % 100 == 1) continue;
    ASSERT_NE(sink_.taken[next++].find("\"s" + std::to_string(i) + "\""), std::string::npos) << i;
  }
  ASSERT_EQ(sink_.rejected.size(), 80u);
  EXPECT_NE(sink_.rejected[0].find("a.ndjson:2 adapter "), std::string::npos) << sink_.rejected[0];
  EXPECT_NE(sink_.rejected[0].find(": one upper.jq"), std::string::npos) << sink_.rejected[0];
}

TEST_F(ImportTest, ARefusedEventOfAnAdapterIsShownBesideItsDocument) {
  options_.adapter = write("bad.jq", R"({specversion: "1.0", type: "nothing.v1", source: "/x", id: "1", data: {}})");
  options_.files = {write("a.csv", "k\nv\n")};
  options_.rejects = folder_ + "/rejects";
  EXPECT_EQ(counts_of(run_import(options_, sink_, {})), "1 read 0 accepted 0 duplicate 1 rejected 0 skipped");
  ASSERT_EQ(rejects().size(), 1u);
  EXPECT_EQ(rejects()[0]["document"], R"({"k":"v"})");
  EXPECT_EQ(rejects()[0]["adapter"], "bad.jq");
  EXPECT_NE(rejects()[0]["event"].get<std::string>().find("nothing.v1"), std::string::npos);
  EXPECT_NE(rejects()[0]["reason"].get<std::string>().find("unknown type"), std::string::npos);
}

TEST_F(ImportTest, WrongOptionsAreFoundBeforeAnythingIsTaken) {
  auto stopped = [&] {
    ImportOutcome outcome = run_import(options_, sink_, {});
    EXPECT_EQ(outcome.counts.read, 0);
    return outcome.stopped ? outcome.stopped->text() : "fine";
  };
  EXPECT_EQ(stopped(), "no file to import");
  options_.files = {write("good.jsonl", rating(1) + "\n"), folder_ + "/none.jsonl"};
  EXPECT_EQ(stopped(), folder_ + "/none.jsonl: No such file or directory");
  options_.files[1] = write("a.csv", "a\n1\n");
  EXPECT_NE(stopped().find("say --adapter"), std::string::npos);
  options_.adapter = write("broken.jq", "{");
  EXPECT_NE(stopped().find("syntax error"), std::string::npos);
  options_.files = {write("a.dat", "")};
  EXPECT_NE(stopped().find("say --format"), std::string::npos);
  EXPECT_TRUE(sink_.taken.empty());
  EXPECT_FALSE(sink_.settled);
}

TEST_F(ImportTest, ADamagedFileStopsAfterWhatCameBeforeAndIsSaid) {
  options_.files = {write("a.csv", "a,a\n1,2\n")};
  options_.adapter = kAdapter_folder + "/support-csv.jq";
  EXPECT_EQ(counts_of(run_import(options_, sink_, {})), "0 read 0 accepted 0 duplicate 0 rejected 0 skipped ! " +
                                                            options_.files[0] + ": line 1: header names 'a' twice");
  EXPECT_TRUE(sink_.settled);
}

TEST_F(ImportTest, ABrokenSinkStopsTheImportWithTrueCounts) {
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += rating(i) + "\n";
  options_.files = {write("a.jsonl", text)};
  sink_.break_at = 2;
  ImportOutcome outcome = run_import(options_, sink_, {});
  ASSERT_TRUE(outcome.stopped);
  EXPECT_EQ(outcome.stopped->reason, "disk full");
  EXPECT_EQ(outcome.counts.accepted, static_cast<std::int64_t>(sink_.taken.size()));
  EXPECT_GT(outcome.counts.accepted, 0);
}

TEST_F(ImportTest, ProgressEndsAtTheWholeFile) {
  options_.files = {write("a.jsonl", rating(1) + "\n" + rating(2) + "\n")};
  std::vector<ImportProgress> seen;
  run_import(options_, sink_, [&](const ImportProgress& progress) { seen.push_back(progress); });
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().bytes_done, seen.back().bytes_total);
  EXPECT_EQ(seen.back().rows, 2);
}

TEST(ImportCounts, AreOneLineOfJson) {
  EXPECT_EQ(to_json({5, 9, 1, 2, 3, 1.5}),
            R"({"read":5,"accepted":9,"duplicate":1,"rejected":2,"skipped":3,"seconds":1.500})");
}

TEST(ImportProgress, ShowsRowsRateAndTheTimeLeft) {
  EXPECT_EQ(render_progress({250, 1000, 1'234'567, 10}, 100),
            "[#######.......................]  25 %  1,234,567 rows  123,457 rows/s  0:30 left");
  EXPECT_EQ(render_progress({250, 0, 999, 10}, 100), "999 rows  100 rows/s");
  EXPECT_EQ(render_progress({1, 1'000'000, 12, 0.1}, 100), "[..............................]   0 %  12 rows");
  EXPECT_EQ(render_progress({1, 1000, 12, 10}, 100),
            "[..............................]   0 %  12 rows  1 rows/s  2:46:30 left");
  for (int columns = 0; columns < 90; ++columns) {
    EXPECT_LE(render_progress({250, 1000, 1'234'567, 10}, columns).size(), static_cast<std::size_t>(columns));
  }
}

TEST(ImportProgress, DrawsNothingWhereThereIsNoTerminal) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
  {
    ProgressLine line(file.get());
    line.show({1, 2, 3, 4});
  }
  EXPECT_EQ(std::ftell(file.get()), 0);
}

}  // namespace
}  // namespace echoloop
