#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "pipeline/intake/adapter.h"
#include "pipeline/intake/documents.h"

namespace echoloop {
namespace {

class Documents : public testing::Test {
 protected:
  Documents() {
    std::string pattern = (std::filesystem::temp_directory_path() / "documents-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~Documents() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view text) {
    std::string file = folder_ + "/" + name;
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  // "line[index] text ! problem" of each document, then the error that ended it.
  std::vector<std::string> read(const std::string& file, FileFormat format, const std::string& encoding = "utf-8") {
    ReadProgress progress;
    std::vector<std::string> found;
    auto reader = DocumentReader::open(file, format, encoding, progress);
    if (!reader) return {"error " + reader.error().text()};
    DocumentBatch batch;
    while (true) {
      Result<bool> more = (*reader)->next(batch);
      if (!more) {
        found.push_back("error " + more.error().text());
        return found;
      }
      if (!*more) break;
      for (const Document& document : batch.documents()) {
        std::string line = std::to_string(document.line);
        if (document.index) line += "[" + std::to_string(*document.index) + "]";
        line += " " + std::string(document.text.substr(0, 200));
        if (!document.problem.empty()) line += " ! " + document.problem;
        found.push_back(line);
      }
    }
    EXPECT_EQ(progress.done, static_cast<std::int64_t>(std::filesystem::file_size(file)));
    EXPECT_EQ(progress.total, progress.done);
    return found;
  }

  std::string folder_;
};

std::string gzip_member(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

using Lines = std::vector<std::string>;

TEST_F(Documents, NdjsonGivesLinesWithTheirNumbers) {
  EXPECT_EQ(read(write("a", "\xEF\xBB\xBF{\"a\":1}\r\n\n  \n{\"b\":2}"), FileFormat::ndjson),
            (Lines{"1 {\"a\":1}", "4 {\"b\":2}"}));
  EXPECT_EQ(read(write("a", ""), FileFormat::ndjson), Lines{});
}

TEST_F(Documents, ALineAboveTheLimitIsAProblemAndTheNextIsGood) {
  Lines found =
      read(write("a", std::string(kDocumentBytes_max + 1, 'x') + "\n{}\n" + std::string(kDocumentBytes_max, 'y')),
           FileFormat::ndjson);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_TRUE(found[0].ends_with("! line is longer than 16 MiB"));
  EXPECT_EQ(found[1], "2 {}");
  EXPECT_TRUE(found[2].ends_with("yyy"));
}

TEST_F(Documents, ManyLinesCrossChunksWithoutLoss) {
  std::string text;
  Lines expected;
  for (int i = 1; i <= 60'000; ++i) {
    std::string document =
        "{\"i\":" + std::to_string(i) + ",\"pad\":\"" + std::string(static_cast<std::size_t>(i % 97), 'p') + "\"}";
    text += document + "\n";
    expected.push_back(std::to_string(i) + " " + document);
  }
  EXPECT_EQ(read(write("a", text), FileFormat::ndjson), expected);
  EXPECT_EQ(read(write("a.gz", gzip_member(text.substr(0, 1'000'001)) + gzip_member(text.substr(1'000'001))),
                 FileFormat::ndjson),
            expected);
}

TEST_F(Documents, DamagedGzipGivesWhatCameBeforeAndThenTheError) {
  std::string packed = gzip_member("{\"a\":1}\n{\"a\":2}\n");
  Lines cut = read(write("a.gz", packed.substr(0, packed.size() - 4)), FileFormat::ndjson);
  EXPECT_EQ(cut[0], "1 {\"a\":1}");
  EXPECT_NE(cut.back().find("cut off"), std::string::npos) << cut.back();
  packed[packed.size() - 6] ^= 1;
  Lines damaged = read(write("b.gz", packed), FileFormat::ndjson);
  ASSERT_EQ(damaged.size(), 3u);
  EXPECT_EQ(damaged[1], "2 {\"a\":2}");
  EXPECT_NE(damaged.back().find("damaged"), std::string::npos);
  EXPECT_EQ(read(write("c.gz", gzip_member("{}\n") + std::string(512, '\0')), FileFormat::ndjson), Lines{"1 {}"});
}

TEST_F(Documents, JsonArraysAndSequencesAreSplitWithoutParsing) {
  const Lines expected{"2[0] {\"a\":\"]}\\\"\",\n \"b\":[1]}", "3[1] 17", "3[2] \"x,y\"", "4[3] []"};
  EXPECT_EQ(read(write("a", "[\n{\"a\":\"]}\\\"\",\n \"b\":[1]}, 17,\"x,y\"\n, [] ]\n"), FileFormat::json), expected);
  EXPECT_EQ(read(write("b", "{\"a\":1}{\"b\":2}\n17 true"), FileFormat::json),
            (Lines{"1[0] {\"a\":1}", "1[1] {\"b\":2}", "2[2] 17", "2[3] true"}));
  EXPECT_EQ(read(write("c", " [ ] "), FileFormat::json), Lines{});
}

TEST_F(Documents, ABrokenArrayTellsItsPlaceAndGoesOn) {
  EXPECT_EQ(read(write("a", "[{} {},,{}"), FileFormat::json),
            (Lines{"1[0] {}", "1[1] {} ! no comma before this value", "1[2]  ! comma without a value before it",
                   "1[2] {}", "1[3]  ! file ends before the array does"}));
  EXPECT_EQ(read(write("b", "[{\"a\":"), FileFormat::json),
            Lines{"1[0] {\"a\": ! file ends in the middle of this document"});
  EXPECT_EQ(read(write("c", "[1]2"), FileFormat::json), (Lines{"1[0] 1", "1[1] 2 ! text after the end of the array"}));
}

TEST_F(Documents, CsvRowsCarryTheirLines) {
  EXPECT_EQ(read(write("a", "\xEF\xBB\xBF\"k\",v\r\nx,\"1\n2\"\r\ny\r\n"), FileFormat::csv),
            (Lines{"2 {\"k\":\"x\",\"v\":\"1\\n2\"}", "4 [\"y\"] ! row has 1 field, the header 2"}));
}

TEST_F(Documents, OtherEncodingsBecomeUtf8) {
  // 满意 in GB18030, and 𠮷 as a four-byte sequence.
  EXPECT_EQ(read(write("a", "v\n\xC2\xFA\xD2\xE2\x95\x34\xB2\x35\n"), FileFormat::csv, "gb18030"),
            Lines{"2 {\"v\":\"满意\xF0\xA0\xAE\xB7\"}"});
  EXPECT_EQ(read(write("b", std::string_view("\xFF\xFEv\0\n\0\xE1\x6E\n\0", 10)), FileFormat::csv, "utf-16"),
            Lines{"2 {\"v\":\"满\"}"});
  EXPECT_EQ(read(write("c", "v\n\xBA\xA1\n"), FileFormat::csv, "Big5"), Lines{"2 {\"v\":\"滿\"}"});
}

TEST_F(Documents, CharactersThatCrossAChunkSurviveDecoding) {
  std::string text = "v\n";
  Lines expected;
  for (int i = 0; i < 40'000; ++i) {
    text += "\xC2\xFA\xD2\xE2\n";
    expected.push_back(std::to_string(i + 2) + " {\"v\":\"满意\"}");
  }
  EXPECT_EQ(read(write("a", text), FileFormat::csv, "gbk"), expected);
}

TEST_F(Documents, UndecodableBytesRejectTheirRowAndInventNothing) {
  EXPECT_EQ(read(write("a", "v\n\xC2\xFA\n\xFF\n\xD2\xE2\n"), FileFormat::csv, "gb18030"),
            (Lines{"2 {\"v\":\"满\"}", "3 [\"?\"] ! field 'v' is not UTF-8 (see --encoding)", "4 {\"v\":\"意\"}"}));
}

TEST_F(Documents, HalfACharacterIsNotLeftOut) {
  EXPECT_EQ(read(write("a", "v\n+2AA-x\n+2D3eAA-\n+3gA-"), FileFormat::csv, "utf-7"),
            (Lines{"2 [\"?x\"] ! field 'v' is not UTF-8 (see --encoding)", "3 {\"v\":\"😀\"}",
                   "4 [\"?\"] ! field 'v' is not UTF-8 (see --encoding)"}));
  EXPECT_EQ(read(write("a", "v\n+2AA"), FileFormat::csv, "utf-7"),
            (Lines{"2 [\"?\"] ! field 'v' is not UTF-8 (see --encoding)"}));
}

TEST_F(Documents, WhatCannotBeOpenedSaysWhy) {
  EXPECT_NE(read(folder_ + "/none", FileFormat::csv)[0].find("No such file"), std::string::npos);
  EXPECT_NE(read(folder_, FileFormat::csv)[0].find("is a folder"), std::string::npos);
  EXPECT_NE(read(write("a", ""), FileFormat::csv, "klingon")[0].find("unknown encoding 'klingon'"), std::string::npos);
  EXPECT_NE(read(write("a", ""), FileFormat::csv, "")[0].find("unknown encoding ''"), std::string::npos);
}

TEST(FileFormat, FollowsTheEnding) {
  EXPECT_EQ(file_format_of("a.b/x.csv"), FileFormat::csv);
  EXPECT_EQ(file_format_of("x.CSV.gz"), FileFormat::csv);
  EXPECT_EQ(file_format_of("x.jsonl"), FileFormat::ndjson);
  EXPECT_EQ(file_format_of("x.ndjson.gz"), FileFormat::ndjson);
  EXPECT_EQ(file_format_of("x.json"), FileFormat::json);
  EXPECT_EQ(file_format_of("-"), FileFormat::ndjson);
  EXPECT_FALSE(file_format_of("x.txt"));
  EXPECT_FALSE(file_format_of("a.csv/x"));
}

}  // namespace
}  // namespace echoloop
