#include "pipeline/intake/import_door.h"

#include <gtest/gtest.h>

#include "schemas/state.pb.h"

namespace echoloop {
namespace {

// A log in memory that is full when told so.
class Log : public stage::Appender {
 public:
  int partitions() const override { return 4; }
  Result<stage::Appended> append(std::span<const stage::Append> records) override {
    if (full > 0) {
      --full;
      return stage::Appended::full;
    }
    for (const stage::Append& one : records) kept.push_back({one.kind, std::string(one.value)});
    return stage::Appended::durable;
  }
  int full = 0;
  std::vector<std::pair<stage::Kind, std::string>> kept;
};

const std::string kOld =
    R"({"specversion":"1.0","type":"echoloop.evaluation.submitted.v1","source":"/t","id":"e","data":{"tenant":"t","session_id":"s","evaluation_id":"e","submitted_at":"2003-03-01T00:00:00Z","score":{"value":4}}})";

class ImportDoor : public testing::Test {
 protected:
  std::unique_ptr<ImportSink> sink() {
    DoorSinkOptions options;
    options.tenant = "hongtu";
    options.wait = [this](Duration) { return ++waits_ < give_up_after_; };
    return make_door_sink(door_, options);
  }
  Log log_;
  Door door_{log_, {}};
  int waits_ = 0;
  int give_up_after_ = 100;
};

TEST_F(ImportDoor, TakesEventsOfAnyAgeAndTellsRefusedOnes) {
  std::vector<std::string_view> events{kOld, "{}"};
  auto refused = sink()->take(events);
  ASSERT_TRUE(refused) << refused.error().text();
  ASSERT_EQ(refused->size(), 1u);
  EXPECT_EQ(refused->at(0).index, 1u);
  ASSERT_EQ(log_.kept.size(), 1u) << "the importer keeps what it was made of";
  EXPECT_EQ(log_.kept[0], (std::pair{stage::Kind::event, kOld}));
}

TEST_F(ImportDoor, RejectedDocumentsKeepTheirPlaceAdapterAndTenant) {
  std::vector<RejectedDocument> documents{{"[\"y\"]", "a.csv:4", "row has 1 field, the header 2", "support-csv"}};
  ASSERT_TRUE(sink()->reject(documents));
  ASSERT_EQ(log_.kept.size(), 1u);
  state::Rejected letter;
  ASSERT_TRUE(letter.ParseFromString(log_.kept[0].second));
  EXPECT_EQ(letter.document(), "[\"y\"]");
  EXPECT_EQ(letter.where(), "a.csv:4");
  EXPECT_EQ(letter.reason(), "row has 1 field, the header 2");
  EXPECT_EQ(letter.adapter(), "support-csv");
  EXPECT_EQ(letter.tenant(), "hongtu");
}

TEST_F(ImportDoor, WaitsWhileTheLogIsFullAndLosesNothing) {
  log_.full = 3;
  std::vector<std::string_view> events{kOld};
  ASSERT_TRUE(sink()->take(events));
  EXPECT_EQ(waits_, 3);
  EXPECT_EQ(log_.kept.size(), 1u);
  log_.full = 1000;
  give_up_after_ = 10;
  auto refused = sink()->take(events);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "interrupted");
}

}  // namespace
}  // namespace echoloop
