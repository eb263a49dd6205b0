#include "pipeline/delivery/endpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"

namespace echoloop::delivery {
namespace {

// Read ahead of a partition: behind so many that wait, safety is not seen before some of them are told.
constexpr std::size_t kAhead_max = 10'000;
constexpr std::size_t kDigest_max = 50;
// A refused message is tried as often as this: somebody may be mending the endpoint.
constexpr int kRefused_max = 3;
constexpr Duration kLoading{500};  // until its row is there
constexpr Duration kThrottled{60 * kSecond_ms};
constexpr Duration kIdle{60 * kSecond_ms};
// A place that only passed what nobody is told is written as often as this.
constexpr Duration kPlaced{10 * kSecond_ms};

// All that configuration says of it.
std::string configured_as(const Endpoint& one) {
  const auto text = [](const auto& list) { return fmt::format("{}", fmt::join(list, ",")); };
  return to_hex(hash128(fmt::format(
      "{}", fmt::join(
                std::vector<std::string>{
                    std::to_string(static_cast<int>(one.way)), one.url, one.secret_env, one.secret_file, one.user,
                    one.project, one.issue_type, one.from, text(one.to), text(one.departments), text(one.tenants),
                    text(one.kinds), text(one.events), std::to_string(static_cast<int>(one.severity)), one.awake,
                    fmt::format("{}{}{}{}", one.chinese, one.private_network, one.customers, one.old),
                    std::to_string(one.per_minute), format_duration(one.give_up_after)},
                "|"))));
}

}  // namespace

EndpointTeller::EndpointTeller(Endpoint endpoint, std::shared_ptr<const CurrentDomain> domain, TaskEvents& events,
                               const DeliveryParts& parts)
    : endpoint_(std::move(endpoint)),
      domain_(std::move(domain)),
      events_(events),
      parts_(parts),
      pace_(per_minute_of(endpoint_)) {}

EndpointTeller::~EndpointTeller() {
  stop_soon();
  if (thread_.joinable()) thread_.join();
}

void EndpointTeller::stop_soon() {
  client_.give_up();
  {
    std::lock_guard hold{mutex_};
    stopping_ = true;
  }
  woken_.notify_all();
}

void EndpointTeller::start() {
  // Here, so that whoever is new misses nothing of what comes after this call.
  if (auto loaded = load(); !loaded) spdlog::error("endpoint {}: {}", endpoint_.id, loaded.error().text());
  thread_ = std::thread([this] { run(); });
}

void EndpointTeller::wake() {
  {
    std::lock_guard hold{mutex_};
    news_ = true;
  }
  woken_.notify_all();
}

void EndpointTeller::wake_to_repeat() {
  {
    std::lock_guard hold{mutex_};
    asked_ = true;
  }
  woken_.notify_all();
}

EndpointTeller::Counts EndpointTeller::counts() const {
  std::lock_guard hold{mutex_};
  return counts_;
}

Result<void> EndpointTeller::load() {
  auto row = parts_.rows->get(stage::Table::deliveries, 0, endpoint_key(endpoint_.id));
  if (!row) return tl::make_unexpected(row.error());
  const std::string configured = configured_as(endpoint_);
  if (!*row) {
    // Who is new is told from now on. Only from a row that is there: another process may have written one that is on
    // its way, with an earlier place.
    state_.Clear();
    for (int partition = 0; partition < parts_.partitions; ++partition) {
      const auto end = events_.end(partition);
      if (!end) return {};
      state_.add_next(*end);
    }
    state_.set_configured(configured);
    if (auto added = parts_.add(place_row()); !added) return added;
    row = parts_.rows->get(stage::Table::deliveries, 0, endpoint_key(endpoint_.id));
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return {};
  }
  if (!state_.ParseFromString(**row)) return broken_world("table deliveries", "a row that cannot be read");
  if (state_.configured() != configured) {
    state_.clear_gone_at();
    state_.clear_trying();
  }
  state_.set_configured(configured);
  while (state_.next_size() < parts_.partitions) state_.add_next(0);
  read_to_.assign(state_.next().begin(), state_.next().end());
  for (const auto& one : state_.ahead()) ahead_.emplace(one.partition(), one.offset());
  loaded_ = true;
  std::lock_guard hold{mutex_};
  counts_.knows_place = true;
  return {};
}

void EndpointTeller::run() {
  while (true) {
    Duration wait = kIdle;
    sleeps_ = false;
    auto more = step(wait);
    if (!more) {
      spdlog::error("endpoint {}: {}", endpoint_.id, more.error().text());
      wait = Duration{kSecond_ms};
    }
    std::unique_lock hold{mutex_};
    counts_.gone = state_.gone_at() != 0;
    counts_.waiting = static_cast<std::int64_t>(items_.size());
    if (stopping_) return;
    if (more.value_or(false)) continue;
    // A wait for a pace or a broken endpoint ends by nothing but time, or a person.
    const bool idle = wait == kIdle || sleeps_;
    woken_.wait_for(hold, wait, [&] { return stopping_ || (asked_ && loaded_) || (idle && news_); });
    news_ = false;
    if (stopping_) return;
  }
}

Result<bool> EndpointTeller::step(Duration& wait) {
  if (!loaded_) {
    if (auto loaded = load(); !loaded) return tl::make_unexpected(loaded.error());
    if (!loaded_) {
      wait = kLoading;
      return false;
    }
  }
  auto repeated = repeat(wait);
  if (!repeated || *repeated) return repeated;
  if (auto read = read_on(); !read) return tl::make_unexpected(read.error());
  if (state_.gone_at() != 0) return false;
  const std::vector<std::size_t> chosen = choose(parts_.now(), wait);
  if (chosen.empty()) return false;
  if (auto told = tell(chosen); !told) return tl::make_unexpected(told.error());
  return true;
}

Result<void> EndpointTeller::read_on() {
  std::vector<std::size_t> waiting(read_to_.size());
  for (const Item& item : items_) ++waiting[static_cast<std::size_t>(item.partition)];
  for (int partition = 0; partition < parts_.partitions; ++partition) {
    const auto index = static_cast<std::size_t>(partition);
    std::int64_t& next = read_to_[index];
    while (waiting[index] < kAhead_max) {
      auto batch = events_.read(partition, next);
      if (!batch) return tl::make_unexpected(batch.error());
      if (*batch == nullptr) break;
      for (const TaskEvents::Event& event : (*batch)->events) {
        if (event.offset < next || !event.told || !wants(endpoint_, *event.told)) continue;
        if (ahead_.contains({partition, event.offset})) continue;
        items_.push_back({partition, event.offset, event.told->id, event.told->is_safety()});
        ++waiting[index];
      }
      next = (*batch)->next;
    }
  }
  const Time now = parts_.now();
  if (now - placed_at_ < kPlaced) return {};
  const std::vector<std::int64_t> before{state_.next().begin(), state_.next().end()};
  move_place();
  if (std::equal(before.begin(), before.end(), state_.next().begin(), state_.next().end())) return {};
  placed_at_ = now;
  return parts_.write({place_row()});
}

void EndpointTeller::move_place() {
  std::vector<std::int64_t> next = read_to_;
  for (const Item& item : items_) {
    std::int64_t& first = next[static_cast<std::size_t>(item.partition)];
    first = std::min(first, item.offset);
  }
  *state_.mutable_next() = {next.begin(), next.end()};
  std::erase_if(ahead_, [&](const auto& one) { return one.second < next[static_cast<std::size_t>(one.first)]; });
  state_.clear_ahead();
  for (const auto& [partition, offset] : ahead_) {
    auto* one = state_.add_ahead();
    one->set_partition(partition);
    one->set_offset(offset);
  }
}

stage::Row EndpointTeller::place_row() const {
  return {stage::Table::deliveries, 0, endpoint_key(endpoint_.id), state_.SerializeAsString()};
}

bool EndpointTeller::is_awake(Time now) const {
  const std::shared_ptr<const Domain> domain = domain_->get();
  auto calendar = domain->calendars.find(endpoint_.awake);
  return calendar == domain->calendars.end() || calendar->second.between(now, now + Duration{1}).count() > 0;
}

std::vector<std::size_t> EndpointTeller::choose(Time now, Duration& wait) {
  std::vector<std::size_t> waiting;
  const bool awake = is_awake(now);
  for (std::size_t i = 0; i < items_.size() && waiting.size() < kDigest_max; ++i) {
    if (awake || items_[i].safety) waiting.push_back(i);
  }
  if (waiting.empty()) {
    if (!awake && !items_.empty()) {
      const std::shared_ptr<const Domain> domain = domain_->get();
      sleeps_ = true;
      wait = std::min(wait, kIdle - Duration{1});
      if (auto calendar = domain->calendars.find(endpoint_.awake); calendar != domain->calendars.end())
        wait = std::min(wait, calendar->second.add(now, Duration{1}) - now);
    }
    return {};
  }
  const Duration pause = pace_.take(now);
  if (pause.count() > 0) {
    wait = std::min({wait, pause, kIdle - Duration{1}});
    return {};
  }
  // What has gathered meanwhile becomes one message, where people read it.
  if (!is_chat(endpoint_.way) || waiting.size() == 1 || per_minute_of(endpoint_) == 0)
    waiting.erase(waiting.begin() + 1, waiting.end());
  return waiting;
}

state::Delivery EndpointTeller::attempt_and_place(const std::vector<Told>& told, const std::vector<Item>& items) {
  state::Delivery log = attempt(endpoint_, told, *domain_->get(), client_, parts_);
  for (const Item& item : items) {
    log.add_partitions(item.partition);
    log.add_offsets(item.offset);
  }
  std::lock_guard hold{mutex_};
  ++counts_.attempts;
  return log;
}

EndpointTeller::Trying& EndpointTeller::trying(const std::string& event, Time now) {
  for (Trying& one : *state_.mutable_trying()) {
    if (one.event() == event) return one;
  }
  Trying& fresh = *state_.add_trying();
  fresh.set_event(event);
  fresh.set_since(to_ms(now));
  return fresh;
}

Result<void> EndpointTeller::tell(const std::vector<std::size_t>& chosen) {
  std::vector<Told> told;
  std::vector<Item> items;
  for (std::size_t i : chosen) {
    auto one = events_.read_one(items_[i].partition, items_[i].offset);
    if (!one) return tl::make_unexpected(one.error());
    if (!*one) {
      spdlog::error("endpoint {}: topic tasks has let go of {} before it was told", endpoint_.id, items_[i].id);
      continue;
    }
    told.push_back(std::move(**one));
    items.push_back(items_[i]);
  }
  if (told.empty()) {
    for (auto i = chosen.rbegin(); i != chosen.rend(); ++i)
      items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(*i));
    return {};
  }
  return settle(chosen, attempt_and_place(told, items));
}

