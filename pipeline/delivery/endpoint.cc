#include "pipeline/delivery/endpoint.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"

namespace echoloop::delivery {
namespace {

constexpr std::size_t kItems_max = 10'000;
constexpr std::size_t kDigest_max = 50;
// A refused message is tried as often as this: somebody may be mending the endpoint.
constexpr int kRefused_max = 3;
constexpr Duration kThrottled{60 * kSecond_ms};
constexpr Duration kIdle{60 * kSecond_ms};
constexpr Duration kLog_kept{30 * kDay_ms};

std::string configured_as(const Endpoint& one) {
  return to_hex(hash128(
      fmt::format("{}|{}|{}|{}|{}", static_cast<int>(one.way), one.url, one.secret_env, one.secret_file, one.user)));
}

}  // namespace

std::string endpoint_key(std::string_view id) {
  std::string key = "endpoint";
  put_key_text(key, id);
  return key;
}

std::string delivery_prefix(std::string_view endpoint) {
  std::string key;
  put_key_text(key, endpoint);
  return key;
}

std::string delivery_key(const state::Delivery& delivery) {
  std::string key = delivery_prefix(delivery.endpoint());
  put_key_time(key, std::numeric_limits<std::int64_t>::max() - delivery.at());
  put_key_text(key, delivery.events_size() > 0 ? delivery.events(0) : "");
  put_key_u32(key, static_cast<std::uint32_t>(delivery.attempt()));
  return key;
}

EndpointTeller::EndpointTeller(Endpoint endpoint, std::shared_ptr<const Domain> domain, const DeliveryParts& parts)
    : endpoint_(std::move(endpoint)), domain_(std::move(domain)), parts_(parts), pace_(per_minute_of(endpoint_)) {}

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

void EndpointTeller::tell_again(const state::Delivery& delivery) {
  {
    std::lock_guard hold{mutex_};
    again_.push_back(delivery);
    news_ = true;
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
  if (*row) {
    if (!state_.ParseFromString(**row)) return broken_world("table deliveries", "a row that cannot be read");
  } else {
    // Who is new is told from now on.
    for (int partition = 0; partition < parts_.partitions; ++partition) state_.add_next(parts_.end(partition));
  }
  if (state_.configured() != configured) state_.clear_gone_at();
  state_.set_configured(configured);
  while (state_.next_size() < parts_.partitions) state_.add_next(0);
  read_to_.assign(state_.next().begin(), state_.next().end());
  ahead_ = {state_.ahead().begin(), state_.ahead().end()};
  auto kept = parts_.write({{stage::Table::deliveries, 0, endpoint_key(endpoint_.id), state_.SerializeAsString()}});
  loaded_ = kept.has_value();
  return kept;
}

void EndpointTeller::run() {
  Result<void> done;
  while (true) {
    if (!loaded_) done = load();
    Duration wait = kIdle;
    std::vector<std::size_t> chosen;
    if (done) done = tell_those_again();
    if (done) done = read_on();
    sleeps_ = false;
    if (done && state_.gone_at() == 0) {
      chosen = choose(parts_.now(), wait);
      if (!chosen.empty()) done = tell(chosen);
    }
    if (!done) {
      spdlog::error("endpoint {}: {}", endpoint_.id, done.error().text());
      wait = Duration{kSecond_ms};
      done = {};
    }
    std::unique_lock hold{mutex_};
    counts_.gone = state_.gone_at() != 0;
    counts_.waiting = static_cast<std::int64_t>(
        std::count_if(items_.begin(), items_.end(), [](const Item& one) { return !one.done; }));
    if (stopping_) return;
    // After something was told there may be more; a wait for a pace or a broken endpoint ends by nothing but time.
    if (!chosen.empty()) continue;
    if (wait == kIdle || sleeps_) {
      woken_.wait_for(hold, wait, [this] { return news_ || stopping_; });
    } else {
      woken_.wait_for(hold, wait, [this] { return stopping_ || !again_.empty(); });
    }
    news_ = false;
    if (stopping_) return;
  }
}

Result<void> EndpointTeller::read_on() {
  for (int partition = 0; partition < parts_.partitions && items_.size() < kItems_max; ++partition) {
    std::int64_t& next = read_to_[static_cast<std::size_t>(partition)];
    while (items_.size() < kItems_max) {
      auto slice = parts_.read(partition, next, {});
      if (!slice) return tl::make_unexpected(slice.error());
      if (slice->records.empty()) break;
      for (const stage::Record& record : slice->records) {
        next = record.offset + 1;
        Item item;
        item.partition = partition;
        item.offset = record.offset;
        auto told = read_told(record.value);
        item.done = !told || !wants(endpoint_, *told) || ahead_.contains(told->id);
        if (told) {
          item.id = told->id;
          item.word = told->word;
          item.safety = told->is_safety();
        }
        items_.push_back(std::move(item));
      }
    }
  }
  bool moved = false;
  while (!items_.empty() && items_.front().done) {
    state_.set_next(items_.front().partition, items_.front().offset + 1);
    ahead_.erase(items_.front().id);
    items_.pop_front();
    moved = true;
  }
  if (!moved) return {};
  *state_.mutable_ahead() = {ahead_.begin(), ahead_.end()};
  return parts_.write({{stage::Table::deliveries, 0, endpoint_key(endpoint_.id), state_.SerializeAsString()}});
}

bool EndpointTeller::is_awake(Time now) const {
  auto calendar = domain_->calendars.find(endpoint_.awake);
  if (calendar == domain_->calendars.end()) return true;
  return calendar->second.between(now, now + Duration{1}).count() > 0;
}

std::vector<std::size_t> EndpointTeller::choose(Time now, Duration& wait) {
  std::vector<std::size_t> waiting;
  const bool awake = is_awake(now);
  for (std::size_t i = 0; i < items_.size() && waiting.size() < kDigest_max; ++i) {
    if (!items_[i].done && (awake || items_[i].safety)) waiting.push_back(i);
  }
  if (waiting.empty()) {
    if (!awake && std::any_of(items_.begin(), items_.end(), [](const Item& one) { return !one.done; })) {
      sleeps_ = true;
      wait = std::min(kIdle - Duration{1}, domain_->calendars.at(endpoint_.awake).add(now, Duration{1}) - now);
    }
    return {};
  }
  const Duration pause = pace_.take(now);
  if (pause.count() > 0) {
    wait = std::min(pause, kIdle - Duration{1});
    return {};
  }
  // What has gathered meanwhile becomes one message, where people read it.
  if (!is_chat(endpoint_.way) || waiting.size() == 1 || per_minute_of(endpoint_) == 0)
    waiting.erase(waiting.begin() + 1, waiting.end());
  return waiting;
}

Result<std::vector<Told>> EndpointTeller::texts_of(const std::vector<std::size_t>& chosen) {
  std::vector<Told> out;
  for (std::size_t i : chosen) {
    stage::PollLimits one;
    one.records_max = 1;
    auto slice = parts_.read(items_[i].partition, items_[i].offset, one);
    if (!slice) return tl::make_unexpected(slice.error());
    if (slice->records.empty() || slice->records.front().offset != items_[i].offset) continue;
    auto told = read_told(slice->records.front().value);
    if (told) out.push_back(std::move(*told));
  }
  return out;
}

state::Delivery EndpointTeller::attempt_and_place(const std::vector<Told>& told, const std::vector<Item>& items) {
  state::Delivery log = attempt(endpoint_, told, *domain_, client_, parts_);
  for (const Item& item : items) {
    log.add_partitions(item.partition);
    log.add_offsets(item.offset);
  }
  return log;
}

Result<void> EndpointTeller::tell(const std::vector<std::size_t>& chosen) {
  auto told = texts_of(chosen);
  if (!told) return tl::make_unexpected(told.error());
  if (told->empty()) {
    for (std::size_t i : chosen) items_[i].done = true;
    return {};
  }
  std::vector<Item> items;
  for (std::size_t i : chosen) items.push_back(items_[i]);
  if (state_.trying() != told->front().id) {
    state_.set_trying(told->front().id);
    state_.set_trying_since(to_ms(parts_.now()));
    state_.set_attempts(0);
    refusals_ = 0;
  }
  state_.set_attempts(state_.attempts() + 1);
  state::Delivery log = attempt_and_place(*told, items);
  log.set_attempt(state_.attempts());
  return settle(chosen, std::move(log));
}

Result<void> EndpointTeller::settle(const std::vector<std::size_t>& chosen, state::Delivery log) {
  const Time now = parts_.now();
  bool over = log.outcome() == "delivered";
  if (log.outcome() == "gone") {
    state_.set_gone_at(to_ms(now));
    spdlog::error("endpoint {} answered 410: it is told nothing more until its configuration changes", endpoint_.id);
  } else if (!over) {
    if (log.outcome() == "refused") ++refusals_;
    const bool refused = refusals_ >= kRefused_max;
    if (refused || to_ms(now) - state_.trying_since() >= endpoint_.give_up_after.count()) {
      spdlog::error("endpoint {}: given up on {} after {} attempts: status {} {}", endpoint_.id, log.events(0),
                    state_.attempts(), log.status(), log.error());
      log.set_outcome("failed");
      log.set_again_at(0);
      over = true;
    } else {
      Duration wait = back_off(state_.attempts(), dice_);
      if (log.outcome() == "throttled") wait = std::max(wait, kThrottled);
      if (log.again_at() > 0) wait = from_ms(log.again_at()) - now;
      log.set_again_at(to_ms(now + wait));
      pace_.pause_until(now + wait);
    }
  }
  {
    std::lock_guard hold{mutex_};
    ++counts_.attempts;
    counts_.delivered += log.outcome() == "delivered";
    counts_.failed += log.outcome() == "failed";
  }
  if (over) {
    for (std::size_t i : chosen) {
      items_[i].done = true;
      ahead_.insert(items_[i].id);
    }
    state_.clear_trying();
    state_.set_attempts(0);
  }
  *state_.mutable_ahead() = {ahead_.begin(), ahead_.end()};
  return keep(std::move(log));
}

Result<void> EndpointTeller::keep(state::Delivery log) {
  std::vector<stage::Row> rows{{stage::Table::deliveries, 0, endpoint_key(endpoint_.id), state_.SerializeAsString()},
                               {stage::Table::delivery_log, 0, delivery_key(log), log.SerializeAsString()}};
  const Time now = parts_.now();
  if (now - trimmed_at_ > Duration{kHour_ms}) {
    trimmed_at_ = now;
    std::string from = delivery_prefix(endpoint_.id);
    const std::string end = prefix_end(from).value_or("");
    put_key_time(from, std::numeric_limits<std::int64_t>::max() - to_ms(now - kLog_kept));
    auto scanned =
        parts_.rows->scan(stage::Table::delivery_log, 0, from, end, [&](std::string_view key, std::string_view) {
          rows.push_back({stage::Table::delivery_log, 0, std::string(key), std::nullopt});
          return rows.size() < 10'000;
        });
    if (!scanned) return scanned;
  }
  return parts_.write(rows);
}

Result<void> EndpointTeller::tell_those_again() {
  std::vector<state::Delivery> again;
  {
    std::lock_guard hold{mutex_};
    again.swap(again_);
  }
  for (const state::Delivery& one : again) {
    std::vector<Told> told;
    std::vector<Item> items;
    for (int i = 0; i < std::min(one.partitions_size(), one.offsets_size()); ++i) {
      stage::PollLimits limits;
      limits.records_max = 1;
      auto slice = parts_.read(one.partitions(i), one.offsets(i), limits);
      if (!slice) return tl::make_unexpected(slice.error());
      if (slice->records.empty() || slice->records.front().offset != one.offsets(i)) continue;
      auto read = read_told(slice->records.front().value);
      if (!read) continue;
      told.push_back(std::move(*read));
      Item item;
      item.partition = one.partitions(i);
      item.offset = one.offsets(i);
      items.push_back(std::move(item));
    }
    if (told.empty()) continue;
    state::Delivery log = attempt_and_place(told, items);
    log.set_attempt(one.attempt() + 1);
    log.set_again_at(0);
    if (auto kept = keep(std::move(log)); !kept) return kept;
  }
  return {};
}

}  // namespace echoloop::delivery
