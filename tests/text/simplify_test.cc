// Traditional → simplified against ICU's own transliterator.
#include <gtest/gtest.h>
#include <unicode/normalizer2.h>
#include <unicode/translit.h>
#include <unicode/unistr.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "pipeline/text/normalise.h"

namespace echoloop {
namespace {

// The left sides of ICU's rules: each asks for one of them, and pieces put together for one across a border.
std::vector<icu::UnicodeString> left_sides(const icu::Transliterator& transliterator) {
  icu::UnicodeString rules;
  transliterator.toRules(rules, true);
  std::vector<icu::UnicodeString> out;
  for (int32_t at = 0, end = 0; (end = rules.indexOf(u';', at)) >= 0; at = end + 1) {
    const int32_t arrow = rules.indexOf(u" > ", 3, at);
    out.push_back(rules.tempSubStringBetween(at, arrow).unescape().trim());
  }
  return out;
}

TEST(NormaliseComment, SimplifiesAsIcuDoes) {
  UErrorCode status = U_ZERO_ERROR;
  std::unique_ptr<icu::Transliterator> transliterator{
      icu::Transliterator::createInstance("Hant-Hans", UTRANS_FORWARD, status)};
  const icu::Normalizer2* nfkc = icu::Normalizer2::getNFKCInstance(status);
  ASSERT_TRUE(U_SUCCESS(status));
  const auto sides = left_sides(*transliterator);
  ASSERT_GT(sides.size(), 3000u);
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random{seed};
  for (std::size_t i = 0; i < sides.size() + 30'000; ++i) {
    icu::UnicodeString text;
    if (i < sides.size()) {
      text = sides[i];
    } else {
      for (auto pieces = 1 + random() % 6; pieces > 0; --pieces) {
        const icu::UnicodeString& side = sides[random() % sides.size()];
        const auto begin =
            static_cast<int32_t>(random() % 4 == 0 ? random() % static_cast<std::uint64_t>(side.length()) : 0);
        text.append(side, begin, side.length() - begin);
        if (random() % 5 == 0) text.append(u"好a“"[random() % 3]);
      }
    }
    std::string utf8, wanted;
    text.toUTF8String(utf8);
    text = nfkc->normalize(text, status);
    transliterator->transliterate(text);
    nfkc->normalize(text, status).toUTF8String(wanted);
    ASSERT_TRUE(U_SUCCESS(status));
    ASSERT_EQ(normalise_comment(utf8), wanted) << utf8;
  }
}

}  // namespace
}  // namespace echoloop
