// Whatever people do to the files, loading ends with a configuration or with faults that stand inside them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "schemas/domain_schema.h"
#include "tests/schemas/domain_fixture.h"

namespace echoloop {
namespace {

constexpr std::string_view kWords[] = {"~",    "{}",   "[]", "7",      "-1",     "0.5",
                                       "true", "x",    "''", "[x, x]", "{x: y}", "late",
                                       "*a",   "&a b", "'",  "- ",     "{",      "1970-01-01T00:00:00Z",
                                       "1e99"};

// One change such as a hand slipping makes: a value replaced, a line lost or doubled, a character gone.
void mutate(std::string& text, std::mt19937_64& random) {
  if (text.empty()) return;
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::size_t at = below(text.size());
  const std::size_t line = text.rfind('\n', at) == std::string::npos ? 0 : text.rfind('\n', at) + 1;
  const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
  const std::string_view word = kWords[below(std::size(kWords))];
  switch (below(5)) {
    case 0: {  // a value, from a blank to the next delimiter
      std::size_t begin = text.find(": ", at);
      if (begin == std::string::npos) return;
      std::size_t stop = text.find_first_of(",}\n", begin);
      text.replace(begin + 2, std::min(stop, text.size()) - begin - 2, word);
      return;
    }
    case 1:
      text.erase(line, end > line ? end - line : 0);
      return;
    case 2:
      text.insert(line, text.substr(line, end > line ? end - line : 0));
      return;
    case 3:
      text.erase(at, 1);
      return;
    default:
      text.insert(at, word);
  }
}

TEST(DomainMutations, LoadingAlwaysEndsAndFaultsStandInsideTheFiles) {
  // ECHOLOOP_SEED and ECHOLOOP_ROUNDS make longer hunts
  const char* seed_text = std::getenv("ECHOLOOP_SEED");
  const char* rounds_text = std::getenv("ECHOLOOP_ROUNDS");
  const std::uint64_t seed = seed_text == nullptr ? 1 : std::strtoull(seed_text, nullptr, 10);
  const int rounds = rounds_text == nullptr ? 400 : std::atoi(rounds_text);
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random{seed};
  int clean = 0, faulty = 0;
  for (int round = 0; round < rounds; ++round) {
    DomainTexts texts = small_config();
    for (std::size_t i = 1 + random() % 3; i > 0; --i) {
      auto file = std::next(texts.begin(), static_cast<std::ptrdiff_t>(random() % texts.size()));
      if (file->first.ends_with(".yaml")) mutate(file->second, random);
    }
    auto loaded = load_domain(texts);
    if (loaded) {
      ++clean;
      EXPECT_FALSE(loaded->counting.empty());
      EXPECT_TRUE(loaded->departments.contains("triage"));
      continue;
    }
    ++faulty;
    ASSERT_FALSE(loaded.error().empty());
    for (const DomainFault& fault : loaded.error()) {
      const std::string& text = texts.at(fault.file.substr(std::string_view{"config/"}.size()));
      EXPECT_LE(fault.line, std::count(text.begin(), text.end(), '\n') + 1) << fault.text();
      EXPECT_GE(fault.line, 1) << fault.text();
      EXPECT_FALSE(fault.message.empty());
    }
  }
  EXPECT_GT(clean, rounds / 20);
  EXPECT_GT(faulty, rounds / 4);
}

}  // namespace
}  // namespace echoloop
