#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "pipeline/base/hash.h"
#include "pipeline/kafka/group_reload.h"
#include "pipeline/kafka/group_rows.h"
#include "pipeline/kafka/http_rows.h"
#include "pipeline/kafka/kafka_appender.h"
#include "pipeline/kafka/kafka_house.h"
#include "pipeline/kafka/peers.h"
#include "pipeline/kafka/topic_reader.h"
#include "pipeline/program/ground.h"
#include "schemas/state.pb.h"

namespace echoloop::program {
namespace {

kafka::MemberOptions member_options(const Settings& settings, BelievedClock* clock) {
  kafka::MemberOptions out;
  out.brokers = settings.kafka.brokers;
  out.group = settings.kafka.group;
  out.properties = settings.kafka.properties;
  out.topics = {settings.kafka.prefix, static_cast<int>(settings.kafka.partitions),
                settings.kafka.replication == 0 ? -1 : static_cast<int>(settings.kafka.replication)};
  out.standby = settings.kafka.standby;
  out.session_timeout = settings.kafka.session_timeout;
  out.transaction_timeout = settings.kafka.transaction_timeout;
  out.fetch_bytes = settings.memory_bytes / 8 / settings.workers;
  if (clock != nullptr) out.latest = [clock] { return clock->now(); };
  return out;
}

// Some key that leads there.
std::string key_to(int shard, int partitions) {
  for (int i = 0;; ++i) {
    std::string key = fmt::format("rows-{}", i);
    if (partition_of(key, partitions) == shard) return key;
  }
}

class KafkaGround final : public Ground {
 public:
  KafkaGround(std::unique_ptr<kafka::KafkaHouse> house, std::unique_ptr<kafka::KafkaAppender> appender,
              std::unique_ptr<kafka::Peers> peers, std::string advertised)
      : house_(std::move(house)),
        appender_(std::move(appender)),
        peers_(std::move(peers)),
        reader_(house_->options(), stage::Topic::events),
        tasks_(house_->options(), stage::Topic::tasks),
        advertised_(std::move(advertised)) {}

  int partitions() const override { return house_->partitions(); }
  const stage::View& rows() const override { return rows_; }
  const stage::View& held_rows() const override { return house_->rows(); }
  std::shared_ptr<const stage::View> snapshot() const override { return rows_.snapshot(); }
  std::vector<int> shards() const override { return house_->shards(); }
  Result<stage::Slice> read_events(int partition, std::int64_t from, const stage::PollLimits& limits) override {
    return reader_.read(partition, from, limits);
  }
  Result<stage::Slice> read_event(int partition, std::int64_t offset) override {
    return reader_.read_one(partition, offset);
  }
  std::int64_t backlog() const override { return house_->backlog(); }
  Copies copies() const override {
    const auto copies = house_->copies();
    return {copies.shards, copies.behind};
  }
  std::uint64_t log_bytes() const override { return 0; }
  bool settled() const override { return house_->settled(); }
  void add_routes(http::Router& router, Reload reload) override {
    kafka::add_rows_route(router, *house_, peers_->secret());
    kafka::add_reload_route(router, peers_->secret(), std::move(reload));
  }
  std::map<std::string, Result<std::string>> reload_others() override {
    return kafka::reload_members(peers_->others());
  }
  void reached_at(const std::string& address) override {
    std::string here = advertised_.empty() ? address : advertised_;
    while (here.ends_with('/')) here.pop_back();
    spdlog::info("other members reach this one at {} (--kafka.advertise)", here);
    peers_->announce(std::move(here));
  }
  stage::Appender& appender() override { return *appender_; }
  Result<std::unique_ptr<stage::Link>> link(int worker, int workers) override { return house_->link(worker, workers); }
  void on_commit(std::function<void()> listener) override { house_->on_commit(std::move(listener)); }
  Result<std::unique_ptr<delivery::TaskFile>> task_file(delivery::TaskFileParts) override {
    return std::unique_ptr<delivery::TaskFile>{};
  }
  // Who holds shard 0 tells; what it remembers goes by the log into rows of that shard, and so to whoever holds it
  // next.
  delivery::DeliveryParts deliveries(std::function<Time()> stage_time) override {
    delivery::DeliveryParts parts;
    parts.partitions = house_->partitions();
    parts.rows = &house_->rows();
    parts.write = [this, stage_time](const std::vector<stage::Row>& rows) { return write(rows, false, stage_time()); };
    parts.add = [this, stage_time](const stage::Row& row) { return write({row}, true, stage_time()); };
    parts.read = [this](int partition, std::int64_t from, const stage::PollLimits& limits) {
      return tasks_.read(partition, from, limits);
    };
    parts.ends = [this] { return tasks_.ends(house_->partitions()); };
    parts.leads = [this] {
      const std::vector<int> held = house_->shards();
      return std::find(held.begin(), held.end(), 0) != held.end();
    };
    return parts;
  }

 private:
  Result<void> write(const std::vector<stage::Row>& rows, bool only_new, Time at) {
    state::Rows out;
    for (const stage::Row& row : rows) {
      auto* one = out.add_rows();
      one->set_table(static_cast<int>(row.table));
      one->set_key(row.key);
      if (row.value) one->set_value(*row.value);
      one->set_new_(only_new);
    }
    const std::string value = out.SerializeAsString();
    const stage::Append record{stage::Kind::rows, key_to_shard_0_, value, at};
    auto appended = appender_->append({&record, 1});
    if (!appended) return tl::make_unexpected(appended.error());
    if (*appended == stage::Appended::full) return tl::make_unexpected(Error{Fault::away, "", "too much waits"});
    return {};
  }

  std::unique_ptr<kafka::KafkaHouse> house_;
  std::unique_ptr<kafka::KafkaAppender> appender_;
  std::unique_ptr<kafka::Peers> peers_;
  kafka::TopicReader reader_, tasks_;
  kafka::RemoteRows remote_{[this](int shard) { return peers_->owner_of(shard); }};
  kafka::GroupRows rows_{*house_, remote_};
  const std::string advertised_;
  const std::string key_to_shard_0_ = key_to(0, house_->partitions());
};

}  // namespace

Result<std::unique_ptr<Ground>> kafka_ground(const Settings& settings, BelievedClock* clock) {
  store::StoreOptions store;
  store.memory_bytes = settings.memory_bytes / 8 * 3;
  const kafka::MemberOptions options = member_options(settings, clock);
  auto house = kafka::KafkaHouse::open(settings.data, options, store);
  if (!house) return tl::make_unexpected(house.error());
  auto appender = kafka::KafkaAppender::open((*house)->options(), (*house)->partitions());
  if (!appender) return tl::make_unexpected(appender.error());
  kafka::KafkaHouse& held = **house;
  auto peers = kafka::Peers::open(
      held.options(), {[&held] { return held.shards(); }, [&held] { held.tell(); }, [&held] { held.give_way(); }});
  if (!peers) return tl::make_unexpected(peers.error());
  return std::make_unique<KafkaGround>(std::move(*house), std::move(*appender), std::move(*peers),
                                       settings.kafka.advertise);
}

}  // namespace echoloop::program
