// The engine's threads. Whatever waits here waits for a condition, at most kPatience.
#include "pipeline/engine/engine.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>

#include "pipeline/stage/commit_bell.h"
#include "tests/engine/counting_stage.h"

namespace echoloop {
namespace {

using engine::Engine;
using engine::EngineOptions;
using engine_tests::counted;
using engine_tests::Diary;
using engine_tests::told;

using Counts = std::map<std::string, std::int64_t>;

constexpr Duration kPatience = std::chrono::seconds{60};

// Rings the bell after each commit and tells when a poll begins to wait. A worker that waits for records waits for ever
// here: only what comes, or a call, can wake it.
class BellLink final : public stage::Link {
 public:
  BellLink(std::unique_ptr<stage::Link> link, stage::CommitBell& bell, std::atomic<int>& polls)
      : link_(std::move(link)), bell_(bell), polls_(polls) {}
  Result<stage::Poll> poll(Duration timeout, const stage::PollLimits& limits) override {
    ++polls_;
    bell_.ring();
    return link_->poll(timeout > Duration{500} ? Duration{std::chrono::hours{1}} : timeout, limits);
  }
  Result<void> commit(stage::Epoch epoch) override {
    auto done = link_->commit(std::move(epoch));
    bell_.ring();
    return done;
  }
  const stage::View& view() const override { return link_->view(); }
  void wake() override { link_->wake(); }

 private:
  std::unique_ptr<stage::Link> link_;
  stage::CommitBell& bell_;
  std::atomic<int>& polls_;
};

class EngineOnAHouse : public testing::Test {
 protected:
  std::unique_ptr<Engine> engine(int workers) {
    EngineOptions options;
    options.workers = workers;
    options.limits.interval = Duration{1};
    options.limits.records_max = 100;
    const auto connect = [this](int worker, int of) -> Result<std::unique_ptr<stage::Link>> {
      return std::make_unique<BellLink>(house_.link(worker, of), bell_, polls_);
    };
    return std::make_unique<Engine>(engine_tests::counting_stages(diary_), connect, options);
  }
  void append(int from, int to) {
    for (int i = from; i < to; ++i) house_.append(stage::Kind::event, fmt::format("k{}", i % 97), "", from_ms(i));
  }
  static Counts expected(int records) {
    Counts out;
    for (int i = 0; i < records; ++i) ++out[fmt::format("k{}", i % 97)];
    return out;
  }
  static void no_failure(const Error& error) { ADD_FAILURE() << error.text(); }

