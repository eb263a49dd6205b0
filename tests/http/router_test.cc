#include "pipeline/http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace echoloop::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Handler nothing() {
  return [](const Request&) { return Response{}; };
}

Router example() {
  Router router;
  router.add({.method = "GET", .path = "/tasks/{id}"}, nothing());
  router.add({.method = "POST", .path = "/tasks/{id}/commands"}, nothing());
  router.add({.method = "GET", .path = "/tasks/overdue"}, nothing());
  router.add({.method = "GET", .path = "/tasks"}, nothing());
  router.add({.method = "POST", .path = "/tasks"}, nothing());
  router.add({.method = "GET", .path = "/"}, nothing());
  return router;
}

TEST(Router, PrefersLiteralSegmentsToPlaceholders) {
  auto router = example();
  EXPECT_EQ(router.find("GET", "/tasks/overdue").route->operation.path, "/tasks/overdue");
  auto found = router.find("GET", "/tasks/overdue2");
  EXPECT_EQ(found.route->operation.path, "/tasks/{id}");
  EXPECT_EQ(found.parts.find("id")->second, "overdue2");
  EXPECT_EQ(router.find("GET", "/").route->operation.path, "/");
}

TEST(Router, DecodesSegmentsAfterSplitting) {
  auto router = example();
  EXPECT_EQ(router.find("GET", "/tasks/a%2Fb%20%E8%8F%9C+").parts.find("id")->second, "a/b 菜+");
  EXPECT_TRUE(router.find("GET", "/tasks/%zz").malformed);
}

TEST(Router, FindsNothingForEmptySegmentsAndTrailingSlashes) {
  auto router = example();
  for (auto path : {"/tasks/", "//tasks", "/tasks/x/", "/tasks//commands", "/task"}) {
    EXPECT_THAT(router.find("GET", path).allowed, IsEmpty()) << path;
  }
}

TEST(Router, NamesTheMethodsOfAPath) {
  auto router = example();
  auto found = router.find("DELETE", "/tasks");
  EXPECT_EQ(found.route, nullptr);
  EXPECT_THAT(found.allowed, UnorderedElementsAre("GET", "HEAD", "POST", "OPTIONS"));
  EXPECT_THAT(router.find("GET", "/tasks/x/commands").allowed, ElementsAre("POST", "OPTIONS"));
  // The literal path stands for itself: the placeholder's methods are not its own.
  EXPECT_THAT(router.find("POST", "/tasks/overdue").allowed, UnorderedElementsAre("GET", "HEAD", "OPTIONS"));
}

TEST(Router, AnswersHeadByGet) {
  auto router = example();
  EXPECT_EQ(router.find("HEAD", "/tasks").route->operation.method, "GET");
  EXPECT_EQ(router.find("HEAD", "/tasks/x/commands").route, nullptr);
}

TEST(Router, ListsItsOperations) { EXPECT_EQ(example().operations().size(), 6u); }

}  // namespace
}  // namespace echoloop::http
