#include "pipeline/kafka/group_reload.h"

#include <curl/curl.h>

#include <memory>

#include "pipeline/kafka/peer_request.h"

namespace echoloop::kafka {
namespace {

constexpr const char* kReload_path = "/internal/v1/reload";
constexpr Duration kReload_answer{10'000};

struct EndHandle {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};

http::Response reloaded(const http::Request& request, const std::string& secret, const Reload& reload) {
  if (auto refused = refuse_stranger(request, secret)) return std::move(*refused);
  auto done = reload();
  http::Response out;
  out.status = done ? 200 : 422;
  out.content_type = "text/plain; charset=utf-8";
  out.body = done ? *done : done.error().text();
  return out;
}

}  // namespace

void add_reload_route(http::Router& router, std::string secret, Reload reload) {
  router.add({.method = "POST", .path = kReload_path, .body_types = {"*/*"}, .run_on = http::RunOn::peers},
             [secret = std::move(secret), reload = std::move(reload)](const http::Request& request) {
               return reloaded(request, secret, reload);
             });
}

std::map<std::string, Result<std::string>> reload_members(const std::map<std::string, Owner>& members) {
  std::map<std::string, Result<std::string>> out;
  const std::unique_ptr<CURL, EndHandle> curl{curl_easy_init()};
  for (const auto& [name, owner] : members) {
    auto answer = ask_peer(curl.get(), owner, "POST", kReload_path, kReload_answer);
    if (!answer)
      out.emplace(name, tl::make_unexpected(answer.error()));
    else if (answer->status == 200)
      out.emplace(name, std::move(answer->body));
    else
      out.emplace(name, bad_configuration("", std::move(answer->body)));
  }
  return out;
}

}  // namespace echoloop::kafka