  Diary diary_;
  memory::MemoryHouse house_{8};
  stage::CommitBell bell_;
  std::atomic<int> polls_{0};
};

TEST_F(EngineOnAHouse, SeveralWorkersCountEverythingOnceWhileRecordsCome) {
  auto it = engine(3);
  it->start(no_failure);
  std::thread more{[&] { append(0, 5000); }};
  more.join();
  EXPECT_TRUE(bell_.wait(kPatience, [&] { return told(house_) == expected(5000); }));
  it->stop();
  EXPECT_EQ(counted(house_), expected(5000));
}

TEST_F(EngineOnAHouse, StopWakesAWaitingWorker) {
  auto it = engine(2);
  it->start(no_failure);
  // Both have been given their partitions and now wait for records.
  ASSERT_TRUE(bell_.wait(kPatience, [&] { return polls_ >= 4; }));
  auto stopped = std::async(std::launch::async, [&] { it->stop(); });
  EXPECT_EQ(stopped.wait_for(kPatience), std::future_status::ready);
}

TEST_F(EngineOnAHouse, WhatWasNotCommittedIsReadAtTheNextStart) {
  append(0, 3000);
  {
    auto first = engine(2);
    first->start(no_failure);
    ASSERT_TRUE(bell_.wait(kPatience, [&] { return !counted(house_).empty(); }));
  }  // stops in the middle
  append(3000, 4000);
  auto second = engine(3);
  second->start(no_failure);
  EXPECT_TRUE(bell_.wait(kPatience, [&] { return told(house_) == expected(4000); }));
  second->stop();
  EXPECT_EQ(counted(house_), expected(4000));
}

TEST_F(EngineOnAHouse, AFailureIsToldOnceAndNothingOfItIsTrue) {
  house_.fail_next_commit({Fault::world, "disk", "is full"});
  auto it = engine(1);
  std::promise<Error> told_failure;
  std::atomic<int> failures{0};
  it->start([&](const Error& error) {
    if (++failures == 1) told_failure.set_value(error);
  });
  append(0, 10);
  auto failure = told_failure.get_future();
  ASSERT_EQ(failure.wait_for(kPatience), std::future_status::ready);
  const Error error = failure.get();
  EXPECT_EQ(error.fault, Fault::world);
  EXPECT_THAT(error.text(), testing::HasSubstr("is full"));
  it->stop();
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(counted(house_), Counts{});
  auto next = engine(1);
  next->start(no_failure);
  EXPECT_TRUE(bell_.wait(kPatience, [&] { return told(house_) == expected(10); }));
}

TEST_F(EngineOnAHouse, AFullDiskIsWaitedOutAndToldOnce) {
  const Error full{Fault::no_room, "disk", "is full"};
  house_.fail_next_commit(full);
  auto it = engine(1);
  std::mutex mutex;
  std::vector<std::string> news;
  it->start(no_failure, [&](const std::optional<Error>& trouble) {
    if (trouble) house_.fail_next_commit(full);  // the next try finds no room either
    {
      std::lock_guard lock{mutex};
      news.push_back(trouble ? trouble->text() : "over");
    }
    bell_.ring();
  });
  append(0, 10);
  EXPECT_TRUE(bell_.wait(kPatience, [&] {
    std::lock_guard lock{mutex};
    return news.size() == 2 && told(house_) == expected(10);
  }));
  it->stop();
  ASSERT_EQ(news.size(), 2u);
  EXPECT_THAT(news[0], testing::HasSubstr("is full"));
  EXPECT_EQ(news[1], "over");
}

TEST_F(EngineOnAHouse, AnotherTroubleIsToldToo) {
  const Error full{Fault::no_room, "disk", "is full"}, gone{Fault::away, "broker", "is gone"};
  house_.fail_next_commit(full);
  auto it = engine(1);
  std::mutex mutex;
  std::vector<std::string> news;
  it->start(no_failure, [&](const std::optional<Error>& trouble) {
    if (trouble && trouble->fault == Fault::no_room) house_.fail_next_commit(gone);
    {
      std::lock_guard lock{mutex};
      news.push_back(trouble ? trouble->text() : "over");
    }
    bell_.ring();
  });
  append(0, 10);
  EXPECT_TRUE(bell_.wait(kPatience, [&] {
    std::lock_guard lock{mutex};
    return news.size() == 3 && told(house_) == expected(10);
  }));
  it->stop();
  EXPECT_THAT(news, testing::ElementsAre("disk: is full", "broker: is gone", "over"));
}

TEST_F(EngineOnAHouse, WhoeverHoldsShardsAgainIsOutOfTroubleWithoutACommit) {
  std::atomic<int> tries = 0;
  Engine it{engine_tests::counting_stages(diary_),
            [&](int worker, int of) -> Result<std::unique_ptr<stage::Link>> {
              if (++tries == 1) return tl::make_unexpected(Error{Fault::away, "broker", "is gone"});
              return house_.link(worker, of);
            },
            {.workers = 1, .limits = {}}};
  std::mutex mutex;
  std::vector<std::string> news;
  it.start(no_failure, [&](const std::optional<Error>& trouble) {
    {
      std::lock_guard lock{mutex};
      news.push_back(trouble ? trouble->text() : "over");
    }
    bell_.ring();
  });
  EXPECT_TRUE(bell_.wait(kPatience, [&] {
    std::lock_guard lock{mutex};
    return news.size() == 2;
  }));
  it.stop();
  EXPECT_THAT(news, testing::ElementsAre("broker: is gone", "over"));
  EXPECT_EQ(told(house_), Counts{});
}

}  // namespace
}  // namespace echoloop
