// Makes a data folder with many tasks, as CASEWORK writes them: each is opened, owned and clocked by its case book,
// walks through some of its states and is reminded and escalated until now. For bench/tasks.py.
//
//   bench_task_folder FOLDER OPEN CLOSED
#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "pipeline/base/hash.h"
#include "pipeline/local/local_link.h"
#include "processors/casework/case_book.h"
#include "processors/casework/task_lists.h"
#include "schemas/domain_load.h"

namespace echoloop {
namespace {

constexpr const char* kTenant = "hongtu";
constexpr std::int64_t kSpan_ms = 365 * kDay_ms;
constexpr int kTasks_per_write = 1'000;

// Rows of one epoch; nothing was there before.
class Rows final : public stage::Context {
 public:
  Time time{};
  std::map<std::pair<stage::Table, std::string>, std::optional<std::string>> rows;

  Time now() const override { return time; }
  int shard() const override { return 0; }
  std::optional<std::string> get(stage::Table table, std::string_view key) override {
    auto found = rows.find({table, std::string(key)});
    return found == rows.end() ? std::nullopt : found->second;
  }
  void put(stage::Table table, std::string_view key, std::string value) override {
    rows.insert_or_assign({table, std::string(key)}, std::move(value));
  }
  void erase(stage::Table table, std::string_view key) override { rows.erase({table, std::string(key)}); }
  void scan(stage::Table table, std::string_view from, std::string_view to, const stage::RowVisitor& visit) override {
    for (auto row = rows.lower_bound({table, std::string(from)}); row != rows.end() && row->first.first == table;
         ++row) {
      if (!to.empty() && row->first.second >= to) return;
      if (row->second && !visit(row->first.second, *row->second)) return;
    }
  }
  void emit(stage::Topic, stage::Kind, std::string, std::string) override {}
  void hurry() override {}
  void go_on() override {}
  void count(std::string_view, std::int64_t) override {}
};

class Filling {
 public:
  // Whatever tasks do by themselves until `end` has happened.
  Filling(local::LocalHouse& house, const Domain& domain, Time end)
      : house_(house), end_(end), shard_(partition_of(casework::tenant_key(kTenant), house.partitions())) {
    book_.begin(domain);
  }

  void add(Time at, bool closed) {
    rows_.time = at;
    const bool improvement = dice_() % 5 == 0;
    const std::string name = fmt::format("S{:010}", number_++);
    casework::NewTask fresh;
    fresh.tenant = kTenant;
    fresh.kind = improvement ? "improvement" : dice_() % 50 == 0 ? "safety" : "recovery";
    fresh.rule = improvement ? "dissatisfied-category" : "unresolved-wants-contact";
    fresh.id = casework::session_task_id(kTenant, fresh.rule, name);
    fresh.rule_version = 1;
    fresh.title = {"客户未解决且希望回电", "Unresolved, and the customer asks to be contacted"};
    fresh.severity = static_cast<Severity>(dice_() % 4);
    constexpr const char* kCategories[] = {"delivery/late", "product/quality", "insurance/claim", "account/login"};
    fresh.dimensions = {improvement ? "category" : "session"};
    fresh.scope = {improvement ? kCategories[dice_() % 4] : name};
    fresh.properties.emplace("category", kCategories[dice_() % 4]);
    fresh.session_id = improvement ? "" : name;
    fresh.customer_id = improvement ? "" : "C" + name;
    fresh.event_time = at;
    state::Task& task = book_.open(fresh, rows_);
    task.set_count(1);
    task.add_sample(name);
    constexpr std::string_view kWay[] = {"acknowledged", "accepted", "in_progress", "done", "customer_told"};
    const std::size_t steps = closed ? std::size(kWay) : dice_() % std::size(kWay);
    for (std::size_t step = 0; step < steps; ++step) walk(task, kWay[step], casework::ClockEffect::start);
    if (closed) walk(task, casework::task_state::kClosed, casework::ClockEffect::end);
    if (++waiting_ == kTasks_per_write) write();
  }

  void write() {
    rows_.time = end_;
    book_.let_happen(rows_);
    book_.flush(rows_);
    std::vector<stage::Row> out;
    out.reserve(rows_.rows.size() + 1);
    for (auto& [key, value] : rows_.rows) out.push_back({key.first, shard_, key.second, std::move(value)});
    out.push_back({stage::Table::counters, shard_, std::string(casework::kAll_listed), std::string("\x02", 1)});
    if (auto written = house_.write(out); !written) {
      fmt::print(stderr, "{}\n", written.error().text());
      std::exit(1);
    }
    rows_.rows.clear();
    waiting_ = 0;
  }

 private:
  void walk(state::Task& task, std::string_view state, casework::ClockEffect clock) {
    rows_.time += Duration{60'000};
    state::HistoryEntry entry = casework::history("li", std::string(state));
    entry.set_from(task.state());
    entry.set_to(std::string(state));
    book_.move_to(task, state, clock, rows_);
    book_.write(task, std::move(entry), casework::News::changed, rows_);
  }

  local::LocalHouse& house_;
  const Time end_;
  const int shard_;
  Rows rows_;
  casework::CaseBook book_;
  std::mt19937_64 dice_{1};
  std::int64_t number_ = 0;
  int waiting_ = 0;
};

int fill(const char* folder, std::int64_t open, std::int64_t closed) {
  auto domain = load_domain(ECHOLOOP_PROJECT_CONFIG);
  local::HouseOptions options;
  options.partitions = 4;  // as `echoloop run` makes them
  auto house = local::LocalHouse::open(folder, options);
  if (!domain || !house) {
    fmt::print(stderr, "{}\n", domain ? house.error().text() : text_of(domain.error()));
    return 1;
  }
  // Over a year, the open ones among the closed ones.
  const Time end = wall_clock();
  Filling filling{**house, *domain, end};
  const std::int64_t all = open + closed;
  std::mt19937_64 dice{2};
  for (std::int64_t i = 0; i < all; ++i) {
    const bool is_open = static_cast<std::int64_t>(dice() % static_cast<std::uint64_t>(all)) < open;
    filling.add(end - Duration{kSpan_ms - i * kSpan_ms / all}, !is_open);
  }
  filling.write();
  return 0;
}

}  // namespace
}  // namespace echoloop

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  return echoloop::fill(argv[1], std::atoll(argv[2]), std::atoll(argv[3]));
}
