#include "pipeline/delivery/deliveries.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>

#include "pipeline/base/bytes.h"

namespace echoloop::delivery {
namespace {

// Commits of other members ring no bell here.
constexpr Duration kLook_interval{250};
constexpr Duration kAsked_apart{50};
constexpr Duration kForget_interval{kHour_ms};
constexpr Duration kLog_kept{30 * kDay_ms};
constexpr std::size_t kForgotten_at_once = 1'000;

}  // namespace

Deliveries::Deliveries(DeliveryParts parts, std::shared_ptr<const CurrentDomain> domain, stage::CommitBell& bell)
    : parts_(std::move(parts)), domain_(std::move(domain)), bell_(bell) {}

Deliveries::~Deliveries() {
  stopping_ = true;
  bell_.ring();
  if (thread_.joinable()) thread_.join();
  follow_configuration(false);
}

void Deliveries::start() {
  look();
  thread_ = std::thread([this] { run(); });
}

void Deliveries::run() {
  const auto stopping = [this] { return stopping_.load(); };
  const auto looked = [&] {
    if (!stopping()) look();
    // On Kafka to look is to ask a broker.
    if (parts_.leads) bell_.wait(kAsked_apart, stopping);
    return stopping();
  };
  while (!bell_.wait(kLook_interval, looked)) {
  }
}

void Deliveries::look() {
  const bool leads = !parts_.leads || parts_.leads();
  auto done = leads ? events_.look() : Result<bool>{false};
  follow_configuration(leads);
  if (leads && done) {
    if (*done) {
      std::lock_guard hold{mutex_};
      for (auto& [id, teller] : tellers_) teller->wake();
    }
    if (auto repeating = wake_repeating(); !repeating) done = tl::make_unexpected(repeating.error());
    if (auto forgot = forget_old(); !forgot) done = tl::make_unexpected(forgot.error());
  }
  const std::string trouble = done ? std::string{} : done.error().text();
  if (!trouble.empty() && trouble != trouble_) spdlog::warn("deliveries wait: {}", trouble);
  trouble_ = trouble;
}

// A changed endpoint gets a new thread; what is the same goes on.
void Deliveries::follow_configuration(bool leads) {
  const std::shared_ptr<const Domain> domain = domain_->get();
  if (leads == led_ && configured_ == domain->hash) return;
  led_ = leads;
  configured_ = domain->hash;
  const auto wanted = [&](const Endpoint& endpoint) {
    return leads && std::find(domain->endpoints.begin(), domain->endpoints.end(), endpoint) != domain->endpoints.end();
  };
  std::map<std::string, std::unique_ptr<EndpointTeller>> ended;
  {
    std::lock_guard hold{mutex_};
    for (auto one = tellers_.begin(); one != tellers_.end();) {
      auto next = std::next(one);
      if (!wanted(one->second->endpoint())) ended.insert(tellers_.extract(one));
      one = next;
    }
  }
  for (auto& [id, teller] : ended) teller->stop_soon();
  ended.clear();  // waits for them: a new one goes on where the old one was
  if (!leads) return;
  for (const Endpoint& endpoint : domain->endpoints) {
    std::lock_guard hold{mutex_};
    if (tellers_.contains(endpoint.id)) continue;
    auto teller = std::make_unique<EndpointTeller>(endpoint, domain_, events_, parts_);
    teller->start();
    tellers_.emplace(endpoint.id, std::move(teller));
  }
}

std::map<std::string, EndpointTeller::Counts> Deliveries::counts() const {
  std::lock_guard hold{mutex_};
  std::map<std::string, EndpointTeller::Counts> out;
  for (const auto& [id, teller] : tellers_) {
    if (auto counts = teller->counts(); counts.knows_place) out.emplace(id, counts);
  }
  return out;
}

Result<bool> Deliveries::tell_again(const state::Delivery& delivery) {
  const std::shared_ptr<const Domain> domain = domain_->get();
  if (std::none_of(domain->endpoints.begin(), domain->endpoints.end(),
                   [&](const Endpoint& one) { return one.id == delivery.endpoint(); }))
    return false;
  state::Delivery asked;
  asked.set_endpoint(delivery.endpoint());
  asked.set_attempt(delivery.attempt());
  *asked.mutable_events() = delivery.events();
  *asked.mutable_partitions() = delivery.partitions();
  *asked.mutable_offsets() = delivery.offsets();
  auto written = parts_.write({{stage::Table::deliveries, 0, again_key(delivery), asked.SerializeAsString()}});
  if (!written) return tl::make_unexpected(written.error());
  bell_.ring();
  return true;
}

Result<void> Deliveries::wake_repeating() {
  const std::string prefix = again_prefix();
  std::vector<stage::Row> nobodys;
  std::lock_guard hold{mutex_};
  auto scanned = parts_.rows->scan(stage::Table::deliveries, 0, prefix, prefix_end(prefix).value_or(""),
                                   [&](std::string_view key, std::string_view) {
                                     if (auto teller = tellers_.find(again_endpoint(key)); teller != tellers_.end()) {
                                       teller->second->wake_to_repeat();
                                     } else {
                                       nobodys.push_back({stage::Table::deliveries, 0, std::string(key), {}});
                                     }
                                     return nobodys.size() < kForgotten_at_once;
                                   });
  if (!scanned || nobodys.empty()) return scanned;
  return parts_.write(nobodys);
}

// Of each endpoint, those that are gone too.
Result<void> Deliveries::forget_old() {
  const Time now = parts_.now();
  if (now - forgot_at_ < kForget_interval) return {};
  std::vector<stage::Row> old;
  std::string from;
  while (old.size() < kForgotten_at_once) {
    std::string endpoint;
    auto found =
        parts_.rows->scan(stage::Table::delivery_log, 0, from, "", [&](std::string_view key, std::string_view) {
          endpoint = KeyReader{key}.text();
          return false;
        });
    if (!found) return found;
    if (endpoint.empty()) break;
    std::string oldest = delivery_prefix(endpoint);
    from = prefix_end(oldest).value_or("");
    put_key_time(oldest, std::numeric_limits<std::int64_t>::max() - to_ms(now - kLog_kept));
    auto scanned =
        parts_.rows->scan(stage::Table::delivery_log, 0, oldest, from, [&](std::string_view key, std::string_view) {
          old.push_back({stage::Table::delivery_log, 0, std::string(key), {}});
          return old.size() < kForgotten_at_once;
        });
    if (!scanned) return scanned;
    if (from.empty()) break;
  }
  if (old.size() < kForgotten_at_once) forgot_at_ = now;
  return old.empty() ? Result<void>{} : parts_.write(old);
}

}  // namespace echoloop::delivery
