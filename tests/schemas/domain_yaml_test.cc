// Places, duplicate keys and exact decimals of the YAML reader, and the faults that make a file unreadable.
#include <gtest/gtest.h>

#include "schemas/domain_yaml.h"
#include "tests/schemas/domain_fixture.h"

namespace echoloop {
namespace {

TEST(DomainYaml, ReadsDecimalsExactly) {
  const auto ppm = [](std::string_view text) { return yaml::parse_decimal(text, 6).value(); };
  EXPECT_EQ(ppm("0.3"), 300'000);
  EXPECT_EQ(ppm("0.30"), 300'000);
  EXPECT_EQ(ppm("0.29"), 290'000);  // 0.29 × 10^6 is 289999.99… in floating point
  EXPECT_EQ(ppm(".5"), 500'000);
  EXPECT_EQ(ppm("1"), 1'000'000);
  EXPECT_EQ(ppm("-0.000001"), -1);
  EXPECT_EQ(ppm("0.1000000000"), 100'000);
  EXPECT_EQ(ppm("1000000000000"), 1'000'000'000'000'000'000);
  EXPECT_EQ(yaml::parse_decimal("4.125", 3).value(), 4125);
}

TEST(DomainYaml, RefusesWhatIsNoPlainDecimal) {
  for (std::string_view text : {"", "-", ".", "1e3", "0x10", "1.2.3", "0.0000001", "1000000000001", "12a", "inf"}) {
    EXPECT_FALSE(yaml::parse_decimal(text, 6)) << text;
  }
}

TEST(DomainYaml, CountsColumnsInCharacters) {
  DomainFaults faults;
  auto document = yaml::parse("f", "a: 1\nname: {zh: 鸿图, en: x}\n", faults);
  ASSERT_TRUE(document);
  const yaml::Node* en = document->root.find("name")->find("en");
  EXPECT_EQ(en->place.line, 2);
  EXPECT_EQ(en->place.column, 20);
  EXPECT_TRUE(faults.empty());
}

TEST(DomainYaml, TypesPlainScalarsAsYaml12Does) {
  DomainFaults faults;
  auto document = yaml::parse("f", "[1, -1.5e3, true, no, '1', null, 2020-01-01, 0x1f, .inf, ~]", faults);
  ASSERT_TRUE(document);
  EXPECT_EQ(yaml::to_json(document->root).dump(), R"([1,-1500.0,true,"no","1",null,"2020-01-01","0x1f",".inf",null])");
}

TEST(DomainYaml, CopiesAnchorsOut) {
  DomainFaults faults;
  auto document = yaml::parse("f", "a: &x {k: [1, 2]}\nb: *x\n", faults);
  ASSERT_TRUE(document);
  EXPECT_EQ(yaml::to_json(document->root).dump(), R"({"a":{"k":[1,2]},"b":{"k":[1,2]}})");
  EXPECT_TRUE(faults.empty());
}

TEST(DomainYaml, StopsAliasesThatMultiply) {
  std::string text = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n";
  for (int i = 1; i < 9; ++i) {
    text += fmt::format("a{0}: &a{0} [*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1}]\n", i, i - 1);
  }
  DomainFaults faults;
  yaml::parse("f", text, faults);
  ASSERT_FALSE(faults.empty());
  EXPECT_NE(faults.front().message.find("multiply"), std::string::npos);
}

// Each anchor holds the one before, forty lists further down: tens of thousands of levels in a few kilobytes.
TEST(DomainYaml, StopsAliasesThatNestBeyondAllMeasure) {
  const auto nested = [](const std::string& inner) { return std::string(40, '[') + inner + std::string(40, ']'); };
  std::string text = "a0: &a0 " + nested("1") + "\n";
  for (int i = 1; i < 200; ++i) text += fmt::format("a{0}: &a{0} {1}\n", i, nested(fmt::format("*a{}", i - 1)));
  DomainFaults faults;
  EXPECT_FALSE(yaml::parse("f", text, faults));
  ASSERT_FALSE(faults.empty());
  EXPECT_EQ(faults.front().text(), "f:2:49: lists and maps within each other, more than 64");
}

TEST(DomainYaml, StopsListsThatNestBeyondAllMeasure) {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  DomainFaults faults;
  EXPECT_TRUE(yaml::parse("f", nested(yaml::kDepthMax), faults));
  EXPECT_TRUE(faults.empty());
  EXPECT_FALSE(yaml::parse("f", nested(yaml::kDepthMax + 1), faults));
  EXPECT_FALSE(yaml::parse("f", nested(100'000), faults));
}

// Each doubled key once moved all that follow it: such a file took minutes. It is the test's time limit that fails
// here.
TEST(DomainYaml, ManyDoubledKeysAreNamedInOneGo) {
  std::string text;
  for (int i = 0; i < 180'000; ++i) text += fmt::format("k{0}: 1\nk{0}: 2\n", i);
  DomainFaults faults;
  yaml::parse("f", text, faults);
  ASSERT_EQ(faults.size(), 180'000u);
  EXPECT_EQ(faults.back().text(), "f:360000:1: key 'k179999' stands twice (first in line 359999)");
}

// yaml-cpp takes the byte 04 for the end of the file: what follows was left out in silence.
TEST(DomainYaml, AControlCharacterDoesNotEndTheFile) {
  DomainFaults faults;
  EXPECT_FALSE(yaml::parse("f", "a: 1\n\x04 b: [", faults));
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults.front().text(), "f:2:1: a control character");
}

TEST(DomainYaml, NamesThePlaceOfASyntaxError) {
  expect_fault("surveys.yaml", "    kind: nps\n", "    kind: nps\n   ‸- x\n",
               "no valid YAML: end of sequence not found");
}

TEST(DomainYaml, RefusesWhatYamlAllowsAndPeopleDoNotMean) {
  expect_fault("surveys.yaml", "    kind: nps\n", "    kind: nps\n    ‸kind: ces\n",
               "key 'kind' stands twice (first in line 7)");
  expect_fault("organisation.yaml", "lead: ann", "lead: ann, ‸lead: bob", "key 'lead' stands twice (first in line 6)");
  expect_fault("organisation.yaml", "lead: ann", "lead: ‸!!binary ann",
               "types by tag (tag:yaml.org,2002:binary) are not read here");
  expect_fault("organisation.yaml", "lead: ann", "lead: ‸'${LEAD}'",
               "'${' is not filled in here: write the value, or name a file or variable where a key offers it");
  expect_fault("surveys.yaml", "    kind: nps\n", "    kind: nps\n---\n‸more: 1\n", "a second document in one file");
  expect_fault("surveys.yaml", "    kind: nps\n", "    kind: nps\n‸\xff\n", "is not UTF-8 text");
}

TEST(DomainYaml, BoundsTheLengthOfATextAndOfAFile) {
  DomainTexts texts = small_config();
  expect_fault(texts, "organisation.yaml", "lead: ann", "lead: ‸" + std::string(9000, 'x'),
               "a text longer than 8192 bytes");
  expect_fault(texts, "organisation.yaml",
               "tenants:", "#" + std::string(5u << 20, 'x') + "\ntenants:", "larger than 4194304 bytes");
}

}  // namespace
}  // namespace echoloop
