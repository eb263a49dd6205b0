#include "pipeline/sample/sample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "pipeline/base/hash.h"
#include "pipeline/base/time_zone.h"
#include "pipeline/sample/plants.h"
#include "pipeline/sample/verbatims.h"
#include "pipeline/text/normalise.h"
#include "schemas/codec.h"
#include "schemas/domain_load.h"

namespace echoloop {
namespace {

std::string written(const SampleOptions& options) {
  std::ostringstream out;
  write_sample(out, options);
  return out.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// What tests count: sessions by their last closing, evaluations by the one that was submitted last.
struct Session {
  nlohmann::json closed, evaluation;
  std::int64_t day = 0;  // of the sample, from 1
  std::set<std::string> invitations;
  bool early = false;  // an evaluation was there before it
  bool rated() const {
    return !evaluation.is_null() && evaluation["survey"] != "nps" && evaluation["survey"] != "effort";
  }
  bool low() const { return evaluation["score"]["value"] <= 2; }
  std::string text(const char* field) const { return closed[field].get<std::string>(); }
  std::string last_group() const { return closed["agents"].back()["group"].get<std::string>(); }
};

struct Share {
  std::int64_t part = 0, all = 0;
  double value() const { return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all); }
};

std::map<std::string, Session> sessions_of(const std::vector<std::string>& lines, const SampleOptions& options) {
  std::map<std::string, Session> out;
  for (const std::string& line : lines) {
    nlohmann::json event = nlohmann::json::parse(line);
    const nlohmann::json& data = event["data"];
    Session& session = out[data["session_id"]];
    if (event["type"] == "echoloop.session.closed.v1") {
      session.closed = data;
      const std::int64_t local = to_ms(parse_time(data["closed_at"].get<std::string>()).value()) + 8 * kHour_ms;
      session.day = local / kDay_ms - options.from_day + 1;
    } else if (event["type"] == "echoloop.evaluation.submitted.v1") {
      session.early = session.early || session.closed.is_null();
      session.evaluation = data;
    } else if (event["type"] == "echoloop.survey.invited.v1") {
      session.invitations.insert(data["outcome"].get<std::string>());
    }
  }
  return out;
}

Share dissatisfied_among(const std::map<std::string, Session>& sessions,
                         const std::function<bool(const Session&)>& among) {
  Share share;
  for (const auto& [id, session] : sessions) {
    if (!session.rated() || !among(session)) continue;
    ++share.all;
    share.part += session.low();
  }
  return share;
}

// The default sample, made once.
class Sample : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    lines_ = new std::vector<std::string>(lines_of(written({})));
    sessions_ = new std::map<std::string, Session>(sessions_of(*lines_, {}));
    for (const auto& [id, session] : *sessions_) {
      early_ += session.early;
      if (session.invitations.contains("delivered")) delivered_.insert(id);
      if (session.invitations.contains("refused") || session.invitations.contains("no_answer")) not_reached_.insert(id);
    }
  }
  static void TearDownTestSuite() {
    delete sessions_;
    delete lines_;
  }
  static Share dissatisfied(const std::function<bool(const Session&)>& among) {
    return dissatisfied_among(*sessions_, among);
  }
  static inline const std::vector<std::string>* lines_ = nullptr;
  static inline std::map<std::string, Session>* sessions_ = nullptr;
  static inline std::set<std::string> delivered_, not_reached_;  // sessions, by the outcome of their invitation
  static inline std::int64_t early_ = 0;                         // sessions whose evaluation was there before them
};

