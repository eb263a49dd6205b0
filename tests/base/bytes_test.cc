#include "pipeline/base/bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <tuple>
#include <vector>

namespace echoloop {
namespace {

constexpr auto kLowest = std::numeric_limits<std::int64_t>::min();
constexpr auto kHighest = std::numeric_limits<std::int64_t>::max();

TEST(Varint, ComesBackFromAsManyBytesAsLeb128Says) {
  for (auto [value, size] :
       {std::pair{0ULL, 1u}, {127ULL, 1u}, {128ULL, 2u}, {16'383ULL, 2u}, {16'384ULL, 3u}, {~0ULL, 10u}}) {
    std::string out;
    put_varint(out, value);
    EXPECT_EQ(out.size(), size) << value;
    Reader in{out};
    EXPECT_EQ(in.varint(), value);
    EXPECT_TRUE(in.ok() && in.done());
  }
}

TEST(SignedVarint, SmallNumbersAreShortOnBothSidesOfZero) {
  for (std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, std::int64_t{-64}, std::int64_t{63},
                             std::int64_t{64}, kLowest, kHighest}) {
    std::string out;
    put_signed(out, value);
    EXPECT_EQ(out.size(), value >= -64 && value <= 63 ? 1u : value == 64 ? 2u : 10u) << value;
    EXPECT_EQ(Reader{out}.signed_varint(), value);
  }
}

TEST(Reader, ReadsWhatWasPutInOrder) {
  std::string out;
  put_text(out, "中文");
  put_signed(out, -7);
  put_text(out, "");
  out.push_back('\x05');
  put_varint(out, 300);
  Reader in{out};
  EXPECT_EQ(in.text(), "中文");
  EXPECT_EQ(in.signed_varint(), -7);
  EXPECT_EQ(in.text(), "");
  EXPECT_EQ(in.byte(), 5);
  EXPECT_EQ(in.rest().size(), 2u);
  EXPECT_EQ(in.varint(), 300u);
  EXPECT_TRUE(in.ok() && in.done());
}

TEST(Reader, PastTheEndItIsNotOkAndGivesNothingMore) {
  std::string longer_than_it_is;
  put_varint(longer_than_it_is, 10);
  longer_than_it_is += "short";
  for (std::string bytes : {std::string(), std::string("\x80"), std::string(11, '\xff'), longer_than_it_is}) {
    Reader in{bytes};
    EXPECT_EQ(in.text(), "");
    EXPECT_FALSE(in.ok());
    EXPECT_EQ(in.varint(), 0u);
    EXPECT_EQ(in.signed_varint(), 0);
    EXPECT_EQ(in.byte(), 0);
    EXPECT_FALSE(in.ok());
  }
  Reader empty{""};
  EXPECT_EQ(empty.byte(), 0);
  EXPECT_FALSE(empty.ok());
}

std::string random_text(std::mt19937_64& random) {
  static constexpr char kBytes[] = {'\0', '\1', '\xff', '\xfe', 'a'};
  std::string out;
  for (auto left = random() % 5; left > 0; --left) out.push_back(kBytes[random() % 5]);
  return out;
}

TEST(Key, SortsAsItsPartsAndComesBack) {
  std::mt19937_64 random{1};
  const std::int64_t times[] = {kLowest, -1'000, -1, 0, 1, 999, kHighest};
  using Parts = std::tuple<std::string, std::int64_t, std::string, std::uint32_t, std::uint64_t>;
  const auto encode = [](const Parts& parts) {
    std::string out;
    put_key_text(out, std::get<0>(parts));
    put_key_time(out, std::get<1>(parts));
    put_key_text(out, std::get<2>(parts));
    put_key_u32(out, std::get<3>(parts));
    put_key_u64(out, std::get<4>(parts));
    return out;
  };
  Parts last;
  for (int i = 0; i < 50'000; ++i) {
    Parts parts{random_text(random), times[random() % 7], random_text(random),
                static_cast<std::uint32_t>(random() >> (random() % 64)), random() >> (random() % 64)};
    const std::string key = encode(parts);
    KeyReader in{key};
    Parts back;
    std::get<0>(back) = in.text();
    std::get<1>(back) = in.time_ms();
    std::get<2>(back) = in.text();
    std::get<3>(back) = in.u32();
    std::get<4>(back) = in.u64();
    ASSERT_TRUE(in.ok() && in.done());
    ASSERT_EQ(back, parts);
    ASSERT_EQ(encode(last) < key, last < parts);
    last = parts;
  }
}

TEST(Key, TextThatNeverEndsOrEndsWronglyIsRefused) {
  for (std::string_view bytes :
       {std::string_view(""), std::string_view("abc"), std::string_view("abc\0", 4), std::string_view("a\0\xff", 3),
        std::string_view("a\0\2", 3), std::string_view("a\0\0\1", 4)}) {
    KeyReader in{bytes};
    in.text();
    EXPECT_FALSE(in.ok()) << to_hex(bytes);
    EXPECT_EQ(in.u64(), 0u);
  }
  KeyReader short_number{"1234567"};
  EXPECT_EQ(short_number.u64(), 0u);
  EXPECT_FALSE(short_number.ok());
}

TEST(PrefixEnd, IsTheSmallestKeyAboveAllWithThePrefix) {
  EXPECT_EQ(prefix_end("ab"), "ac");
  EXPECT_EQ(prefix_end(std::string_view("a\xff\xff", 3)), "b");
  EXPECT_EQ(prefix_end(std::string_view("\x7f", 1)), "\x80");
  EXPECT_EQ(prefix_end(""), std::nullopt);
  EXPECT_EQ(prefix_end("\xff\xff"), std::nullopt);
  std::mt19937_64 random{2};
  for (int i = 0; i < 20'000; ++i) {
    const std::string prefix = random_text(random), key = random_text(random);
    const auto end = prefix_end(prefix);
    const bool in_range = prefix <= key && (!end || key < *end);
    ASSERT_EQ(in_range, key.starts_with(prefix)) << to_hex(prefix) << ' ' << to_hex(key);
  }
}

TEST(ToHex, WritesTwoDigitsAByte) { EXPECT_EQ(to_hex(std::string_view("\0\x0f\xa5\xff", 4)), "000fa5ff"); }

}  // namespace
}  // namespace echoloop
