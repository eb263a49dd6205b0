#include "pipeline/intake/shares.h"

#include <algorithm>

namespace echoloop {
namespace {

// Visits each run of records of one tenant.
template <class Visit>
void for_each_tenant(std::span<const stage::Append> records, const Visit& visit) {
  for (std::size_t i = 0; i < records.size();) {
    const std::string_view tenant = records[i].tenant;
    const std::size_t from = i;
    while (i < records.size() && records[i].tenant == tenant) ++i;
    if (!tenant.empty()) visit(tenant, static_cast<std::int64_t>(i - from));
  }
}

}  // namespace

bool Shares::admit(std::span<const stage::Append> records, std::int64_t waiting) {
  std::lock_guard lock{mutex_};
  turn_pages(waiting);
  if (waiting <= room_ / 2) return true;
  if (waiting > room_) return false;
  bool within = true;
  for_each_tenant(records, [&](std::string_view tenant, std::int64_t) {
    auto found = waiting_.find(tenant);
    const std::int64_t own = found == waiting_.end() ? 0 : found->second;
    const auto tenants = static_cast<std::int64_t>(waiting_.size()) + (own == 0 ? 1 : 0);
    within = within && own < room_ / 2 / tenants;
  });
  return within;
}

std::size_t Shares::tenants_waiting() {
  std::lock_guard lock{mutex_};
  return waiting_.size();
}

void Shares::turn_pages(std::int64_t waiting) {
  const auto over = [&] {
    const std::int64_t end = pages_.size() > 1 ? pages_[1].begin : entered_;
    return end <= entered_ - waiting;
  };
  while (!pages_.empty() && over()) {
    for (const auto& [tenant, n] : pages_.front().of) {
      auto found = waiting_.find(tenant);
      found->second -= n;
      if (found->second == 0) waiting_.erase(found);
    }
    pages_.pop_front();
  }
}

void Shares::entered(std::span<const stage::Append> records) {
  std::lock_guard lock{mutex_};
  if (pages_.empty() || entered_ - pages_.back().begin >= room_ / kPages) pages_.push_back({entered_, {}});
  for_each_tenant(records, [&](std::string_view tenant, std::int64_t n) {
    pages_.back().of.try_emplace(tenant).first->second += n;
    waiting_.try_emplace(tenant).first->second += n;
  });
  entered_ += static_cast<std::int64_t>(records.size());
}

}  // namespace echoloop
