// Properties of the codec over random events and documents. The seed is printed; ECHOLOOP_SEED=n runs another one.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "schemas/codec.h"
#include "tests/schemas/codec_oracle.h"
#include "tests/schemas/codec_random.h"

namespace echoloop::test {
namespace {

std::uint64_t seed() {
  const char* given = std::getenv("ECHOLOOP_SEED");
  std::uint64_t chosen = given == nullptr ? 20'260'301 : std::strtoull(given, nullptr, 10);
  printf("seed %llu\n", static_cast<unsigned long long>(chosen));
  return chosen;
}

constexpr std::size_t kTypes = std::size(kEventTypes);

TEST(CodecProperty, DecodingWhatWasEncodedGivesTheSameEvent) {
  RandomEvents random(seed());
  EventDecoder decoder;
  std::string text, again;
  for (std::size_t i = 0; i < 16'000; ++i) {
    Event event = random.event(i % kTypes);
    text.clear();
    encode(event, text);
    auto decoded = decoder.decode(text);
    ASSERT_TRUE(decoded) << "event " << i << ": " << decoded.error().text() << "\n" << text;
    ASSERT_EQ(*decoded, event) << "event " << i << "\n" << text;
    again.clear();
    encode(*decoded, again);
    ASSERT_EQ(again, text) << "event " << i;
  }
}

TEST(CodecProperty, TheCodecAcceptsExactlyWhatSchemaAndSemanticChecksAccept) {
  RandomEvents random(seed() + 1);
  EventDecoder decoder;
  std::map<std::string, int> met;
  for (std::size_t i = 0; i < 24'000; ++i) {
    std::string text;
    encode(random.event(i % kTypes), text);
    auto document = nlohmann::json::parse(text);
    for (std::uint64_t changes = random.below(3); changes > 0; --changes) random.mutate(document);
    text = document.dump();
    std::string refusal = refused_by(text);
    auto decoded = decoder.decode(text);
    ASSERT_EQ(decoded.has_value(), refusal.empty())
        << "document " << i << "\nthe codec: " << (decoded ? "accepted" : decoded.error().text())
        << "\nthe oracle: " << refusal << "\n"
        << text;
    ++met[refusal.empty() ? "accepted" : refusal];
  }
  // The mutations reach every verdict; otherwise this test says little.
  for (const char* verdict :
       {"accepted", "schema", "bytes", "time", "subject", "handler_period", "decimals", "scale", "score", "depth"}) {
    EXPECT_GE(met[verdict], 5) << verdict;
  }
  for (auto& [verdict, times] : met) printf("%-16s %d\n", verdict.c_str(), times);
}

TEST(CodecProperty, TextsThatAreHardlyJsonAreAcceptedExactlyWhenAnotherParserAgrees) {
  RandomEvents random(seed() + 2);
  EventDecoder decoder;
  std::map<std::string, int> met;
  for (std::size_t i = 0; i < 24'000; ++i) {
    std::string text;
    encode(random.event(i % kTypes), text);
    for (std::uint64_t changes = 1 + random.below(2); changes > 0 && !text.empty(); --changes) random.scramble(text);
    std::string refusal = refused_by(text);
    auto decoded = decoder.decode(text);
    ASSERT_EQ(decoded.has_value(), refusal.empty())
        << "text " << i << "\nthe codec: " << (decoded ? "accepted" : decoded.error().text())
        << "\nthe oracle: " << refusal << "\n"
        << text;
    if (!decoded && refusal == "syntax") {
      ASSERT_TRUE(decoded.error().where.starts_with("byte ")) << "text " << i << ": " << decoded.error().text() << "\n"
                                                              << text;
    }
    ++met[refusal.empty() ? "accepted" : refusal];
  }
  for (const char* verdict : {"accepted", "syntax", "unique_keys", "schema"}) EXPECT_GE(met[verdict], 5) << verdict;
  for (auto& [verdict, times] : met) printf("%-16s %d\n", verdict.c_str(), times);
}

}  // namespace
}  // namespace echoloop::test
