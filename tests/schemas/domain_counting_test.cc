// Counting rules by effective_from: which interval holds, what it says, and when two count alike.
#include <gtest/gtest.h>

#include "tests/schemas/domain_fixture.h"

namespace echoloop {
namespace {

Time at(std::string_view text) { return parse_time(text).value(); }

TEST(DomainCounting, WithoutDatesOneIntervalHoldsForever) {
  Domain domain = load_domain(small_config()).value();
  ASSERT_EQ(domain.counting.size(), 1u);
  EXPECT_EQ(&domain.counting_at(Time{}), &domain.counting.front());
  EXPECT_EQ(&domain.counting_at(at("2199-01-01T00:00:00Z")), &domain.counting.front());
}

TEST(DomainCounting, AnIdItsNamesAndAliasesAreItsTag) {
  const Counting counting = load_domain(small_config()).value().counting.front();
  for (std::string text : {"late", "配送慢", "late delivery", "快递慢", "slow parcel"})
    EXPECT_EQ(counting.canonical(text), "late");
  EXPECT_EQ(counting.canonical("something else"), "something else");
  EXPECT_EQ(counting.moment.at("late"), "scope");
}

TEST(DomainCounting, AnAliasHoldsFromItsDateOn) {
  Domain domain = load_changed("taxonomy.yaml", "[impolite]",
                               "[impolite, {text: 翻白眼, effective_from: 2026-06-01T00:00:00+08:00}]");
  ASSERT_EQ(domain.counting.size(), 2u);
  EXPECT_EQ(domain.counting[1].from, at("2026-05-31T16:00:00Z"));
  EXPECT_EQ(domain.counting_at(at("2026-05-31T15:59:59.999Z")).canonical("翻白眼"), "翻白眼");
  EXPECT_EQ(domain.counting_at(at("2026-05-31T16:00:00Z")).canonical("翻白眼"), "rude");
  EXPECT_EQ(domain.counting_at(at("2026-07-01T00:00:00Z")).canonical("impolite"), "rude");
  EXPECT_NE(domain.counting[0].hash, domain.counting[1].hash);
}

TEST(DomainCounting, BoxesChangePerScaleAndOtherScalesStand) {
  Domain domain =
      load_changed("surveys.yaml", "      - {min: 1, max: 5, top_from: 4, bottom_to: 2}\n",
                   "      - {min: 1, max: 5, top_from: 5, bottom_to: 3, effective_from: 2026-02-01T00:00:00Z}\n"
                   "      - {min: 1, max: 5, top_from: 4, bottom_to: 2}\n"
                   "      - {min: 0, max: 1, top_from: 0.5, bottom_to: 0.25, effective_from: 2026-03-01T00:00:00Z}\n");
  ASSERT_EQ(domain.counting.size(), 3u);
  const auto boxes = [&](std::string_view time) { return domain.counting_at(at(time)).surveys.at("chat").boxes; };
  ASSERT_EQ(boxes("2026-01-31T23:59:59Z").size(), 1u);
  EXPECT_EQ(boxes("2026-01-31T23:59:59Z")[0].top_from, 4000);
  ASSERT_EQ(boxes("2026-02-01T00:00:00Z").size(), 1u);
  EXPECT_EQ(boxes("2026-02-01T00:00:00Z")[0].top_from, 5000);
  EXPECT_EQ(boxes("2026-02-01T00:00:00Z")[0].bottom_to, 3000);
  ASSERT_EQ(boxes("2026-03-01T00:00:00Z").size(), 2u);
  EXPECT_EQ(boxes("2026-03-01T00:00:00Z")[0].top_from, 500);  // by scale: 0..1 before 1..5
  EXPECT_EQ(boxes("2026-03-01T00:00:00Z")[0].bottom_to, 250);
  EXPECT_EQ(boxes("2026-03-01T00:00:00Z")[1].top_from, 5000);
  EXPECT_EQ(domain.counting_at(at("2026-03-01T00:00:00Z")).surveys.at("nps").kind, SurveyKind::nps);
}

TEST(DomainCounting, ADimensionSetIsKeptFromItsDateOn) {
  Domain domain =
      load_changed("metrics.yaml", "  - [tag]\n",
                   "  - [tag]\n  - {dimensions: [channel, language], effective_from: 2026-06-01T00:00:00+08:00}\n");
  ASSERT_EQ(domain.counting.size(), 2u);
  const DimensionSet dated{"channel", "language"};
  const auto& before = domain.counting[0].sets;
  const auto& after = domain.counting[1].sets;
  EXPECT_EQ(std::count(before.begin(), before.end(), dated), 0);
  EXPECT_EQ(std::count(after.begin(), after.end(), dated), 1);
  EXPECT_EQ(before.front(), DimensionSet{});
}

TEST(DomainCounting, ADateThatChangesNothingMakesNoInterval) {
  Domain domain =
      load_changed("taxonomy.yaml", "[impolite]", "[impolite, {text: IMPOLITE, effective_from: 2026-06-01T00:00:00Z}]");
  EXPECT_EQ(domain.counting.size(), 1u);
}

TEST(DomainCounting, HashesTellWhatCountsAndNothingElse) {
  const std::uint64_t hash = load_domain(small_config()).value().counting.front().hash;
  const auto hash_with = [](std::string_view file, std::string_view what, std::string_view with) {
    return load_changed(file, what, with).counting.front().hash;
  };
  EXPECT_EQ(hash_with("taxonomy.yaml", "sentiment: negative", "sentiment: positive"), hash);
  EXPECT_EQ(hash_with("metrics.yaml", "  - [category]\n  - [tag]\n", "  - [tag]\n  - [category]\n"), hash);
  EXPECT_EQ(hash_with("rules.yaml", "above: 30", "above: 31"), hash);
  EXPECT_NE(hash_with("taxonomy.yaml", "moment: scope", "moment: speed"), hash);
  EXPECT_NE(hash_with("taxonomy.yaml", "impolite", "not polite"), hash);
  EXPECT_NE(hash_with("surveys.yaml", "kind: nps", "kind: ces"), hash);
  EXPECT_NE(hash_with("surveys.yaml", "top_from: 4", "top_from: 5"), hash);
  EXPECT_NE(hash_with("metrics.yaml", "  - [channel, category]\n", ""), hash);
}

TEST(DomainCounting, AReloadOfTheSameTextsIsTheSameConfiguration) {
  Domain first = load_domain(shipped_config()).value();
  DomainTexts texts = shipped_config();
  for (auto& [name, text] : texts) {
    if (name.ends_with(".yaml")) text = "# a comment more\n" + text;
  }
  Domain again = load_domain(texts).value();
  EXPECT_EQ(first.hash, again.hash);
  ASSERT_EQ(first.counting.size(), again.counting.size());
  for (std::size_t i = 0; i < first.counting.size(); ++i) EXPECT_EQ(first.counting[i].hash, again.counting[i].hash);
  EXPECT_NE(load_changed("rules.yaml", "above: 30", "above: 31").hash, load_domain(small_config()).value().hash);
}

}  // namespace
}  // namespace echoloop
