// What others are told of a customer's open issues is what the rows hold.
#include "processors/casework/open_customers.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/processors/casework_play.h"
#include "tests/stages/configuration.h"

namespace echoloop::casework {
namespace {

using nlohmann::json;

class OpenCustomersTest : public testing::Test {
 protected:
  // Of the customer that has a task; an empty text: none is open.
  std::string told() {
    EXPECT_EQ(play_.rows.customers.size(), 1u);
    return play_.rows.customers.empty() ? "" : play_.rows.customers.begin()->second;
  }
  std::vector<std::string> ids() {
    std::vector<std::string> out;
    const json value = json::parse(told());
    for (const json& task : value["tasks"]) out.push_back(task["id"]);
    return out;
  }
  // An accepted task.
  void end(const std::string& id) {
    for (const char* name : {"start", "done", "tell_customer", "close"})
      play_.command(id, full_command(name, play_.rows.time));
  }

  CaseworkPlay play_{stages::loaded(stages::ruled_house())};
};

TEST_F(OpenCustomersTest, AreToldOfEachChangeUntilNothingIsOpen) {
  const std::string first = play_.open("recovery", "s1");
  EXPECT_EQ(ids(), std::vector{first});
  const json who = json::parse(play_.rows.customers.begin()->first), value = json::parse(told());
  EXPECT_EQ(who["tenant"], value["tenant"]);
  EXPECT_EQ(who["customer_id"], value["customer_id"]);
  EXPECT_EQ(value["tasks"][0]["state"], "opened");
  EXPECT_FALSE(value["more"]);

  play_.command(first, full_command("accept", play_.rows.time));
  EXPECT_EQ(json::parse(told())["tasks"][0]["state"], "accepted");
  const std::string second = play_.open("recovery", "s2");
  EXPECT_EQ(ids().size(), 2u);
  end(first);
  EXPECT_EQ(ids(), std::vector{second});
  play_.command(second, full_command("accept", play_.rows.time));
  end(second);
  EXPECT_EQ(told(), "");
}

TEST_F(OpenCustomersTest, AreNotToldOfWhatDoesNotMatterToThem) {
  const std::string id = play_.open("recovery", "s1");
  play_.rows.customers.clear();
  play_.command(id, full_command("comment", play_.rows.time));
  EXPECT_TRUE(play_.rows.customers.empty());
  EXPECT_FALSE(play_.rows.told.empty());
}

TEST_F(OpenCustomersTest, OfWhomThereAreTooManyIssuesTellTheFirst) {
  for (int i = 0; i < 20; ++i) play_.open("recovery", "s" + std::to_string(i));
  EXPECT_EQ(ids().size(), 20u);
  EXPECT_FALSE(json::parse(told())["more"]);
  play_.open("recovery", "one more");
  EXPECT_EQ(ids().size(), 20u);
  EXPECT_TRUE(json::parse(told())["more"]);
}

}  // namespace
}  // namespace echoloop::casework