bool EndpointTeller::judge(Trying& trying, state::Delivery& log, Time now) {
  trying.set_attempts(trying.attempts() + 1);
  log.set_attempt(trying.attempts());
  if (log.outcome() == "delivered") return true;
  if (log.outcome() == "gone") {
    state_.set_gone_at(to_ms(now));
    spdlog::error("endpoint {} answered 410: it is told nothing more until its configuration changes", endpoint_.id);
    return false;
  }
  if (log.outcome() == "refused") trying.set_refusals(trying.refusals() + 1);
  if (trying.refusals() >= kRefused_max || to_ms(now) - trying.since() >= endpoint_.give_up_after.count()) {
    spdlog::error("endpoint {}: given up on {} after {} attempts: status {} {}", endpoint_.id, log.events(0),
                  trying.attempts(), log.status(), log.error());
    log.set_outcome("failed");
    log.set_again_at(0);
    return true;
  }
  Duration wait = back_off(trying.attempts(), dice_);
  if (log.outcome() == "throttled") wait = std::max(wait, kThrottled);
  if (log.again_at() > 0) wait = from_ms(log.again_at()) - now;
  log.set_again_at(to_ms(now + wait));
  pace_.pause_until(now + wait);
  return false;
}

Result<void> EndpointTeller::settle(const std::vector<std::size_t>& chosen, state::Delivery log) {
  const Time now = parts_.now();
  const std::string first = log.events(0);
  if (judge(trying(first, now), log, now)) {
    for (auto i = chosen.rbegin(); i != chosen.rend(); ++i) {
      const auto item = items_.begin() + static_cast<std::ptrdiff_t>(*i);
      ahead_.emplace(item->partition, item->offset);
      items_.erase(item);
    }
    auto* under_way = state_.mutable_trying();
    under_way->erase(
        std::remove_if(under_way->begin(), under_way->end(), [&](const Trying& one) { return one.event() == first; }),
        under_way->end());
  }
  {
    std::lock_guard hold{mutex_};
    counts_.delivered += log.outcome() == "delivered";
    counts_.failed += log.outcome() == "failed";
  }
  move_place();
  placed_at_ = now;
  return parts_.write({place_row(), {stage::Table::delivery_log, 0, delivery_key(log), log.SerializeAsString()}});
}

