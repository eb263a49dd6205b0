// The configuration in force. Swapped whole by a reload; every shard takes it once per epoch, so that an epoch sees one
// configuration.
#pragma once

#include <memory>
#include <mutex>

#include "schemas/domain.h"

namespace echoloop {

// Safe from any thread.
class CurrentDomain {
 public:
  explicit CurrentDomain(std::shared_ptr<const Domain> domain) : domain_(std::move(domain)) {}

  std::shared_ptr<const Domain> get() const {
    std::lock_guard lock{mutex_};
    return domain_;
  }
  void set(std::shared_ptr<const Domain> domain) {
    std::lock_guard lock{mutex_};
    domain_ = std::move(domain);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Domain> domain_;
};

}  // namespace echoloop
