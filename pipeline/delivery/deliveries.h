// All endpoints of the configuration: started, stopped and made anew with it; woken when tasks have changed. Of a group
// on Kafka one member tells, the one that holds shard 0.
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
  // By endpoint; of those that this process tells, once it knows where to go on.
  std::map<std::string, EndpointTeller::Counts> counts() const;
  // Whoever tells that endpoint tells it once more what that attempt told. Answers whether there is such an endpoint.
  Result<bool> tell_again(const state::Delivery& delivery);

 private:
  void run();
  void follow_configuration(bool leads);
  void look();
  Result<void> wake_repeating();
  Result<void> forget_old();

  const DeliveryParts parts_;
  const std::shared_ptr<const CurrentDomain> domain_;
  stage::CommitBell& bell_;
  TaskEvents events_{parts_};
  bool led_ = false;
  std::uint64_t configured_ = 0;
  Time forgot_at_{};
  std::string trouble_;  // said last
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<EndpointTeller>> tellers_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace echoloop::delivery
