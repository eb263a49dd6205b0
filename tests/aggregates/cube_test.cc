#include "pipeline/aggregates/cube.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <tuple>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "pipeline/base/time.h"

namespace echoloop::aggregates {
namespace {

using Dimensions = std::vector<std::string>;

TEST(SetName, JoinsDimensionsAndComesBack) {
  EXPECT_EQ(set_name(Dimensions{}), "");
  EXPECT_EQ(set_name(Dimensions{"channel"}), "channel");
  EXPECT_EQ(set_name(Dimensions{"survey", "survey_version"}), "survey×survey_version");
  for (const Dimensions& set : {Dimensions{}, Dimensions{"tag"}, Dimensions{"a", "b"}, Dimensions{"a", "b", "c"}}) {
    EXPECT_EQ(dimensions_of(set_name(set)), set);
  }
}

CubeKey random_key(std::mt19937_64& random) {
  const auto text = [&] {
    static constexpr char kBytes[] = {'\0', '\1', '\xff', 'a', 'b'};
    std::string out;
    for (auto left = random() % 4; left > 0; --left) out.push_back(kBytes[random() % 5]);
    return out;
  };
  const char* sets[] = {"", "channel", "channel×category"};
  CubeKey key;
  key.tenant = text();
  auto width = random() % 3;
  key.set = sets[width];
  key.bucket_ms = (static_cast<std::int64_t>(random() % 9) - 4) * kHour_ms;
  for (; width > 0; --width) key.values.push_back(text());
  return key;
}

std::vector<std::string_view> views(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

std::string encode(const CubeKey& key) { return cube_key(key.tenant, key.set, key.bucket_ms, views(key.values)); }

TEST(CubeKey, ComesBackFromItsBytesWhateverTheTextsHold) {
  std::mt19937_64 random{3};
  for (int i = 0; i < 20'000; ++i) {
    CubeKey key = random_key(random);
    std::string bytes = encode(key);
    auto back = parse_cube_key(bytes);
    ASSERT_TRUE(back) << to_hex(bytes);
    ASSERT_EQ(*back, key);
    ASSERT_EQ(bytes.compare(0, cube_partition_key(key.tenant, key.set).size(), cube_partition_key(key.tenant, key.set)),
              0);
  }
}

TEST(CubeKey, SortsAsItsParts) {
  std::mt19937_64 random{5};
  for (int i = 0; i < 20'000; ++i) {
    CubeKey a = random_key(random), b = random_key(random);
    ASSERT_EQ(encode(a) < encode(b),
              std::tie(a.tenant, a.set, a.bucket_ms, a.values) < std::tie(b.tenant, b.set, b.bucket_ms, b.values));
  }
}

TEST(CubeKey, BytesThatAreNoKeyAreRefused) {
  const std::string good = encode({"acme", "channel×category", 0, {"web", "a/b"}});
  ASSERT_TRUE(parse_cube_key(good));
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(parse_cube_key(good.substr(0, size))) << size;
  EXPECT_FALSE(parse_cube_key(good + "x"));
  std::string three = good;
  put_key_text(three, "one too many");
  EXPECT_FALSE(parse_cube_key(three));
}

TEST(CubeKey, AStretchOfTimeIsOneRangeOfKeys) {
  std::mt19937_64 random{9};
  int inside = 0;
  for (int i = 0; i < 50'000; ++i) {
    CubeKey key = random_key(random), other = random_key(random);
    const std::int64_t from = -2 * kHour_ms, to = 2 * kHour_ms;
    const bool wanted =
        key.tenant == other.tenant && key.set == other.set && key.bucket_ms >= from && key.bucket_ms < to;
    const std::string bytes = encode(key);
    ASSERT_EQ(cube_from(other.tenant, other.set, from) <= bytes && bytes < cube_from(other.tenant, other.set, to),
              wanted);
    inside += wanted;
  }
  EXPECT_GT(inside, 500);
}

TEST(EvidenceKey, BeginsWithItsWindowAndEndsWithTheSession) {
  std::mt19937_64 random{21};
  for (int i = 0; i < 2000; ++i) {
    CubeKey cell = random_key(random);
    const std::string rule(random() % 3, 'r'), session = "s" + std::to_string(random() % 50);
    const std::string bytes = evidence_key(cell.tenant, rule, views(cell.values), cell.bucket_ms, session);
    const std::string window = evidence_from(cell.tenant, rule, views(cell.values), cell.bucket_ms);
    ASSERT_EQ(bytes.substr(0, evidence_window_bytes(bytes)), window);
    auto back = parse_evidence_window(window);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->tenant, cell.tenant);
    EXPECT_EQ(back->rule, rule);
    EXPECT_EQ(back->scope, cell.values);
    EXPECT_EQ(back->window_ms, cell.bucket_ms);
    KeyReader reader{std::string_view{bytes}.substr(window.size())};
    EXPECT_EQ(reader.text(), session);
    EXPECT_TRUE(reader.ok() && reader.done());
    EXPECT_FALSE(parse_evidence_window(window.substr(0, random() % window.size())));
    EXPECT_FALSE(parse_evidence_window(window + "x"));
    EXPECT_EQ(evidence_window_bytes(window.substr(0, random() % window.size())), 0u);
  }
}

TEST(CanonicalLine, IsTheLineOfTheDocument) {
  Measures cell;
  cell.add(Counter::answered, 1);
  cell.add_time(Timing::handle, 411, 1);
  EXPECT_EQ(canonical_line({"acme", "channel×category", 1'767'225'600'000, {"web", "a/b"}}, cell),
            R"({"bucket":1767225600,"dimensions":["channel","category"],)"
            R"("measures":{"answered":1,"bins":{"handle":{"411":1}}},"tenant":"acme","values":["web","a/b"]})");
  EXPECT_EQ(canonical_line({"t", "", 0, {}}, {}),
            R"({"bucket":0,"dimensions":[],"measures":{},"tenant":"t","values":[]})");
}

TEST(CanonicalLine, ABucketBeforeAllTimeIsTheSecondBelowIt) {
  EXPECT_THAT(canonical_line({"t", "", std::numeric_limits<std::int64_t>::min(), {}}, {}),
              testing::StartsWith(R"({"bucket":-9223372036854776,)"));
  EXPECT_THAT(canonical_line({"t", "", -1, {}}, {}), testing::StartsWith(R"({"bucket":-1,)"));
  EXPECT_THAT(canonical_line({"t", "", -1000, {}}, {}), testing::StartsWith(R"({"bucket":-1,)"));
}

TEST(CanonicalLine, EscapesOnlyWhatTheDocumentNames) {
  const std::string value{"\"\\\b\f\n\r\t\0\x1f/\x7f中😀", 18};
  EXPECT_EQ(canonical_line({"t", "tag", 0, {value}}, {}),
            "{\"bucket\":0,\"dimensions\":[\"tag\"],\"measures\":{},\"tenant\":\"t\",\"values\":[\""
            "\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f/\x7f中😀\"]}");
}

}  // namespace
}  // namespace echoloop::aggregates