TEST(SampleBytes, AreTheSameOnEveryMachine) {
  EXPECT_EQ(hash64(written({1, 3'000, 20'513, 30})), 16775149542455250443ULL);
  EXPECT_EQ(hash64(written({2, 500, 20'000, 7})), 4084420764815924389ULL);
}

TEST(SampleBytes, FollowTheOptions) {
  EXPECT_EQ(written({5, 400, 20'513, 3}), written({5, 400, 20'513, 3}));
  EXPECT_NE(written({5, 400, 20'513, 3}), written({6, 400, 20'513, 3}));
  EXPECT_EQ(written({1, 0, 20'513, 30}), "");
  EXPECT_EQ(written({1, 10, 20'513, 0}), "");
}

TEST(SampleBytes, SessionsSpreadOverExactlyTheDaysAskedFor) {
  std::set<std::int64_t> days;
  std::set<std::string> sessions;
  for (const std::string& line : lines_of(written({3, 700, 20'600, 5}))) {
    nlohmann::json event = nlohmann::json::parse(line);
    if (!event["id"].get<std::string>().ends_with("-closed")) continue;
    sessions.insert(event["subject"]);
    days.insert((to_ms(parse_time(event["data"]["closed_at"].get<std::string>()).value()) + 8 * kHour_ms) / kDay_ms);
  }
  EXPECT_EQ(sessions.size(), 700u);
  EXPECT_EQ(days, (std::set<std::int64_t>{20'600, 20'601, 20'602, 20'603, 20'604}));
}

TEST_F(Sample, EveryLineIsAValidEventAndDuplicatesAreFewAndExact) {
  EventDecoder decoder;
  std::map<std::string, std::string> seen;
  std::int64_t again = 0;
  for (const std::string& line : *lines_) {
    Result<Event> event = decoder.decode(line);
    ASSERT_TRUE(event) << event.error().text() << "\n" << line;
    auto [place, fresh] = seen.emplace(std::string(event->source) + " " + std::string(event->id), line);
    if (!fresh) {
      ++again;
      EXPECT_EQ(place->second, line);
    }
  }
  EXPECT_EQ(sessions_->size(), 30'000u);
  const double share = static_cast<double>(again) / static_cast<double>(lines_->size());
  EXPECT_GT(share, 0.003);
  EXPECT_LT(share, 0.007);
}

TEST_F(Sample, SomeEvaluationsOvertakeTheirSession) {
  EXPECT_GT(early_, 30);
  EXPECT_LT(early_, 300);
}

TEST_F(Sample, AThirdOfThoseInvitedAnswerAndSomeCallersAreNotReached) {
  std::int64_t answered = 0;
  for (const std::string& id : delivered_) answered += !(*sessions_)[id].evaluation.is_null();
  EXPECT_NEAR(static_cast<double>(answered) / static_cast<double>(delivered_.size()), 0.31, 0.03);
  EXPECT_GT(not_reached_.size(), 500u);
  for (const std::string& id : not_reached_) EXPECT_EQ((*sessions_)[id].text("channel"), "phone");
}

TEST_F(Sample, DeliveryInTheEastFailsForFourDays) {
  auto late = [](const Session& s) { return s.text("category") == "delivery/late"; };
  auto failing = [](const Session& s) {
    return s.day >= sample::kMonth.failure.from && s.day <= sample::kMonth.failure.to;
  };
  EXPECT_GT(dissatisfied([&](const Session& s) {
              return late(s) && failing(s) && s.text("entity") == sample::kFailureEntity;
            }).value(),
            0.5);
  EXPECT_LT(dissatisfied([&](const Session& s) {
              return late(s) && failing(s) && s.text("entity") != sample::kFailureEntity;
            }).value(),
            0.3);
  EXPECT_LT(dissatisfied([&](const Session& s) { return late(s) && !failing(s); }).value(), 0.22);
  for (std::int64_t day = sample::kMonth.failure.from; day <= sample::kMonth.failure.to; ++day) {
    Share share = dissatisfied([&](const Session& s) { return late(s) && s.day == day; });
    EXPECT_GT(share.value(), 0.30) << "day " << day;
    EXPECT_GE(share.all, 20) << "day " << day;
  }
  std::int64_t during = 0, before = 0;
  for (const auto& [id, session] : *sessions_) {
    if (!late(session)) continue;
    during += failing(session);
    before += session.day < sample::kMonth.failure.from - 2 && session.day >= sample::kMonth.failure.from - 6;
  }
  EXPECT_GT(during, 2 * before);
}

TEST_F(Sample, OneGroupsAttitudeGetsWorseSlowlyAndOnlyThere) {
  auto in = [](std::string_view group, std::int64_t from, std::int64_t to) {
    return dissatisfied([=](const Session& s) { return s.last_group() == group && s.day >= from && s.day <= to; })
        .value();
  };
  const double before = in(sample::kAttitudeGroup, 1, 7), early = in(sample::kAttitudeGroup, 8, 14),
               late = in(sample::kAttitudeGroup, 15, 22);
  EXPECT_LT(before, 0.2);
  EXPECT_GT(early, before + 0.08);
  EXPECT_GT(late, early + 0.08);
  EXPECT_LT(in(sample::kAttitudeGroup, 23, 30), 0.2);
  EXPECT_LT(in("hotline-1", 8, 22), 0.25);
}

TEST_F(Sample, RoutingVersionTwoSendsInsuranceQuestionsToAShopGroup) {
  Share wrong[2];
  for (const auto& [id, session] : *sessions_) {
    const nlohmann::json& routing = session.closed["routing"];
    EXPECT_EQ(routing["version"], session.day >= sample::kMonth.misroute_from ? "2" : "1");
    if (routing["intended_group"] != "insurance-desk" ||
        session.closed["agents"].back().value("kind", "human") == "bot")
      continue;
    Share& share = wrong[routing["version"] == "2" ? 1 : 0];
    ++share.all;
    for (const nlohmann::json& agent : session.closed["agents"]) {
      if (agent["group"] == sample::kMisrouteGroup) {
        ++share.part;
        break;
      }
    }
  }
  EXPECT_EQ(wrong[0].part, 0);
  EXPECT_NEAR(wrong[1].value(), 0.7, 0.05);
  auto asked = [](const Session& s) { return s.closed["routing"]["intended_group"] == "insurance-desk"; };
  EXPECT_GT(
      dissatisfied([&](const Session& s) { return asked(s) && s.day >= sample::kMonth.misroute_from; }).value(),
      2 * dissatisfied([&](const Session& s) { return asked(s) && s.day < sample::kMonth.misroute_from; }).value());
}

TEST_F(Sample, ThereIsOneRedLineAndNobodyElseUsesItsWords) {
  LoadedDomain domain = load_domain(std::string(ECHOLOOP_SOURCE_DIR) + "/config");
  ASSERT_TRUE(domain) << text_of(domain.error());
  ASSERT_EQ(domain->red_lines.size(), 1u);
  const RedLine& line = domain->red_lines[0];
  const Counting& counting = domain->counting.back();
  std::vector<std::string> crossed;
  for (const auto& [id, session] : *sessions_) {
    if (session.evaluation.is_null()) continue;
    std::string comment = normalise_comment(session.evaluation.value("comment", ""));
    bool found = std::any_of(line.words.begin(), line.words.end(),
                             [&](const std::string& word) { return comment.find(word) != std::string::npos; });
    for (const nlohmann::json& tag : session.evaluation.value("tags", nlohmann::json::array())) {
      found = found || line.tags.contains(std::string(counting.canonical(normalise_tag(tag.get<std::string>()))));
    }
    if (found) crossed.push_back(id);
  }
  ASSERT_EQ(crossed.size(), 1u);
  const Session& session = (*sessions_)[crossed[0]];
  EXPECT_EQ(session.day, sample::kMonth.shock_day);
  EXPECT_EQ(session.evaluation["wants_contact"], true);
  EXPECT_EQ(session.evaluation["score"]["value"], 1);
}

TEST_F(Sample, TheSecondVersionOfTheSurveyScoresALittleLower) {
  Share sum[2];
  for (const auto& [id, session] : *sessions_) {
    if (session.evaluation.is_null() || session.evaluation["survey"] != "chat-csat") continue;
    const bool second = session.evaluation["version"] == "2";
    EXPECT_EQ(second, session.day >= sample::kMonth.survey_change) << id;
    sum[second].part += session.evaluation["score"]["value"].get<std::int64_t>();
    ++sum[second].all;
  }
  EXPECT_LT(sum[1].value(), sum[0].value() - 0.08);
  EXPECT_GT(sum[1].value(), sum[0].value() - 0.4);
}

TEST_F(Sample, TheWeekHasItsRhythm) {
  std::map<std::int64_t, std::int64_t> by_weekday;  // Monday 0; four whole weeks from day 2
  for (const auto& [id, session] : *sessions_) {
    if (session.day >= 2 && session.day <= 29) ++by_weekday[(session.day - 2) % 7];
  }
  EXPECT_GT(by_weekday[0], by_weekday[4]);
  EXPECT_GT(by_weekday[4], by_weekday[5]);
  EXPECT_GT(by_weekday[5], by_weekday[6]);
}

TEST_F(Sample, NamesAreThoseOfTheConfiguration) {
  LoadedDomain domain = load_domain(std::string(ECHOLOOP_SOURCE_DIR) + "/config");
  ASSERT_TRUE(domain) << text_of(domain.error());
  const Counting& counting = domain->counting.back();
  std::set<std::string> unknown, spellings, canonical;
  for (const auto& [id, session] : *sessions_) {
    EXPECT_TRUE(domain->tenants.contains(session.text("tenant")));
    for (const nlohmann::json& agent : session.closed["agents"])
      EXPECT_TRUE(domain->departments.contains(agent["department"].get<std::string>()));
    if (session.evaluation.is_null()) continue;
    EXPECT_TRUE(counting.surveys.contains(session.evaluation["survey"].get<std::string>()));
    for (const nlohmann::json& tag : session.evaluation.value("tags", nlohmann::json::array())) {
      std::string text = tag.get<std::string>();
      spellings.insert(text);
      std::string normalised = normalise_tag(text);
      (counting.alias.contains(normalised) ? canonical : unknown).emplace(counting.canonical(normalised));
    }
  }
  // One tag that nobody has put into the taxonomy yet.
  EXPECT_EQ(unknown, (std::set<std::string>{"包装破损"}));
  EXPECT_EQ(canonical.size(), 14u);
  EXPECT_GT(spellings.size(), 60u);
}

TEST(LongSample, HasAPastBeforeItsFaultsAndWeeksAfterTheWorkOnThem) {
  const SampleOptions options{1, 66'000, 20'513, sample::kLong_days};
  const auto sessions = sessions_of(lines_of(written(options)), options);
  const sample::Plants& plants = sample::kLong;
  ASSERT_GT(plants.failure.from, 6 * 7) << "six weeks before";
  ASSERT_LT(plants.mended_from + 6 * 7, sample::kLong_days) << "and six after";
  std::int64_t before = 0, failing = 0, after = 0;  // contacts about late parcels
  for (const auto& [id, session] : sessions) {
    if (session.closed.is_null() || session.text("category") != "delivery/late") continue;
    before += session.day < plants.failure.from && session.day >= plants.failure.from - 42;
    failing += plants.failure.hold(session.day);
    after += session.day >= plants.mended_from && session.day < plants.mended_from + 42;
  }
  EXPECT_GT(failing * 42, 2 * before * 4) << "four days of failure";
  EXPECT_GT(after, 0);
  EXPECT_LT(2 * after, before) << "it is mended for good";
  const auto rude = [&](std::int64_t from, std::int64_t to) {
    return dissatisfied_among(sessions,
                              [=](const Session& s) {
                                return !s.closed.is_null() && s.last_group() == sample::kAttitudeGroup &&
                                       s.day >= from && s.day <= to;
                              })
        .value();
  };
  const double usual = rude(plants.attitude.from - 42, plants.attitude.from - 1);
  EXPECT_GT(rude(plants.attitude.from, plants.attitude.to), usual + 0.1);
  EXPECT_NEAR(rude(plants.attitude.to + 1, plants.attitude.to + 42), usual, 0.05) << "what ended by itself";
}

TEST(Verbatims, ComeFromManyPatternsAndLeaveNoSlotOpen) {
  EXPECT_GE(sample::patterns_zh(), 60u);
  EXPECT_GE(sample::patterns_en(), 40u);
  sample::Dice dice(1, 1);
  std::set<std::string> zh;
  for (int i = 0; i < 4'000; ++i) {
    const auto topic = static_cast<sample::Topic>(dice.below(static_cast<std::int64_t>(sample::Topic::neutral) + 1));
    std::string chinese = sample::comment_zh(dice, topic), english = sample::comment_en(dice, topic);
    EXPECT_EQ((chinese + english).find_first_of("{}"), std::string::npos) << chinese << english;
    EXPECT_TRUE(valid_utf8(chinese));
    zh.insert(chinese);
  }
  EXPECT_GT(zh.size(), 1'500u);
}

TEST(Dice, DrawWhatTheyShould) {
  sample::Dice dice(7, 0);
  std::map<std::int64_t, int> faces;
  for (int i = 0; i < 60'000; ++i) ++faces[dice.below(6)];
  ASSERT_EQ(faces.size(), 6u);
  for (const auto& [face, count] : faces) EXPECT_NEAR(count, 10'000, 400) << face;
  std::vector<std::int64_t> times;
  for (int i = 0; i < 20'001; ++i) times.push_back(dice.around(100'000, false));
  std::nth_element(times.begin(), times.begin() + 10'000, times.end());
  EXPECT_NEAR(static_cast<double>(times[10'000]), 100'000, 2'500);
  EXPECT_GT(*std::max_element(times.begin(), times.end()), 350'000);
  EXPECT_NE(sample::Dice(1, 2).below(1'000'000), sample::Dice(1, 3).below(1'000'000));
}

}  // namespace
}  // namespace echoloop
