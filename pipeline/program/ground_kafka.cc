#include <spdlog/spdlog.h>

#include "pipeline/kafka/event_reader.h"
#include "pipeline/kafka/group_rows.h"
#include "pipeline/kafka/http_rows.h"
#include "pipeline/kafka/kafka_appender.h"
#include "pipeline/kafka/kafka_house.h"
#include "pipeline/kafka/peers.h"
#include "pipeline/program/ground.h"

namespace echoloop::program {
namespace {

kafka::MemberOptions member_options(const Settings& settings, BelievedClock* clock) {
  kafka::MemberOptions out;
  out.brokers = settings.kafka.brokers;
  out.group = settings.kafka.group;
  out.properties = settings.kafka.properties;
  out.topics = {settings.kafka.prefix, static_cast<int>(settings.kafka.partitions),
                settings.kafka.replication == 0 ? -1 : static_cast<int>(settings.kafka.replication)};
  out.session_timeout = settings.kafka.session_timeout;
  out.transaction_timeout = settings.kafka.transaction_timeout;
  out.fetch_bytes = settings.memory_bytes / 8 / settings.workers;
  if (clock != nullptr) out.latest = [clock] { return clock->now(); };
  return out;
}

class KafkaGround final : public Ground {
 public:
  KafkaGround(std::unique_ptr<kafka::KafkaHouse> house, std::unique_ptr<kafka::KafkaAppender> appender,
              std::unique_ptr<kafka::Peers> peers, std::string advertised)
      : house_(std::move(house)),
        appender_(std::move(appender)),
        peers_(std::move(peers)),
        reader_(house_->options()),
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
    auto slice = reader_.read(partition, offset, {.records_max = 1, .bytes_max = 1});
    if (slice && !slice->records.empty() && slice->records.front().offset != offset) slice->records.clear();
    return slice;
  }
  std::int64_t backlog() const override { return house_->backlog(); }
  std::uint64_t log_bytes() const override { return 0; }
  bool settled() const override { return house_->settled(); }
  void add_routes(http::Router& router) override { kafka::add_rows_route(router, *house_, peers_->secret()); }
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

 private:
  std::unique_ptr<kafka::KafkaHouse> house_;
  std::unique_ptr<kafka::KafkaAppender> appender_;
  std::unique_ptr<kafka::Peers> peers_;
  kafka::EventReader reader_;
  kafka::RemoteRows remote_{[this](int shard) { return peers_->owner_of(shard); }};
  kafka::GroupRows rows_{*house_, remote_};
  const std::string advertised_;
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
  const kafka::KafkaHouse& held = **house;
  auto peers = kafka::Peers::open(
      held.options(), [&held] { return held.shards(); }, [&held] { held.tell(); });
  if (!peers) return tl::make_unexpected(peers.error());
  return std::make_unique<KafkaGround>(std::move(*house), std::move(*appender), std::move(*peers),
                                       settings.kafka.advertise);
}

}  // namespace echoloop::program
