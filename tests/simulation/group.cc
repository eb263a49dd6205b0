#include "tests/simulation/group.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "pipeline/base/hash.h"
#include "pipeline/kafka/changelog.h"
#include "pipeline/kafka/topics.h"

namespace echoloop::simulation {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRounds_max = 2000;
constexpr int kStands_max = 3;  // at once, each within the step of another
constexpr std::size_t kStore_bytes = 8u << 20;

using Rows = std::map<std::pair<int, std::string>, std::string>;  // table, key

Rows rows_of(const stage::View& view, int shard) {
  Rows out;
  for (int table = 1; table < stage::kTables_end; ++table) {
    (void)view.scan(stage::Table{static_cast<std::uint8_t>(table)}, shard, "", "",
                    [&](std::string_view key, std::string_view value) {
                      out.emplace(std::pair{table, std::string(key)}, value);
                      return true;
                    });
  }
  return out;
}

}  // namespace

struct Group::Process {
  int number = 0;
  std::string name;
  fs::path folder;
  int workers_wanted = 1;
  bool running = false;
  int busy = 0;  // of its workers stand in the middle of a step
  std::vector<std::shared_ptr<kafka_tests::Line>> lines;
  std::unique_ptr<kafka::KafkaHouse> house;
  std::vector<stage::StageSpec> stages;
  std::vector<std::unique_ptr<engine::Worker>> workers;
  kafka::Standby* standby = nullptr;
};

class Group::Wire final : public kafka_tests::Line {
 public:
  Wire(Group& group, int process, int worker) : group_(group), process_(process), worker_(worker) {}
  Result<void> pass(std::string_view step, bool done) override { return group_.passing(process_, worker_, step, done); }

 private:
  Group& group_;
  const int process_, worker_;
};

void Tally::add(const Tally& other) {
  steps += other.steps;
  commits += other.commits;
  crashes += other.crashes;
  stands += other.stands;
  failures += other.failures;
  rebalances += other.rebalances;
  copied += other.copied;
}

Group::Group(std::uint64_t seed, Play& play, fs::path folder, bool tell)
    : random_(seed),
      copies_random_(seed),
      copies_(seed % 2 == 0),
      play_(play),
      folder_(std::move(folder)),
      tell_(tell),
      cluster_(1 + static_cast<int>(random_() % 4)),
      documents_(play.documents()) {
  cluster_.portion = [this](std::size_t there) { return 1 + below(there); };
  record_bytes_ = one_in(2) ? 50 + below(400) : 400'000;
  slice_bytes_ = 1 + below(300);
  for (auto n = std::min<std::uint64_t>(1 + below(4), 3); n > 0; --n) {
    auto process = std::make_unique<Process>();
    process->number = static_cast<int>(processes_.size());
    process->name = fmt::format("m{}", process->number);
    process->folder = folder_ / process->name;
    process->workers_wanted = 1 + static_cast<int>(below(2));
    processes_.push_back(std::move(process));
  }
}

Group::~Group() {
  for (auto& process : processes_) {
    if (process->running) die(*process);
  }
}

void Group::say(const std::string& what) {
  if (tell_) fmt::print("{:{}}{}\n", "", 2 * depth_, what);
}

std::vector<std::string> Group::run() {
  start(*processes_.front());
  for (auto n = 60 + below(120); n > 0 && faults_.empty(); --n) happen();
  calm_ = true;
  armed_.reset();
  say("calm");
  while (sent_ < documents_.size()) send();
  for (auto& process : processes_) {
    if (!process->running && !processes_.front()->running) start(*process);
    if (!process->running) forget(*process);
  }
  for (std::size_t round = 0; faults_.empty(); ++round) {
    const auto commits = tally_.commits;
    for (auto& process : processes_) {
      for (int worker = 0; process->running && worker < process->workers_wanted; ++worker) step(*process, worker);
    }
    if (commits == tally_.commits && settled()) break;
    if (round > kRounds_max) faults_.push_back("it does not come to its end");
  }
  return faults_.empty() ? judge() : faults_;
}

void Group::happen() {
  ++tally_.steps;
  if (copies_ && copies_random_() % 3 == 0) copy();
  switch (below(24)) {
    case 0:
    case 1:
    case 2:
      return send();
    case 3: {
      Process& process = any();
      if (process.busy > 0) return;
      if (process.running && one_in(3)) return stop(process);
      if (!process.running) return start(process);
      return;
    }
    case 4: {
      Process& process = any();
      if (one_in(2)) forget(process);
      return;
    }
    case 5:
    case 6:
    case 7:
      if (!armed_) arm();
      return;
    default: {
      Process& process = any();
      if (!process.running) return one_in(4) ? start(process) : void();
      const int worker = static_cast<int>(below(static_cast<std::uint64_t>(process.workers_wanted)));
      if (process.busy == 0) step(process, worker);
    }
  }
}

