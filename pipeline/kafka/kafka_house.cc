#include "pipeline/kafka/kafka_house.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

#include "pipeline/kafka/house_state.h"
#include "pipeline/kafka/kafka_brokers.h"
#include "pipeline/kafka/topic_checks.h"

namespace echoloop::kafka {
namespace {

namespace fs = std::filesystem;

constexpr Duration kStandby_patience{3'000};  // whoever stops waits for it

// The name of this member, made when its folder is.
Result<std::string> member_name(const fs::path& folder) {
  std::error_code fault;
  fs::create_directories(folder, fault);
  if (fault) return broken_world(folder.string(), "the data folder cannot be made: " + fault.message());
  const fs::path path = folder / "member";
  std::string name;
  if (std::ifstream in{path}; in >> name && !name.empty()) return name;
  std::random_device random;
  name = fmt::format("{:08x}{:08x}", random(), random());
  std::ofstream out{path};
  out << name << "\n" << std::flush;
  if (!out) return broken_world(path.string(), "cannot be written");
  return name;
}

}  // namespace

Result<std::unique_ptr<KafkaHouse>> KafkaHouse::open(const fs::path& folder, MemberOptions options,
                                                     const store::StoreOptions& store_options) {
  if (std::error_code none; fs::exists(folder / "log", none))
    return broken_world(folder.string(), "holds a pipeline without Kafka: a member needs a folder of its own (--data)");
  if (options.name.empty()) {
    auto name = member_name(folder);
    if (!name) return tl::make_unexpected(name.error());
    options.name = std::move(*name);
  }
  auto client = make_client(RD_KAFKA_PRODUCER, common_properties(options));
  if (!client) return tl::make_unexpected(client.error());
  auto partitions = make_topics(client->get(), options.topics);
  if (!partitions) {
    Error error = partitions.error();
    error.where += " at " + options.brokers;
    return tl::make_unexpected(std::move(error));
  }
  if (auto fit = check_topics(client->get(), options.topics); !fit) return tl::make_unexpected(fit.error());
  options.topics.partitions = *partitions;
  if (auto fits = check_group(options); !fits) return tl::make_unexpected(fits.error());
  Connect to_kafka = [options](int worker) { return kafka::connect(options, worker); };
  auto house = open(folder, options, store_options, *partitions, std::move(to_kafka));
  if (!house || !options.standby) return house;
  Standby& standby = (*house)->stand_by([options] { return open_changelog(options, "standby", kStandby_patience); });
  auto thread = StandbyThread::begin(standby, options, *partitions);
  if (!thread) return tl::make_unexpected(thread.error());
  (*house)->state_->standby_thread = std::move(*thread);
  return house;
}

Result<std::unique_ptr<KafkaHouse>> KafkaHouse::open(const fs::path& folder, MemberOptions options,
                                                     const store::StoreOptions& store_options, int partitions,
                                                     Connect connect) {
  auto state = std::make_unique<State>();
  state->partitions = partitions;
  state->options = std::move(options);
  state->connect = std::move(connect);
  auto store = store::RocksStore::open(folder / "cache", store_options);
  if (!store) return tl::make_unexpected(store.error());
  state->store = std::move(*store);
  state->rows =
      std::make_unique<HeldRows>(*state->store, [state = state.get()](int shard) { return state->holds(shard); });
  return std::unique_ptr<KafkaHouse>{new KafkaHouse(std::move(state))};
}

KafkaHouse::KafkaHouse(std::unique_ptr<State> state) : state_(std::move(state)) {}
KafkaHouse::~KafkaHouse() = default;

int KafkaHouse::partitions() const { return state_->partitions; }
const MemberOptions& KafkaHouse::options() const { return state_->options; }
const stage::View& KafkaHouse::rows() const { return *state_->rows; }

namespace {

// What is held when it is made, as it stands then.
class Snapshot final : public stage::View {
 public:
  Snapshot(std::unique_ptr<stage::View> rows, std::vector<int> shards)
      : rows_(std::move(rows)), held_(*rows_, [held = std::move(shards)](int shard) {
          return std::binary_search(held.begin(), held.end(), shard);
        }) {}
  Result<std::optional<std::string>> get(stage::Table table, int shard, std::string_view key) const override {
    return held_.get(table, shard, key);
  }
  Result<void> scan(stage::Table table, int shard, std::string_view from, std::string_view to,
                    const stage::RowVisitor& visit) const override {
    return held_.scan(table, shard, from, to, visit);
  }

 private:
  std::unique_ptr<stage::View> rows_;
  HeldRows held_;
};

}  // namespace

std::unique_ptr<stage::View> KafkaHouse::snapshot() const {
  // Of what was held before and after: rows of shards that come or go meanwhile may be half there.
  const std::vector<int> before = shards();
  auto rows = state_->store->snapshot();
  const std::vector<int> after = shards();
  std::vector<int> held;
  std::set_intersection(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(held));
  return std::make_unique<Snapshot>(std::move(rows), std::move(held));
}

std::vector<int> KafkaHouse::shards() const {
  std::vector<int> out;
  std::lock_guard hold{state_->mutex};
  for (const auto& [worker, standing] : state_->standing)
    out.insert(out.end(), standing.shards.begin(), standing.shards.end());
  std::sort(out.begin(), out.end());
  return out;
}

Standby& KafkaHouse::stand_by(Standby::Open open) {
  state_->standby = std::make_unique<Standby>(*state_->store, std::move(open));
  return *state_->standby;
}

Copies KafkaHouse::copies() const { return state_->standby ? state_->standby->copies() : Copies{}; }

bool KafkaHouse::holds(int shard) const { return state_->holds(shard); }
void KafkaHouse::tell() const { state_->tell(); }
void KafkaHouse::give_way() { state_->gives_way = true; }

std::int64_t KafkaHouse::backlog() const {
  std::int64_t sum = 0;
  std::lock_guard hold{state_->mutex};
  for (const auto& [worker, standing] : state_->standing) sum += standing.backlog;
  return sum;
}

bool KafkaHouse::settled() const {
  std::lock_guard hold{state_->mutex};
  for (const auto& [worker, standing] : state_->standing) {
    if (!standing.settled) return false;
    // A worker that was at its end may not have heard yet of what another one has sent it.
    for (int shard : standing.shards) {
      for (stage::Topic topic : {stage::Topic::misplaced, stage::Topic::deltas, stage::Topic::cases}) {
        const stage::Partition partition{topic, shard};
        auto sent = state_->sent.find(partition);
        if (sent != state_->sent.end() && state_->committed[partition] < sent->second) return false;
      }
    }
  }
  return !state_->standing.empty();
}

void KafkaHouse::on_commit(std::function<void()> listener) {
  std::lock_guard hold{state_->mutex};
  state_->listeners.push_back(std::move(listener));
}

}  // namespace echoloop::kafka
