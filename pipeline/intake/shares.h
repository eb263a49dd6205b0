// Room for records that wait for the stages, divided fairly between tenants: half of it is for whoever comes; once that
// is full, only tenants of which less waits than their even share of that half may put more there. So one enormous
// tenant is told to wait while the others still enter. Safe from any thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <string>

#include "pipeline/base/hash.h"
#include "pipeline/stage/appender.h"

namespace echoloop {

class Shares {
 public:
  explicit Shares(std::int64_t room) : room_(room) {}

  // Whether these may enter when `waiting` records wait altogether: all or none. Of a mixture every tenant must be
  // within its share. Records of nobody only mind the whole room.
  bool admit(std::span<const stage::Append> records, std::int64_t waiting);
  // They are durable and wait from now on.
  void entered(std::span<const stage::Append> records);
  // Tenants of which something waits, about.
  std::size_t tenants_waiting();

 private:
  using Counts = absl::flat_hash_map<std::string, std::int64_t, TextHash, std::equal_to<>>;
  // What entered one after the other. The log is processed about in its order, so that counting pages is enough.
  struct Page {
    std::int64_t begin = 0;  // what had entered before it
    Counts of;
  };
  static constexpr std::int64_t kPages = 256;  // of a full room

  void turn_pages(std::int64_t waiting);  // lets go of what no longer waits

  const std::int64_t room_;
  std::mutex mutex_;
  std::int64_t entered_ = 0;
  std::deque<Page> pages_;
  Counts waiting_;  // by tenant
};

}  // namespace echoloop