void Group::send() {
  for (auto n = 1 + below(8); n > 0 && sent_ < documents_.size(); --n, ++sent_) {
    const Play::Document& document = documents_[sent_];
    int partition = partition_of(document.key, cluster_.partitions());
    if (one_in(5)) partition = static_cast<int>(below(static_cast<std::uint64_t>(cluster_.partitions())));
    cluster_.append(stage::Topic::events, partition, document.kind, document.key, document.value,
                    from_ms(1'772'800'000'000 + static_cast<std::int64_t>(sent_)));
  }
}

void Group::start(Process& process) {
  spoil_store(process);
  kafka::MemberOptions options;
  options.group = "g";
  options.name = process.name;
  options.record_bytes = record_bytes_;
  options.slice_bytes_min = slice_bytes_;
  process.lines.clear();
  for (int worker = 0; worker < process.workers_wanted; ++worker)
    process.lines.push_back(std::make_shared<Wire>(*this, process.number, worker));
  auto house = kafka::KafkaHouse::open(process.folder, options, {.memory_bytes = kStore_bytes}, cluster_.partitions(),
                                       [this, &process](int worker) {
                                         return cluster_.connect(fmt::format("{}.{}", process.name, worker),
                                                                 process.lines[static_cast<std::size_t>(worker)]);
                                       });
  if (!house) return faults_.push_back("a start: " + house.error().text());
  process.house = std::move(*house);
  if (copies_) process.standby = &process.house->stand_by([this] { return cluster_.changelog(); });
  process.stages = play_.stages();
  engine::EpochLimits limits;
  limits.interval = Duration{0};  // an epoch is what one poll hands out
  for (int worker = 0; worker < process.workers_wanted; ++worker)
    process.workers.push_back(std::make_unique<engine::Worker>(
        process.stages, [&process, worker] { return process.house->link(worker, process.workers_wanted); }, limits));
  process.running = true;
  say(fmt::format("{} starts with {} workers", process.name, process.workers_wanted));
}

// In order: what is under way is aborted, the group waits for it to come back.
void Group::stop(Process& process) {
  say(process.name + " stops");
  process.workers.clear();
  process.standby = nullptr;
  process.house.reset();
  process.running = false;
}

void Group::die(Process& process) {
  for (auto& line : process.lines) line->cut = true;
  process.workers.clear();
  process.standby = nullptr;
  process.house.reset();
  process.running = false;
}

// What a process may find of its store when it comes back: nothing, or an old one.
void Group::spoil_store(Process& process) {
  const fs::path kept = folder_ / (process.name + ".kept");
  if (calm_ || !fs::exists(process.folder)) return;
  if (one_in(4)) {
    say(process.name + " has lost its store");
    fs::remove_all(process.folder);
  } else if (one_in(4) && fs::exists(kept)) {
    say(process.name + " finds an old store");
    fs::remove_all(process.folder);
    fs::copy(kept, process.folder, fs::copy_options::recursive);
  } else if (one_in(4)) {
    fs::remove_all(kept);
    fs::copy(process.folder, kept, fs::copy_options::recursive);
  }
}

// The session of its workers is over, or their transactions are, or both.
void Group::forget(Process& process) {
  if (calm_ && process.running) return;
  const bool session = calm_ || one_in(2), transaction = calm_ || one_in(2);
  for (int worker = 0; worker < process.workers_wanted; ++worker) {
    const std::string name = fmt::format("{}.{}", process.name, worker);
    if (transaction) cluster_.transaction_over(name);
    if (session) cluster_.session_over(name);
  }
  if (session) ++tally_.rebalances;
  say(fmt::format("{}: session over {}, transaction over {}", process.name, session, transaction));
}

void Group::step(Process& process, int worker) {
  try {
    ++process.busy;
    auto done = process.workers[static_cast<std::size_t>(worker)]->run_epoch(Duration{0});
    --process.busy;
    if (done && *done) ++tally_.commits;
    if (done) return;
    say(fmt::format("{}.{}: {}", process.name, worker, done.error().text()));
    if (done.error().fault != Fault::away)
      faults_.push_back(fmt::format("{}.{} ended: {}", process.name, worker, done.error().text()));
  } catch (const Death&) {  // its own: others die within their own steps
    --process.busy;
    die(process);
  }
}

