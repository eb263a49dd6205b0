// All endpoints of the configuration: started, stopped and made anew with it; woken when tasks have changed.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "pipeline/delivery/endpoint.h"
#include "pipeline/stage/commit_bell.h"
#include "schemas/current_domain.h"

namespace echoloop::delivery {

class Deliveries {
 public:
  Deliveries(DeliveryParts parts, std::shared_ptr<const CurrentDomain> domain, stage::CommitBell& bell);
  ~Deliveries();

  void start();
  // By endpoint.
  std::map<std::string, EndpointTeller::Counts> counts() const;
  // Answers whether there is such an endpoint.
  bool tell_again(const state::Delivery& delivery);

 private:
  void run();
  void follow_configuration();
  void stop_all();
  bool has_news();

  const DeliveryParts parts_;
  const std::shared_ptr<const CurrentDomain> domain_;
  stage::CommitBell& bell_;
  std::vector<std::int64_t> seen_;  // per partition
  mutable std::mutex mutex_;        // of the tellers
  std::uint64_t configured_ = 0;
  std::map<std::string, std::unique_ptr<EndpointTeller>> tellers_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace echoloop::delivery
