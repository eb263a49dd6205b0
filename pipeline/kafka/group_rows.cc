#include "pipeline/kafka/group_rows.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "pipeline/base/bytes.h"
#include "pipeline/kafka/peer_request.h"

namespace echoloop::kafka {
namespace {

constexpr Duration kRow_answer{5'000};
// Most who scan want few rows, and stop; those who want more get larger pages.
constexpr std::size_t kFirst_page_bytes = 64u << 10, kGrowth = 4;

}  // namespace

RemoteRows::~RemoteRows() {
  for (void* handle : idle_) curl_easy_cleanup(static_cast<CURL*>(handle));
}

Result<Owner> RemoteRows::owner_of(int shard) const {
  auto owner = owner_of_(shard);
  if (owner) return std::move(*owner);
  return away(fmt::format("shard {}", shard), "no member is known to hold it at the moment");
}

Result<std::string> RemoteRows::fetch(const Owner& owner, const std::string& path) const {
  CURL* curl = nullptr;
  {
    std::lock_guard lock{mutex_};
    if (asked_[owner.address] >= kAsked_max)
      return away("asking the member that holds it", "it has not answered earlier questions yet");
    ++asked_[owner.address];
    if (!idle_.empty()) {
      curl = static_cast<CURL*>(idle_.back());
      idle_.pop_back();
    }
  }
  if (curl == nullptr) curl = curl_easy_init();
  auto answer = ask_peer(curl, owner, "GET", path, kRow_answer);
  {
    std::lock_guard lock{mutex_};
    --asked_[owner.address];
    idle_.push_back(curl);
  }
  if (!answer) return tl::make_unexpected(answer.error());
  if (answer->status != 200)
    return away("asking the member that held it", fmt::format("it answers {}", answer->status));
  return std::move(answer->body);
}

Result<void> RemoteRows::scan(stage::Table table, int shard, std::string_view from, std::string_view to,
                              const stage::RowVisitor& visit, std::string* view) const {
  auto owner = owner_of(shard);
  if (!owner) return tl::make_unexpected(owner.error());
  std::string next{from}, of_this_scan;
  for (std::size_t bytes = kFirst_page_bytes;; bytes = std::min(bytes * kGrowth, kPage_bytes)) {
    const std::string& name = view != nullptr ? *view : of_this_scan;
    auto body = fetch(*owner, fmt::format("{}?table={}&shard={}&from={}&to={}&bytes={}&view={}&keep={}", kRows_path,
                                          static_cast<int>(table), shard, to_hex(next), to_hex(to), bytes, name,
                                          view != nullptr ? 1 : 0));
    if (!body) return away(fmt::format("shard {}", shard), body.error().reason);
    auto head = visit_page(*body, visit);
    if (!head) return tl::make_unexpected(head.error());
    (view != nullptr ? *view : of_this_scan) = head->view;
    if (!head->going || !head->more) return {};
    next = head->last_key + '\0';
  }
}

Result<std::optional<std::string>> RemoteRows::get(stage::Table table, int shard, std::string_view key,
                                                   std::string* view) const {
  std::optional<std::string> out;
  const std::string behind = std::string(key) + '\0';
  auto scanned = scan(
      table, shard, key, behind,
      [&](std::string_view, std::string_view value) {
        out = value;
        return false;
      },
      view);
  if (!scanned) return tl::make_unexpected(scanned.error());
  return out;
}

Result<std::optional<std::string>> GroupRows::get(stage::Table table, int shard, std::string_view key) const {
  if (house_.holds(shard)) return house_.rows().get(table, shard, key);
  return remote_.get(table, shard, key, nullptr);
}

Result<void> GroupRows::scan(stage::Table table, int shard, std::string_view from, std::string_view to,
                             const stage::RowVisitor& visit) const {
  if (house_.holds(shard)) return house_.rows().scan(table, shard, from, to, visit);
  return remote_.scan(table, shard, from, to, visit, nullptr);
}

namespace {

class GroupSnapshot final : public stage::View {
 public:
  GroupSnapshot(const KafkaHouse& house, const RemoteRows& remote)
      : shards_(house.shards()), own_(house.snapshot()), remote_(remote) {}

  Result<std::optional<std::string>> get(stage::Table table, int shard, std::string_view key) const override {
    if (is_own(shard)) return own_->get(table, shard, key);
    auto view = view_of(shard);
    if (!view) return tl::make_unexpected(view.error());
    return remote_.get(table, shard, key, *view);
  }
  Result<void> scan(stage::Table table, int shard, std::string_view from, std::string_view to,
                    const stage::RowVisitor& visit) const override {
    if (is_own(shard)) return own_->scan(table, shard, from, to, visit);
    auto view = view_of(shard);
    if (!view) return tl::make_unexpected(view.error());
    return remote_.scan(table, shard, from, to, visit, *view);
  }

 private:
  bool is_own(int shard) const { return std::binary_search(shards_.begin(), shards_.end(), shard); }
  Result<std::string*> view_of(int shard) const {
    auto owner = remote_.owner_of(shard);
    if (!owner) return tl::make_unexpected(owner.error());
    return &views_[owner->address];
  }

  const std::vector<int> shards_;
  const std::unique_ptr<stage::View> own_;
  const RemoteRows& remote_;
  mutable std::map<std::string, std::string> views_;  // address → name of its view; one thread at a time reads
};

}  // namespace

std::unique_ptr<stage::View> GroupRows::snapshot() const { return std::make_unique<GroupSnapshot>(house_, remote_); }

}  // namespace echoloop::kafka