// Of shards that others hold, beside its workers: also while one of them stands in the middle of something.
void Group::copy() {
  Process& process = *processes_[copies_random_() % processes_.size()];
  if (!process.running) return;
  std::set<int> all;
  for (int shard = 0; shard < cluster_.partitions(); ++shard) all.insert(shard);
  auto portion = std::exchange(cluster_.portion, [this](std::size_t there) { return 1 + copies_random_() % there; });
  auto done = process.standby->step(all, Duration{0});
  cluster_.portion = std::move(portion);
  if (!done && done.error().fault != Fault::away)
    faults_.push_back(fmt::format("copies of {}: {}", process.name, done.error().text()));
  if (done) ++tally_.copied;
}

void Group::arm() {
  Armed armed;
  armed.misfortune = std::array{Misfortune::death, Misfortune::standing, Misfortune::failure}[below(3)];
  armed.process = static_cast<int>(below(processes_.size()));
  armed.worker = static_cast<int>(below(2));
  armed.left = 1 + below(20);
  armed_ = armed;
}

Result<void> Group::passing(int number, int worker, std::string_view step, bool done) {
  if (calm_ || !armed_ || armed_->process != number || armed_->worker != worker || --armed_->left > 0) return {};
  const Misfortune misfortune = armed_->misfortune;
  armed_.reset();
  Process& process = *processes_[static_cast<std::size_t>(number)];
  const std::string where = fmt::format("{}.{} {} {}", process.name, worker, done ? "after" : "before", step);
  switch (misfortune) {
    case Misfortune::death:
      say(where + ": dies");
      ++tally_.crashes;
      for (auto& line : process.lines) line->cut = true;
      throw Death{};
    case Misfortune::failure:
      say(where + ": is told that it failed");
      ++tally_.failures;
      return tl::make_unexpected(Error{Fault::away, "kafka", fmt::format("{}: played", step)});
    case Misfortune::standing:
      if (depth_ < kStands_max) {
        say(where + ": stands");
        stand(process);
        say(where + ": goes on");
      }
  }
  return {};
}

// Others go on meanwhile, and the group may give up on it.
void Group::stand(Process& process) {
  ++tally_.stands;
  ++depth_;
  if (one_in(2)) forget(process);
  for (auto n = 5 + below(60); n > 0 && faults_.empty(); --n) happen();
  --depth_;
}

bool Group::settled() const {
  std::size_t held = 0;
  for (const auto& process : processes_) {
    if (process->running) held += process->house->shards().size();
  }
  if (held != static_cast<std::size_t>(cluster_.partitions())) return false;
  for (int p = 0; p < cluster_.partitions(); ++p) {
    for (stage::Topic topic : kafka::kInputs) {
      const auto records = cluster_.read(topic, p);
      if (!records.empty() && cluster_.committed({topic, p}) <= records.back().offset) return false;
    }
  }
  return true;
}

// The rows as the changelog has them; those who hold shards must have the same.
std::vector<std::string> Group::judge() {
  auto store = store::RocksStore::open(folder_ / "judge", {.memory_bytes = kStore_bytes});
  if (!store) return {"the judge's store: " + store.error().text()};
  auto changelog = cluster_.changelog();
  cluster_.portion = nullptr;
  std::map<int, std::int64_t> from, epochs;
  for (int shard = 0; shard < cluster_.partitions(); ++shard) from[shard] = changelog->ends(shard)->low;
  (void)changelog->begin(from);
  auto read = changelog->read(Duration{0}, [&](int shard, std::int64_t, std::string_view record) -> Result<void> {
    store::Batch batch;
    auto unpacked = kafka::unpack_epoch(record, shard, batch);
    if (!unpacked) return tl::make_unexpected(unpacked.error());
    if (unpacked->last) epochs[shard] = unpacked->epoch;
    return (*store)->write(batch);
  });
  if (!read) return {"the changelog: " + read.error().text()};
  std::vector<std::string> out = play_.faults(cluster_, **store);
  for (const auto& [shard, epoch] : cluster_.epochs()) {
    if (epochs[shard] != epoch)
      out.push_back(
          fmt::format("shard {}: the offsets are at epoch {}, the changelog at {}", shard, epoch, epochs[shard]));
  }
  for (const auto& process : processes_) {
    if (!process->running) continue;
    for (int shard : process->house->shards()) {
      if (rows_of(process->house->rows(), shard) != rows_of(**store, shard))
        out.push_back(fmt::format("shard {}: {} has other rows than the changelog", shard, process->name));
    }
  }
  return out;
}

}  // namespace echoloop::simulation
