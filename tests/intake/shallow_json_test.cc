#include "pipeline/intake/shallow_json.h"

#include <gtest/gtest.h>

namespace echoloop {
namespace {

TEST(ShallowJson, KeepsTheOrderOfKeys) {
  EXPECT_EQ(parse_shallow_json(R"({"b":1,"a":[2]})")->dump(), R"({"b":1,"a":[2]})");
}

TEST(ShallowJson, ANulDoesNotEndTheText) {
  using namespace std::string_view_literals;
  EXPECT_FALSE(parse_shallow_json("{}\0, what else"sv));
  EXPECT_FALSE(parse_shallow_json("{}\0"sv));
}

TEST(ShallowJson, DeeperThanItsBoundIsRefused) {
  const auto nested = [](int levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_TRUE(parse_shallow_json(nested(kJsonDepth_max)));
  EXPECT_FALSE(parse_shallow_json(nested(kJsonDepth_max + 2)));
}

}  // namespace
}  // namespace echoloop
