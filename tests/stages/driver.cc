#include "tests/stages/driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "processors/casework/case_book.h"
#include "processors/casework/casework.h"
#include "processors/insight/insight.h"
#include "processors/sessions/sessions.h"
#include "tests/stages/read_out.h"

namespace echoloop::stages {
namespace {

constexpr std::string_view kInjected = "a commit that was told to fail";

// Lets epochs fall anywhere: each poll hands out between one record and the bound.
class CutLink final : public stage::Link {
 public:
  CutLink(std::unique_ptr<stage::Link> link, std::size_t records_max, std::mt19937_64& random)
      : link_(std::move(link)), records_max_(records_max), random_(random) {}

  Result<stage::Poll> poll(Duration timeout, const stage::PollLimits& limits) override {
    stage::PollLimits cut = limits;
    cut.records_max = std::min<std::size_t>(limits.records_max, 1 + random_() % records_max_);
    return link_->poll(timeout, cut);
  }
  Result<void> commit(stage::Epoch epoch) override { return link_->commit(std::move(epoch)); }
  const stage::View& view() const override { return link_->view(); }
  void wake() override { link_->wake(); }

 private:
  std::unique_ptr<stage::Link> link_;
  std::size_t records_max_;
  std::mt19937_64& random_;
};

template <class Message>
Message parsed(std::string_view bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw std::runtime_error("a row that cannot be read");
  }
  return message;
}

}  // namespace

Driver::Driver(std::shared_ptr<const Domain> domain, DriverOptions options)
    : options_(options),
      house_(options.shards),
      domain_(std::make_shared<CurrentDomain>(std::move(domain))),
      stages_{sessions::sessions_stage(domain_), insight::insight_stage(domain_), casework::casework_stage(domain_)},
      random_(options.seed.value_or(0)) {
  restart();
}

void Driver::restart() {
  workers_.clear();
  engine::EpochLimits limits;
  limits.interval = Duration{0};  // an epoch is what one poll hands out
  limits.records_max = options_.epoch_records_max;
  for (int i = 0; i < options_.workers; ++i) {
    const auto connect = [this, i]() -> Result<std::unique_ptr<stage::Link>> {
      auto link = house_.link(i, options_.workers);
      if (!options_.seed) return link;
      return std::make_unique<CutLink>(std::move(link), options_.epoch_records_max, random_);
    };
    workers_.push_back(std::make_unique<engine::Worker>(stages_, connect, limits));
  }
}

void Driver::start_with(std::shared_ptr<const Domain> domain) {
  domain_->set(std::move(domain));
  restart();
}

void Driver::append(std::string_view document) {
  auto event = decoder_.decode(document);
  if (event) return append(stage::Kind::event, partition_key_of(*event), document);
  state::Rejected rejected;
  rejected.set_document(document.data(), document.size());
  rejected.set_where(event.error().where);
  rejected.set_reason(event.error().reason);
  rejected.set_door("http");
  rejected.set_received_at(to_ms(now_));
  append(stage::Kind::rejected, to_hex(hash128(document)), rejected.SerializeAsString());
}

void Driver::append(stage::Kind kind, std::string_view key, std::string_view value) {
  house_.append(kind, key, value, now_);
}

void Driver::reload(std::shared_ptr<const Domain> domain) {
  domain_->set(std::move(domain));
  for (int shard = 0; shard < shards(); ++shard) {
    for (int i = 0;; ++i) {
      std::string key = fmt::format("reload-{}", i);
      if (partition_of(key, shards()) != shard) continue;
      append(stage::Kind::reload, key, "");
      break;
    }
  }
}

void Driver::fail_next_commit() { house_.fail_next_commit({Fault::world, "", std::string{kInjected}}); }

void Driver::run() {
  std::vector<std::size_t> order(workers_.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (bool more = true; more;) {
    more = false;
    if (options_.seed) std::shuffle(order.begin(), order.end(), random_);
    for (std::size_t worker : order) more = run_epoch(worker) || more;
  }
}

bool Driver::run_epoch(std::size_t worker) {
  if (options_.commit_failures > 0 && std::bernoulli_distribution{options_.commit_failures}(random_)) {
    fail_next_commit();
  }
  auto done = workers_.at(worker)->run_epoch(Duration{0});
  if (done) return *done;
  if (done.error().text().find(kInjected) == std::string::npos) throw std::runtime_error(done.error().text());
  ++failures_;
  return true;
}

std::vector<std::string> Driver::aggregates() const { return aggregates_of(house_.view(), shards()); }

std::vector<state::Task> Driver::tasks() const { return tasks_of(house_.view(), shards()); }

std::vector<std::string> Driver::told() const {
  std::vector<std::tuple<Time, int, std::int64_t, std::string>> records;
  for (int partition = 0; partition < house_.partitions(); ++partition) {
    auto slice = house_.read_topic(stage::Topic::tasks, partition, 0, {SIZE_MAX, SIZE_MAX});
    for (const stage::Record& record : slice.records) {
      records.emplace_back(record.at, partition, record.offset, record.value);
    }
  }
  std::sort(records.begin(), records.end());
  std::vector<std::string> out;
  for (auto& record : records) out.push_back(std::move(std::get<3>(record)));
  return out;
}

std::vector<state::DeadLetter> Driver::dead_letters() const {
  std::vector<state::DeadLetter> out;
  for (const auto& [key, value] : rows_of(house_.view(), shards(), stage::Table::dead))
    out.push_back(parsed<state::DeadLetter>(value));
  return out;
}

std::map<std::string, std::int64_t> Driver::counters() const { return counters_of(house_.view(), shards()); }

std::optional<state::CommandResult> Driver::answer(std::string_view source, std::string_view id) const {
  std::string key = casework::command_key(source, id);
  for (int shard = 0; shard < house_.partitions(); ++shard) {
    auto row = house_.view().get(stage::Table::command_results, shard, key);
    if (!row) throw std::runtime_error(row.error().text());
    if (*row) return parsed<state::CommandResult>(**row);
  }
  return std::nullopt;
}

}  // namespace echoloop::stages
