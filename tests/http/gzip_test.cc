#include "pipeline/http/gzip.h"

#include <gtest/gtest.h>

#include <string>

namespace echoloop::http {
namespace {

std::string noise(std::size_t bytes) {
  std::string out;
  for (std::uint64_t x = 88172645463325252ULL; out.size() < bytes;) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    out += static_cast<char>(x >> 32);
  }
  return out;
}

TEST(Gzip, GivesBackWhatItTook) {
  for (std::size_t size : {0u, 1u, 1000u, 65'536u, 65'537u, 300'000u}) {
    for (const auto& text : {noise(size), std::string(size, 'a')}) {
      std::string out = "before ";
      EXPECT_EQ(gunzip(gzip(text), size, out).value(), Gunzip::whole);
      EXPECT_EQ(out, "before " + text);
    }
  }
}

TEST(Gzip, StreamsGiveTheSame) {
  auto text = noise(200'000) + std::string(500'000, 'b');
  GzipStream stream;
  std::string packed;
  for (std::size_t at = 0; at < text.size(); at += 7777) stream.write(std::string_view{text}.substr(at, 7777), packed);
  stream.finish(packed);
  std::string out;
  EXPECT_EQ(gunzip(packed, text.size(), out).value(), Gunzip::whole);
  EXPECT_EQ(out, text);
}

TEST(Gzip, JoinsMembers) {
  std::string out;
  EXPECT_EQ(gunzip(gzip("one ") + gzip("") + gzip("two"), 100, out).value(), Gunzip::whole);
  EXPECT_EQ(out, "one two");
}

TEST(Gzip, StopsAtTheLimitToTheByte) {
  auto packed = gzip(std::string(1'000'000, 'x'));
  std::string out;
  EXPECT_EQ(gunzip(packed, 1'000'000, out).value(), Gunzip::whole);
  out.clear();
  EXPECT_EQ(gunzip(packed, 999'999, out).value(), Gunzip::too_large);
  EXPECT_LE(out.size(), 1'000'000u);
}

TEST(Gzip, StopsABombSpreadOverMembers) {
  std::string bomb;
  for (int i = 0; i < 100; ++i) bomb += gzip(std::string(1'000'000, '\0'));
  std::string out;
  EXPECT_EQ(gunzip(bomb, 1 << 20, out).value(), Gunzip::too_large);
  EXPECT_LE(out.capacity(), 4u << 20);
}

TEST(Gzip, RefusesEveryCutAndEveryFlippedByte) {
  auto text = noise(500);
  auto packed = gzip(text);
  for (std::size_t size = 0; size < packed.size(); ++size) {
    std::string out;
    EXPECT_FALSE(gunzip(std::string_view{packed}.substr(0, size), 10'000, out)) << size;
  }
  // Behind the header and the first byte of the data, where padding bits lie that mean nothing.
  for (std::size_t at = 11; at < packed.size(); ++at) {
    auto broken = packed;
    broken[at] = static_cast<char>(broken[at] ^ 0x20);
    std::string out;
    auto outcome = gunzip(broken, 10'000, out);
    EXPECT_FALSE(outcome) << at;
  }
  std::string out;
  EXPECT_FALSE(gunzip(packed + "tail", 10'000, out));
  EXPECT_FALSE(gunzip("plain text", 10'000, out));
}

TEST(AcceptEncoding, IsReadWithItsWeights) {
  for (auto yes : {"gzip", "GZIP", "deflate, gzip;q=0.5", "*", "br;q=1.0, *;q=0.1", "x-gzip", "gzip;q=1"})
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  for (auto no : {"", "deflate", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzip;q=0, *", "identity"})
    EXPECT_FALSE(accepts_gzip(no)) << no;
}

}  // namespace
}  // namespace echoloop::http
