#include "pipeline/delivery/deliveries.h"

#include <algorithm>

namespace echoloop::delivery {
namespace {

constexpr Duration kLook_interval{1000};

}  // namespace

Deliveries::Deliveries(DeliveryParts parts, std::shared_ptr<const CurrentDomain> domain, stage::CommitBell& bell)
    : parts_(std::move(parts)),
      domain_(std::move(domain)),
      bell_(bell),
      seen_(static_cast<std::size_t>(parts_.partitions)) {}

Deliveries::~Deliveries() {
  stopping_ = true;
  bell_.ring();
  if (thread_.joinable()) thread_.join();
  std::lock_guard hold{mutex_};
  stop_all();
}

void Deliveries::start() {
  follow_configuration();
  thread_ = std::thread([this] { run(); });
}

void Deliveries::run() {
  while (!stopping_) {
    follow_configuration();
    if (has_news()) {
      std::lock_guard hold{mutex_};
      for (auto& [id, teller] : tellers_) teller->wake();
    }
    bool first = true;
    bell_.wait(kLook_interval, [&] { return stopping_ || !std::exchange(first, false); });
  }
}

// A changed endpoint gets a new thread; what is the same goes on, unless words or calendars changed.
void Deliveries::follow_configuration() {
  const std::shared_ptr<const Domain> domain = domain_->get();
  std::lock_guard hold{mutex_};
  if (configured_ == domain->hash && (!tellers_.empty() || domain->endpoints.empty())) return;
  configured_ = domain->hash;
  stop_all();
  for (const Endpoint& endpoint : domain->endpoints) {
    auto teller = std::make_unique<EndpointTeller>(endpoint, domain, parts_);
    teller->start();
    tellers_.emplace(endpoint.id, std::move(teller));
  }
}

void Deliveries::stop_all() {
  for (auto& [id, teller] : tellers_) teller->stop_soon();
  tellers_.clear();
}

bool Deliveries::has_news() {
  {
    std::lock_guard hold{mutex_};
    if (tellers_.empty()) return false;
  }
  bool news = false;
  for (int partition = 0; partition < parts_.partitions; ++partition) {
    const std::int64_t end = parts_.end(partition);
    news = std::exchange(seen_[static_cast<std::size_t>(partition)], end) != end || news;
  }
  return news;
}

std::map<std::string, EndpointTeller::Counts> Deliveries::counts() const {
  std::lock_guard hold{mutex_};
  std::map<std::string, EndpointTeller::Counts> out;
  for (const auto& [id, teller] : tellers_) out.emplace(id, teller->counts());
  return out;
}

bool Deliveries::tell_again(const state::Delivery& delivery) {
  std::lock_guard hold{mutex_};
  auto found = tellers_.find(delivery.endpoint());
  if (found == tellers_.end()) return false;
  found->second->tell_again(delivery);
  return true;
}

}  // namespace echoloop::delivery
