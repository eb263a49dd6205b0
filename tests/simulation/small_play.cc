#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "pipeline/base/hash.h"
#include "tests/simulation/play.h"

namespace echoloop::simulation {
namespace {

using stage::Table;
using stage::Topic;

// Rows are lists of words with a space behind each.
bool holds(std::string_view list, const std::string& word) {
  return (" " + std::string(list)).find(" " + word + " ") != std::string::npos;
}

// Holds lists as INSIGHT holds its hot rows: what was read once stays in memory as long as the shard does.
class Lists {
 public:
  explicit Lists(Table table) : table_(table) {}
  std::string& at(std::string_view key, stage::Context& context) {
    auto [list, fresh] = lists_.try_emplace(std::string(key));
    if (fresh) list->second = context.get(table_, key).value_or("");
    changed_.insert(list->first);
    return list->second;
  }
  void write(stage::Context& context) {
    for (const std::string& key : changed_) context.put(table_, key, lists_.at(key));
    changed_.clear();
  }

 private:
  Table table_;
  std::map<std::string, std::string> lists_;
  std::set<std::string> changed_;
};

// By session. Value: "customer event". The same event again is a duplicate.
class Join final : public stage::Processor {
 public:
  void process(const stage::Record& record, stage::Context& context) override {
    if (!context.belongs(record.key)) {
      context.count("misplaced");
      return context.emit(Topic::misplaced, record.kind, std::string(record.key), std::string(record.value));
    }
    const auto space = record.value.find(' ');
    const std::string customer(record.value.substr(0, space)), event(record.value.substr(space + 1));
    std::string& list = sessions_.at(record.key, context);
    if (holds(list, event)) return context.count("duplicate");
    list += event + " ";
    context.count("applied");
    told_[customer] += event + " ";
    // Every few events the session has another owner, and its row moves to another key.
    if (list.size() % 5 == 0) context.put(Table::feedback_index, event, customer);
    if (list.size() % 7 == 0) context.erase(Table::feedback_index, event);
  }
  void end_epoch(stage::Context& context) override {
    sessions_.write(context);
    for (auto& [customer, events] : told_) context.emit(Topic::deltas, stage::Kind::delta, customer, std::move(events));
    told_.clear();
  }

 private:
  Lists sessions_{Table::sessions};
  std::map<std::string, std::string> told_;
};

// By customer: tells the outside of every event, numbered.
class Customers final : public stage::Processor {
 public:
  void process(const stage::Record& record, stage::Context& context) override {
    std::string& list = customers_.at(record.key, context);
    std::string_view left = record.value;
    while (!left.empty()) {
      const auto space = left.find(' ');
      list += std::string(left.substr(0, space)) + " ";
      left.remove_prefix(space + 1);
      context.emit(Topic::tasks, stage::Kind::task, std::string(record.key),
                   fmt::format("{}#{}", record.key, std::count(list.begin(), list.end(), ' ')));
    }
  }
  void end_epoch(stage::Context& context) override { customers_.write(context); }

 private:
  Lists customers_{Table::cube};
};

class SmallPlay final : public Play {
 public:
  explicit SmallPlay(std::uint64_t seed) : random_(seed) {}

  std::vector<Document> documents() override {
    std::vector<Document> out;
    const auto sessions = 2 + random_() % 8, customers = 1 + random_() % 4;
    for (auto n = 20 + random_() % 60; n > 0; --n) {
      if (!out.empty() && random_() % 6 == 0) {
        out.push_back(out[random_() % out.size()]);
        continue;
      }
      const auto session = random_() % sessions;
      const std::string event = fmt::format("e{}", n), customer = fmt::format("c{}", session % customers);
      out.push_back({stage::Kind::event, fmt::format("s{}", session), customer + " " + event});
      by_session_[fmt::format("s{}", session)].insert(event);
      by_customer_[customer].insert(event);
    }
    return out;
  }

  std::vector<stage::StageSpec> stages() override {
    return {{"join", {Topic::events, Topic::misplaced}, [](int) { return std::make_unique<Join>(); }},
            {"customers", {Topic::deltas}, [](int) { return std::make_unique<Customers>(); }}};
  }

  std::vector<std::string> faults(const kafka_tests::MemoryCluster& cluster, const stage::View& rows) override {
    std::vector<std::string> out;
    compare("session", Table::sessions, by_session_, cluster.partitions(), rows, out);
    compare("customer", Table::cube, by_customer_, cluster.partitions(), rows, out);
    std::map<std::string, int> told;
    for (int p = 0; p < cluster.partitions(); ++p) {
      for (const auto& record : cluster.read(Topic::tasks, p)) ++told[record.value];
    }
    for (const auto& [customer, events] : by_customer_) {
      for (std::size_t i = 1; i <= events.size(); ++i) {
        const std::string task = fmt::format("{}#{}", customer, i);
        if (told[task] != 1) out.push_back(fmt::format("{} was told {} times", task, told[task]));
      }
    }
    return out;
  }

 private:
  using Events = std::map<std::string, std::set<std::string>>;  // by session or customer

  static void compare(std::string_view what, Table table, const Events& expected, int partitions,
                      const stage::View& rows, std::vector<std::string>& out) {
    for (const auto& [key, events] : expected) {
      auto row = rows.get(table, partition_of(key, partitions), key);
      const std::string list = row && *row ? **row : "";
      for (const std::string& event : events) {
        if (!holds(list, event)) out.push_back(fmt::format("{} {} lacks {}: {}", what, key, event, list));
      }
      if (static_cast<std::size_t>(std::count(list.begin(), list.end(), ' ')) != events.size())
        out.push_back(fmt::format("{} {} has not {} events: {}", what, key, events.size(), list));
    }
  }

  std::mt19937_64 random_;
  Events by_session_, by_customer_;
};

}  // namespace

std::unique_ptr<Play> small_play(std::uint64_t seed) { return std::make_unique<SmallPlay>(seed); }

}  // namespace echoloop::simulation
