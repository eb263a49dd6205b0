// A link that gives what a test has laid out, and shows what was committed and how polls were asked; time passes only
// where the test lets it.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <thread>

#include "pipeline/stage/link.h"

namespace echoloop::engine_tests {

// What polls and commits of any number of links meet; outlives them.
struct World {
  std::deque<std::function<Result<stage::Poll>(Duration timeout, const stage::PollLimits& limits)>>
      polls;  // then empty ones, when the time is up
  std::vector<stage::Epoch> commits;
  std::deque<Error> commit_failures, read_failures;
  std::vector<Duration> timeouts;
  int links = 0;
};

// All rows are absent; a read fails while read_failures lasts.
class ScriptedView final : public stage::View {
 public:
  explicit ScriptedView(World& world) : world_(world) {}
  Result<std::optional<std::string>> get(stage::Table table, int, std::string_view) const override {
    if (table != stage::Table::sessions || world_.read_failures.empty()) return std::optional<std::string>{};
    Error error = world_.read_failures.front();
    world_.read_failures.pop_front();
    return tl::make_unexpected(std::move(error));
  }
  Result<void> scan(stage::Table, int, std::string_view, std::string_view, const stage::RowVisitor&) const override {
    return {};
  }

 private:
  World& world_;
};

class ScriptedLink final : public stage::Link {
 public:
  explicit ScriptedLink(World& world) : world_(world), view_(world) { ++world_.links; }
  Result<stage::Poll> poll(Duration timeout, const stage::PollLimits& limits) override {
    world_.timeouts.push_back(timeout);
    if (world_.polls.empty()) {
      // Nothing comes: the time that the worker would wait must really be over, or it asks again.
      const auto end = std::chrono::steady_clock::now() + timeout;
      while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
      return stage::Poll{};
    }
    auto next = std::move(world_.polls.front());
    world_.polls.pop_front();
    return next(timeout, limits);
  }
  Result<void> commit(stage::Epoch epoch) override {
    if (!world_.commit_failures.empty()) {
      Error error = world_.commit_failures.front();
      world_.commit_failures.pop_front();
      return tl::make_unexpected(std::move(error));
    }
    world_.commits.push_back(std::move(epoch));
    return {};
  }
  const stage::View& view() const override { return view_; }
  void wake() override {}

 private:
  World& world_;
  ScriptedView view_;
};

}  // namespace echoloop::engine_tests
