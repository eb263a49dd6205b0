#include "pipeline/kafka/http_rows.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <list>
#include <mutex>

#include "pipeline/base/bytes.h"
#include "pipeline/kafka/peer_request.h"
#include "pipeline/kafka/row_pages.h"

namespace echoloop::kafka {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kSnapshot_lives{60}, kScan_lives{10};
constexpr std::size_t kViews_max = 64;  // of each kind

// Views that others may come back to, the one that was used last in front.
class Views {
 public:
  explicit Views(std::chrono::seconds lives) : lives_(lives) {}
  std::shared_ptr<const stage::View> find(std::string_view name) {
    std::lock_guard lock{mutex_};
    forget_old();
    for (auto entry = views_.begin(); entry != views_.end(); ++entry) {
      if (entry->name != name) continue;
      entry->used = Clock::now();
      views_.splice(views_.begin(), views_, entry);
      return entry->view;
    }
    return nullptr;
  }
  void drop(std::string_view name) {
    std::lock_guard lock{mutex_};
    views_.remove_if([&](const Kept& kept) { return kept.name == name; });
  }
  std::string keep(std::shared_ptr<const stage::View> view) {
    std::lock_guard lock{mutex_};
    forget_old();
    if (views_.size() >= kViews_max) views_.pop_back();
    return views_.emplace_front(Kept{fmt::format("{}", ++number_), std::move(view), Clock::now()}).name;
  }

 private:
  struct Kept {
    std::string name;
    std::shared_ptr<const stage::View> view;
    Clock::time_point used;
  };
  void forget_old() {
    while (!views_.empty() && Clock::now() - views_.back().used > lives_) views_.pop_back();
  }

  const std::chrono::seconds lives_;
  std::mutex mutex_;
  std::list<Kept> views_;
  // Names of a process that died must not be those of the next one.
  std::uint64_t number_ = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
};

std::optional<std::size_t> number(const http::Request& request, std::string_view name, std::size_t max) {
  const auto text = request.query.get(name);
  std::size_t out = 0;
  if (!text) return std::nullopt;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), out);
  if (fault != std::errc{} || end != text->data() + text->size() || out > max) return std::nullopt;
  return out;
}

std::optional<std::string> bytes(const http::Request& request, std::string_view name) {
  const auto text = request.query.get(name);
  return text ? from_hex(*text) : std::nullopt;
}

// Of snapshots that are asked again and again, and of scans that stop in the middle more often than not.
struct Kept {
  Views snapshots{kSnapshot_lives}, scans{kScan_lives};
};

http::Response rows(const http::Request& request, const KafkaHouse& house, const std::string& secret, Kept& kept) {
  if (auto refused = refuse_stranger(request, secret)) return std::move(*refused);
  const auto table = number(request, "table", stage::kTables_end - 1),
             shard = number(request, "shard", static_cast<std::size_t>(house.partitions()) - 1),
             bytes_max = number(request, "bytes", kPage_bytes);
  const auto from = bytes(request, "from"), to = bytes(request, "to");
  if (!table || !shard || !bytes_max || !from || !to)
    return http::problem(400, "Invalid request", "this is how members of a group ask each other");
  Views& views = request.query.get("keep") == "1" ? kept.snapshots : kept.scans;
  const bool scan = &views == &kept.scans;
  const std::string name(request.query.get("view").value_or(""));
  std::shared_ptr<const stage::View> view;
  if (name.empty()) {
    view = house.snapshot();
  } else {
    view = views.find(name);
    if (!view) return http::problem(410, "View is gone", "it was not asked for a while, or too many were");
  }
  Page page;
  auto scanned = view->scan(stage::Table{static_cast<std::uint8_t>(*table)}, static_cast<int>(*shard), *from, *to,
                            [&](std::string_view key, std::string_view value) {
                              if (!page.rows.empty() && page.rows.size() >= *bytes_max) {
                                page.more = true;
                                return false;
                              }
                              put_text(page.rows, key);
                              put_text(page.rows, value);
                              return true;
                            });
  if (!scanned) return http::problem(421, "Not here", scanned.error().text());
  if (!name.empty()) {
    page.view = name;
    if (scan && !page.more) views.drop(name);
  } else if (page.more || !scan) {
    page.view = views.keep(std::move(view));
  }
  http::Response out;
  out.content_type = "application/octet-stream";
  out.body = encode(page);
  return out;
}

}  // namespace

void add_rows_route(http::Router& router, const KafkaHouse& house, std::string secret) {
  router.add({.method = "GET",
              .path = std::string(kRows_path),
              .parameters = {"table", "shard", "from", "to", "bytes", "view", "keep"},
              .run_on = http::RunOn::peers},
             [&house, secret = std::move(secret), kept = std::make_shared<Kept>()](const http::Request& request) {
               return rows(request, house, secret, *kept);
             });
}

}  // namespace echoloop::kafka