// One attempt, also where nothing else is told any more, or not now; it changes nothing about what else is told.
Result<bool> EndpointTeller::repeat(Duration& wait) {
  {
    std::lock_guard hold{mutex_};
    if (!std::exchange(asked_, false)) return false;
  }
  const std::string prefix = again_prefix() + delivery_prefix(endpoint_.id);
  std::string key;
  state::Delivery asked;
  std::set<std::string> going;
  auto scanned = parts_.rows->scan(stage::Table::deliveries, 0, prefix, prefix_end(prefix).value_or(""),
                                   [&](std::string_view row, std::string_view value) {
                                     if (repeated_.contains(std::string(row))) {
                                       going.emplace(row);
                                       return true;
                                     }
                                     key = row;
                                     asked.ParseFromArray(value.data(), static_cast<int>(value.size()));
                                     return false;
                                   });
  if (!scanned) return tl::make_unexpected(scanned.error());
  if (key.empty()) {
    repeated_ = std::move(going);
    return false;
  }
  if (const Duration pause = pace_.take(parts_.now(), Pace::Pauses::passed); pause.count() > 0) {
    wait = std::min(wait, pause);
    return false;  // whoever sees the row wakes this again
  }
  std::vector<Told> told;
  std::vector<Item> items;
  for (int i = 0; i < std::min(asked.partitions_size(), asked.offsets_size()); ++i) {
    auto one = events_.read_one(asked.partitions(i), asked.offsets(i));
    if (!one) return false;  // what is new need not wait for it; whoever sees the row wakes this again
    if (!*one) continue;
    told.push_back(std::move(**one));
    items.push_back({asked.partitions(i), asked.offsets(i), {}, false});
  }
  std::vector<stage::Row> rows{{stage::Table::deliveries, 0, key, std::nullopt}};
  if (told.empty()) {
    spdlog::error("endpoint {}: {} is no longer there to be told again", endpoint_.id,
                  asked.events_size() > 0 ? asked.events(0) : "");
  } else {
    state::Delivery log = attempt_and_place(told, items);
    log.set_attempt(asked.attempt() + 1);
    log.set_again_at(0);
    rows.push_back({stage::Table::delivery_log, 0, delivery_key(log), log.SerializeAsString()});
  }
  repeated_.insert(key);
  if (auto written = parts_.write(rows); !written) return tl::make_unexpected(written.error());
  wake_to_repeat();  // there may be more
  return true;
}

}  // namespace echoloop::delivery
