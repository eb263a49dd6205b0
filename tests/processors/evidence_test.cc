#include "processors/insight/evidence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "pipeline/base/bytes.h"
#include "pipeline/engine/shard.h"
#include "tests/links/memory_house.h"

namespace echoloop::insight {
namespace {

class Nothing final : public stage::Processor {
 public:
  void process(const stage::Record&, stage::Context&) override {}
};

// Evidence with its rows in a house in memory.
class Bench {
 public:
  void change(const std::string& window, const std::string& session, bool present) {
    std::string key = window;
    put_key_text(key, session);
    evidence_.change(key, present);
  }
  void end_epoch() {
    evidence_.end_epoch(++number_, shard_);
    shard_.process({{stage::Topic::deltas, 0}, {}, {}});
    stage::Epoch epoch;
    shard_.end_epoch(epoch);
    house_.write(epoch.rows);
  }
  std::vector<std::string> sample(const std::string& window) { return evidence_.sample(window, shard_); }
  void restart() { evidence_ = {}; }
  void write(std::string key) { house_.write({{stage::Table::evidence, 0, std::move(key), ""}}); }

 private:
  memory::MemoryHouse house_{1};
  stage::StageSpec spec_{"nothing", {stage::Topic::deltas}, [](int) { return std::make_unique<Nothing>(); }};
  engine::Shard shard_{spec_, 0, 0, house_.view()};
  Evidence evidence_;
  std::uint64_t number_ = 0;
};

std::vector<std::string> first_of(const std::set<std::string>& sessions) {
  std::vector<std::pair<std::uint64_t, std::string>> sorted;
  for (const std::string& session : sessions) sorted.emplace_back(hash64(session), session);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> out;
  for (std::size_t i = 0; i < sorted.size() && i < Evidence::kSample_max; ++i) out.push_back(sorted[i].second);
  return out;
}

TEST(Evidence, ASampleIsTheSameAsOfAllSessionsThatStand) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random{seed};
  Bench bench;
  const std::vector<std::string> windows = {aggregates::evidence_from("acme", "late", {"a"}, 0),
                                            aggregates::evidence_from("acme", "late", {"b"}, 0),
                                            aggregates::evidence_from("acme", "late", {"a"}, 3'600'000)};
  std::map<std::string, std::set<std::string>> standing;
  for (int epoch = 0; epoch < 400; ++epoch) {
    const bool shrinking = epoch / 50 % 2 == 1;  // until few are left
    for (const std::string& window : windows) {
      std::set<std::string>& all = standing[window];
      std::set<std::string> touched;
      for (auto i = random() % 40; i > 0; --i) {
        std::string session = "s" + std::to_string(random() % 400);
        if (shrinking && !all.empty() && random() % 4 != 0) {
          auto one = all.begin();
          std::advance(one, static_cast<std::ptrdiff_t>(random() % all.size()));
          session = *one;
        }
        if (!touched.insert(session).second) continue;
        const bool present = !all.contains(session);
        bench.change(window, session, present);
        if (present) {
          all.insert(session);
        } else {
          all.erase(session);
        }
      }
    }
    bench.end_epoch();
    if (random() % 20 == 0) bench.restart();
    for (const std::string& window : windows) {
      if (random() % 3 != 0) {
        ASSERT_EQ(bench.sample(window), first_of(standing[window])) << "epoch " << epoch;
      }
    }
  }
}

TEST(Evidence, ChangedWindowsAreToldOnceEach) {
  Evidence evidence;
  const std::string window = aggregates::evidence_from("acme", "late", {"a", "b"}, 7);
  for (const char* session : {"s1", "s2"}) {
    std::string key = window;
    put_key_text(key, session);
    evidence.change(key, true);
  }
  int told = 0;
  evidence.for_each_changed([&](const aggregates::EvidenceWindow& changed) {
    ++told;
    EXPECT_EQ(changed.rule, "late");
    EXPECT_EQ(changed.scope, (std::vector<std::string>{"a", "b"}));
  });
  EXPECT_EQ(told, 1);
}

TEST(Evidence, RowsOfEcholoop01StillCount) {
  Bench bench;
  const std::string window = aggregates::evidence_from("acme", "late", {"a"}, 0);
  std::set<std::string> standing;
  for (int i = 0; i < 30; ++i) {
    const std::string session = "s" + std::to_string(i);
    std::string key = window;
    put_key_u64(key, hash64(session));
    put_key_text(key, session);
    bench.write(std::move(key));
    standing.insert(session);
  }
  EXPECT_EQ(bench.sample(window), first_of(standing));
  bench.restart();
  const std::string leaving = first_of(standing).front();
  bench.change(window, leaving, false);
  bench.end_epoch();
  standing.erase(leaving);
  EXPECT_EQ(bench.sample(window), first_of(standing));
}

}  // namespace
}  // namespace echoloop::insight
