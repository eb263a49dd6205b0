#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "processors/casework/casework.h"
#include "processors/insight/insight.h"
#include "processors/sessions/sessions.h"
#include "schemas/codec.h"
#include "tests/processors/stream.h"
#include "tests/simulation/play.h"
#include "tests/stages/configuration.h"
#include "tests/stages/driver.h"
#include "tests/stages/read_out.h"

namespace echoloop::simulation {
namespace {

constexpr int kSessions = 6;
constexpr Time kNow = from_ms(1'772'800'000'000);  // after all that the streams tell

class RealPlay final : public Play {
 public:
  explicit RealPlay(std::uint64_t seed) : seed_(seed), domain_(stages::loaded(stages::ruled_house())) {}

  std::vector<Document> documents() override {
    std::vector<Document> out;
    stages::Driver driver{domain_};
    driver.set_now(kNow);
    EventDecoder decoder;
    std::mt19937_64 random{seed_};
    for (const std::string& text : random_stream::events(seed_, kSessions)) {
      driver.append(text);
      auto event = decoder.decode(text);
      if (!event) continue;  // cannot be: the stream is well-formed
      for (int times = random() % 5 == 0 ? 2 : 1; times > 0; --times)
        out.push_back({stage::Kind::event, std::string(partition_key_of(*event)), text});
    }
    driver.run();
    aggregates_ = driver.aggregates();
    tasks_ = stages::live_tasks(driver.tasks());
    applied_ = driver.counters()["events_applied"];
    return out;
  }

  std::vector<stage::StageSpec> stages() override {
    auto domain = std::make_shared<CurrentDomain>(domain_);
    return {sessions::sessions_stage(domain), insight::insight_stage(domain), casework::casework_stage(domain)};
  }

  std::vector<std::string> faults(const kafka_tests::MemoryCluster& cluster, const stage::View& rows) override {
    std::vector<std::string> out;
    if (stages::aggregates_of(rows, cluster.partitions()) != aggregates_) out.emplace_back("aggregates differ");
    if (stages::live_tasks(stages::tasks_of(rows, cluster.partitions())) != tasks_) out.emplace_back("tasks differ");
    auto counters = stages::counters_of(rows, cluster.partitions());
    if (counters["events_applied"] != applied_)
      out.push_back(fmt::format("{} events applied instead of {}", counters["events_applied"], applied_));
    std::set<std::string> ids;
    for (int p = 0; p < cluster.partitions(); ++p) {
      for (const auto& record : cluster.read(stage::Topic::tasks, p)) {
        const std::string id = nlohmann::json::parse(record.value).at("id");
        if (!ids.insert(id).second) out.push_back("task event " + id + " was told twice");
      }
    }
    return out;
  }

 private:
  const std::uint64_t seed_;
  std::shared_ptr<const Domain> domain_;
  std::vector<std::string> aggregates_, tasks_;  // of the run to which nothing happened
  std::int64_t applied_ = 0;
};

}  // namespace

std::unique_ptr<Play> real_play(std::uint64_t seed) { return std::make_unique<RealPlay>(seed); }

}  // namespace echoloop::simulation
