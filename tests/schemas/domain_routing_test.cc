// The shipped configuration: it loads clean, and routes as the product promises.
#include <gtest/gtest.h>

#include "tests/schemas/domain_fixture.h"

namespace echoloop {
namespace {

const Time kNow = parse_time("2026-03-01T00:00:00Z").value();
using Departments = std::vector<std::string>;

const Domain& shipped() {
  static const Domain kDomain = load_domain(shipped_config()).value();
  return kDomain;
}

TEST(ShippedConfiguration, LoadsCleanFromItsFolder) {
  auto loaded = load_domain(std::filesystem::path{ECHOLOOP_SOURCE_DIR} / "config");
  ASSERT_TRUE(loaded) << text_of(loaded.error());
  EXPECT_EQ(loaded->hash, shipped().hash);
  EXPECT_EQ(loaded->due.size(), 4u);
}

TEST(ShippedConfiguration, AFolderThatIsNotThereIsAFault) {
  auto loaded = load_domain(std::filesystem::path{ECHOLOOP_SOURCE_DIR} / "no-such-folder");
  ASSERT_FALSE(loaded);
  EXPECT_NE(text_of(loaded.error()).find("no-such-folder: cannot be read"), std::string::npos);
}

TEST(ShippedConfiguration, KeepsEverySingleDimensionReady) {
  const auto& sets = shipped().counting.front().sets;
  for (std::string_view dimension : kDimensions) {
    EXPECT_EQ(std::count(sets.begin(), sets.end(), DimensionSet{std::string{dimension}}), 1) << dimension;
  }
}

TEST(ShippedConfiguration, DefinesEveryMetricThatIsComputed) {
  for (const MetricForm& form : kMetricForms)
    EXPECT_TRUE(shipped().metrics.contains(std::string{form.name})) << form.name;
}

TEST(ShippedConfiguration, GivesTenantsTheirZoneAndStrangersUtc) {
  EXPECT_EQ(shipped().zone_of("hongtu").name(), "Asia/Shanghai");
  EXPECT_EQ(shipped().zone_of("stranger").offset_ms(kNow), 0);
}

TEST(ShippedConfiguration, ReadsBoundsExactly) {
  const auto& rule = shipped().thresholds.front();
  EXPECT_EQ(rule.tiers.front().bound_ppm, 300'000);
  EXPECT_EQ(rule.hysteresis_ppm, 50'000);
  EXPECT_EQ(rule.reopen_within, Duration{14 * kDay_ms});
}

TEST(Routing, SendsProductQualityToDesignAndSupplyChain) {
  EXPECT_EQ(shipped().route({{"kind", "improvement"}, {"tag", "product-quality"}}, kNow).departments,
            (Departments{"design", "supply-chain"}));
  EXPECT_EQ(shipped().route({{"category", "product/broken"}}, kNow).departments,
            (Departments{"design", "supply-chain"}));
}

TEST(Routing, SendsDeliveryToLastMile) {
  EXPECT_EQ(shipped().route({{"tag", "late-delivery"}}, kNow).departments, Departments{"last-mile"});
  EXPECT_EQ(shipped().route({{"category", "delivery/late"}}, kNow).departments, Departments{"last-mile"});
  EXPECT_EQ(shipped().route({{"category", "delivery"}}, kNow).departments, Departments{"last-mile"});
}

TEST(Routing, SendsAttitudeToTraining) {
  EXPECT_EQ(shipped().route({{"tag", "bad-attitude"}}, kNow).departments, Departments{"training"});
}

TEST(Routing, SendsTheUnmappedToTriage) {
  EXPECT_EQ(shipped().route({{"category", "deliveryish"}}, kNow).departments, Departments{"triage"});
  EXPECT_EQ(shipped().route({}, kNow).departments, Departments{"triage"});
  EXPECT_EQ(shipped().route({}, kNow).version, 1);
}

TEST(Routing, PrefersTheRouteWithMoreConditions) {
  EXPECT_EQ(shipped().route({{"kind", "recovery"}}, kNow).departments, Departments{"service"});
  EXPECT_EQ(shipped().route({{"kind", "recovery"}, {"category", "insurance/car"}}, kNow).departments,
            (Departments{"claims", "service"}));
}

TEST(Routing, PrefersLongerCategoriesThenTheEarlierRoute) {
  Domain domain = load_changed("routing.yaml", "      - {match: {rule: unhappy}, departments: [design]}\n",
                               "      - {match: {channel: web}, departments: [design]}\n"
                               "      - {match: {category: a}, departments: [design]}\n"
                               "      - {match: {category: a/b}, departments: [last-mile]}\n");
  EXPECT_EQ(domain.route({{"category", "a/b/c"}}, kNow).departments, Departments{"last-mile"});
  EXPECT_EQ(domain.route({{"category", "a/bc"}}, kNow).departments, Departments{"design"});
  EXPECT_EQ(domain.route({{"channel", "web"}, {"category", "a/b"}}, kNow).departments, Departments{"last-mile"});
  EXPECT_EQ(domain.route({{"channel", "web"}, {"tag", "late"}}, kNow).departments,
            (Departments{"last-mile", "design"}));
}

TEST(Routing, FollowsTheVersionInForce) {
  Domain domain = load_changed("routing.yaml", "      - {match: {rule: unhappy}, departments: [design]}\n",
                               "  - version: 2\n    effective_from: 2026-03-01T00:00:00+08:00\n    routes:\n"
                               "      - {match: {tag: late}, departments: [design]}\n");
  const auto late = [&](std::string_view time) { return domain.route({{"tag", "late"}}, parse_time(time).value()); };
  EXPECT_EQ(late("2019-12-31T23:59:59Z").departments, Departments{"triage"});
  EXPECT_EQ(late("2019-12-31T23:59:59Z").version, 0);
  EXPECT_EQ(late("2026-02-28T15:59:59Z").departments, (Departments{"last-mile", "design"}));
  EXPECT_EQ(late("2026-02-28T16:00:00Z").departments, Departments{"design"});
  EXPECT_EQ(late("2026-02-28T16:00:00Z").version, 2);
}

}  // namespace
}  // namespace echoloop
