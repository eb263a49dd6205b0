#include "pipeline/intake/csv.h"

#include <gtest/gtest.h>

namespace echoloop {
namespace {

struct Row {
  std::string json;
  std::int64_t line = 0;
  std::string problem;
  friend bool operator==(const Row&, const Row&) = default;
  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.line << " " << row.json << " " << row.problem; }
};

struct Outcome {
  std::vector<Row> rows;
  std::string error;
};

// Feeds pieces of `step` bytes.
Outcome read(std::string_view text, std::size_t step = 1'000'000'000) {
  CsvReader reader;
  Outcome out;
  auto visit = [&](const CsvRow& row) {
    out.rows.push_back({std::string(row.json), row.line, std::string(row.problem)});
  };
  for (std::size_t at = 0; at < text.size(); at += step) {
    Result<void> fed = reader.feed(text.substr(at, step), visit);
    if (!fed) {
      out.error = fed.error().text();
      return out;
    }
  }
  if (Result<void> ended = reader.end(visit); !ended) out.error = ended.error().text();
  return out;
}

TEST(Csv, RowsBecomeObjectsOfTextsByHeader) {
  EXPECT_EQ(read("a,b\n1,x\n,\n").rows,
            (std::vector<Row>{{R"({"a":"1","b":"x"})", 2, ""}, {R"({"a":"","b":""})", 3, ""}}));
}

TEST(Csv, QuotedFieldsHoldCommasNewlinesAndQuotes) {
  EXPECT_EQ(read("a,b\r\n\"1,\n2\",\"say \"\"hi\"\"\"\r\n3,\"\"\r\n").rows,
            (std::vector<Row>{{R"({"a":"1,\n2","b":"say \"hi\""})", 2, ""}, {R"({"a":"3","b":""})", 4, ""}}));
}

TEST(Csv, AnyCutOfTheBytesGivesTheSameRows) {
  const std::string text = "Namé,b\r\n\"1,\r\n2\",\"\"\"\"\r\n\r\n中文,\"x\"y\r3,\"open\n";
  Outcome whole = read(text);
  ASSERT_EQ(whole.rows.size(), 3u);
  for (std::size_t step = 1; step < text.size(); ++step) EXPECT_EQ(read(text, step).rows, whole.rows) << step;
}

TEST(Csv, TheLastRowMayLackItsNewline) {
  EXPECT_EQ(read("a,b\n1,2").rows, (std::vector<Row>{{R"({"a":"1","b":"2"})", 2, ""}}));
  EXPECT_EQ(read("a,b\n1,").rows, (std::vector<Row>{{R"({"a":"1","b":""})", 2, ""}}));
  EXPECT_TRUE(read("a,b").rows.empty());
  EXPECT_TRUE(read("").rows.empty());
}

TEST(Csv, RaggedRowsAreProblemsWithTheirLineAndNeighboursGoOn) {
  EXPECT_EQ(read("a,b\n1\n\"x\ny\",2,3\n4,5\n").rows,
            (std::vector<Row>{{R"(["1"])", 2, "row has 1 field, the header 2"},
                              {R"(["x\ny","2","3"])", 3, "row has 3 fields, the header 2"},
                              {R"({"a":"4","b":"5"})", 5, ""}}));
}

TEST(Csv, TextAfterAClosingQuoteIsAProblemAndAQuoteInAPlainFieldIsNot) {
  EXPECT_EQ(read("a\n\"x\"y\n5\" pipe\n").rows,
            (std::vector<Row>{{R"(["xy"])", 2, "text after a closing quote"}, {R"({"a":"5\" pipe"})", 3, ""}}));
}

TEST(Csv, AQuoteThatNobodyClosesNamesItsLine) {
  EXPECT_EQ(read("a,b\n1,2\n3,\"x\ny\n").rows[1].problem, "quoted field has no end (its quote opened in line 3)");
  std::string huge = "a\n\"" + std::string(kCsvFieldBytes_max + 10, 'x');
  Outcome out = read(huge, 4096);
  ASSERT_EQ(out.rows.size(), 1u);
  EXPECT_LE(out.rows[0].json.size(), kCsvFieldBytes_max + 10);
}

TEST(Csv, AFieldAboveTheLimitIsAProblemAndTheNextRowIsGood) {
  Outcome out = read(
      "a\n" + std::string(kCsvFieldBytes_max + 1, 'x') + "\n" + std::string(kCsvFieldBytes_max, 'y') + "\n", 100'000);
  ASSERT_EQ(out.rows.size(), 2u);
  EXPECT_EQ(out.rows[0].problem, "field is longer than 1 MiB");
  EXPECT_EQ(out.rows[1].problem, "");
}

TEST(Csv, BytesThatAreNoTextRejectTheirRow) {
  EXPECT_EQ(read("a,b\n\xC4\xE3,1\nx,2\n").rows,
            (std::vector<Row>{{R"(["??","1"])", 2, "field 'a' is not UTF-8 (see --encoding)"},
                              {R"({"a":"x","b":"2"})", 3, ""}}));
  // Two halves of one character in neighbouring fields are no text either.
  EXPECT_EQ(read("a,b\n\xE4\xB8,\xAD\n").rows[0].problem, "field 'a' is not UTF-8 (see --encoding)");
}

TEST(Csv, ControlCharactersAreEscaped) {
  using namespace std::string_literals;
  EXPECT_EQ(read("a\n\x01\t\\\0\n"s).rows[0].json, R"({"a":"\u0001\t\\\u0000"})");
}

TEST(Csv, AHeaderThatNamesAColumnTwiceStopsTheFile) {
  EXPECT_EQ(read("a,b,a\n1,2,3\n").error, "line 1: header names 'a' twice");
  EXPECT_NE(read("\xFF\n1\n").error.find("not UTF-8"), std::string::npos);
}

TEST(Csv, ColumnsWithoutANameKeepTheFirstOnly) {
  EXPECT_EQ(read(",a,,\n0,1,2,3\n").rows[0].json, R"({"":"0","a":"1"})");
}

TEST(Csv, BlankLinesAreNoRows) {
  EXPECT_EQ(read("\n\na,b\n\n1,2\n\n").rows, (std::vector<Row>{{R"({"a":"1","b":"2"})", 5, ""}}));
}

}  // namespace
}  // namespace echoloop
