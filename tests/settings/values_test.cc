#include "pipeline/settings/values.h"

#include <gtest/gtest.h>

namespace echoloop {
namespace {

TEST(Values, SizesHaveBinaryUnitsOrNone) {
  EXPECT_EQ(parse_size("0").value(), 0u);
  EXPECT_EQ(parse_size("1000").value(), 1000u);
  EXPECT_EQ(parse_size("64KiB").value(), 65'536u);
  EXPECT_EQ(parse_size("512MiB").value(), 536'870'912u);
  EXPECT_EQ(parse_size("1GiB").value(), 1'073'741'824u);
  EXPECT_EQ(parse_size("2TiB").value(), 2'199'023'255'552u);
  EXPECT_EQ(parse_size("18446744073709551615").value(), 18'446'744'073'709'551'615u);
}

TEST(Values, SizesThatAreNoneAreRefused) {
  for (const char* text :
       {"", "GiB", "-1", "+1", "1 GiB", "1GB", "1gib", "1.5GiB", "1GiBs", "18446744073709551616", "16777216TiB"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
  EXPECT_EQ(parse_size("1GB").error().text(), "'1GB' is not a size (bytes, or a number with KiB, MiB, GiB or TiB)");
}

TEST(Values, SizesAreWrittenAsTheyAreRead) {
  for (std::uint64_t bytes : {0ull, 1ull, 1023ull, 1024ull, 65'537ull, 1ull << 30, 3ull << 40, (1ull << 40) + 1024}) {
    EXPECT_EQ(parse_size(format_size(bytes)).value(), bytes) << format_size(bytes);
  }
  EXPECT_EQ(format_size(1536ull << 20), "1536MiB");
}

TEST(Values, CountsAreWholeNumbers) {
  EXPECT_EQ(parse_count("64").value(), 64u);
  for (const char* text : {"", "-1", "1.0", "0x10", " 1", "1 ", "four", "18446744073709551616"})
    EXPECT_FALSE(parse_count(text)) << text;
}

TEST(Values, AddressesHaveHostAndPort) {
  EXPECT_EQ(parse_address("127.0.0.1:8080").value(), (Address{"127.0.0.1", 8080}));
  EXPECT_EQ(parse_address("echoloop.internal:0").value(), (Address{"echoloop.internal", 0}));
  EXPECT_EQ(parse_address("[::1]:65535").value(), (Address{"::1", 65'535}));
  for (const char* text : {"", "8080", ":8080", "localhost", "localhost:", "localhost:65536", "localhost:http",
                           "::1:8080", "[]:80", "[x]:80", "a b:80", "http://a:80", "a:80/"}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
}

TEST(Values, AddressesAreWrittenAsTheyAreRead) {
  for (const char* text : {"127.0.0.1:8080", "[::1]:0", "host:1"})
    EXPECT_EQ(format_address(parse_address(text).value()), text);
}

TEST(Values, ServersAreHttpAndLoseTheirLastSlash) {
  EXPECT_EQ(parse_server("http://127.0.0.1:8080/").value(), "http://127.0.0.1:8080");
  EXPECT_EQ(parse_server("http://echoloop").value(), "http://echoloop");
  for (const char* text :
       {"", "http://", "http:///", "127.0.0.1:8080", "https://echoloop", "http://a/b", "http://u@a", "http://a:port"}) {
    EXPECT_FALSE(parse_server(text)) << text;
  }
}

TEST(Values, FlagsAreTrueOrFalse) {
  for (const char* text : {"true", "yes", "on", "1"}) EXPECT_TRUE(parse_flag(text).value()) << text;
  for (const char* text : {"false", "no", "off", "0"}) EXPECT_FALSE(parse_flag(text).value()) << text;
  for (const char* text : {"", "TRUE", "maybe", "2"}) EXPECT_FALSE(parse_flag(text).has_value()) << text;
}

}  // namespace
}  // namespace echoloop
