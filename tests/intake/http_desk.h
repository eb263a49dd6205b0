// The intake's routes without sockets: requests go through the server's own rules (http/exchange.h) into a log in
// memory.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/hash.h"
#include "pipeline/http/exchange.h"
#include "pipeline/intake/door.h"
#include "pipeline/intake/http_dead.h"
#include "pipeline/intake/http_events.h"
#include "pipeline/intake/http_hooks.h"
#include "schemas/state.pb.h"

namespace echoloop {

// The log: what was appended, in calls.
class MemoryLog : public stage::Appender {
 public:
  struct Kept {
    stage::Kind kind{};
    std::string key, value;
    Time at{};
    int call = 0;
  };
  int partitions() const override { return 8; }
  Result<stage::Appended> append(std::span<const stage::Append> records) override {
    std::lock_guard lock{mutex_};
    if (broken) return broken_world("log", "planted");
    if (full) return stage::Appended::full;
    ++calls;
    for (const auto& r : records) kept.push_back({r.kind, std::string(r.key), std::string(r.value), r.at, calls});
    return stage::Appended::durable;
  }
  std::vector<Kept> of(stage::Kind kind) const {
    std::vector<Kept> out;
    for (const auto& one : kept) {
      if (one.kind == kind) out.push_back(one);
    }
    return out;
  }
  std::vector<state::Rejected> rejected() const {
    std::vector<state::Rejected> out;
    for (const auto& one : of(stage::Kind::rejected)) EXPECT_TRUE(out.emplace_back().ParseFromString(one.value));
    return out;
  }

  bool full = false, broken = false;
  int calls = 0;
  std::vector<Kept> kept;

 private:
  std::mutex mutex_;
};

class MemoryRows : public stage::View {
 public:
  Result<std::optional<std::string>> get(stage::Table table, int shard, std::string_view key) const override {
    auto found = rows.find({table, shard, std::string(key)});
    if (found == rows.end()) return std::optional<std::string>{};
    return std::optional<std::string>{found->second};
  }
  Result<void> scan(stage::Table table, int shard, std::string_view from, std::string_view,
                    const stage::RowVisitor& visit) const override {
    for (auto at = rows.lower_bound({table, shard, std::string(from)}); at != rows.end(); ++at) {
      if (std::get<0>(at->first) != table || std::get<1>(at->first) != shard) break;
      if (!visit(std::get<2>(at->first), at->second)) break;
    }
    return {};
  }
  std::map<std::tuple<stage::Table, int, std::string>, std::string> rows;
};

inline constexpr Time kNow{std::chrono::sys_days{std::chrono::year{2026} / 3 / 10} + std::chrono::hours{12}};

class Desk : public testing::Test {
 protected:
  void SetUp() override {
    Domain domain;
    domain.tenants["hongtu"].id = "hongtu";
    AdapterSpec open{.name = "plain", .file = "plain.jq", .example = "", .expected = "", .source = "", .signature = {}};
    auto sealed = open;
    sealed.name = "sealed";
    sealed.signature = WebhookSignature{.message = "{time}.{body}",
                                        .untimed = "{body}",
                                        .headers = {"X-Signature"},
                                        .prefix = "sha256=",
                                        .timestamp_header = "X-Timestamp",
                                        .secret_env = "HOOK_SECRET"};
    domain.adapters = {{"plain", open}, {"sealed", sealed}};
    domain_.set(std::make_shared<const Domain>(domain));
    options_ = {&domain_, &adapters_, folder(), {}, [] { return kNow; }, &unsigned_hooks_};
    options_.environment = [this](const std::string& name) -> std::optional<std::string> {
      auto found = environment_.find(name);
      return found == environment_.end() ? std::nullopt : std::optional{found->second};
    };
    add_event_routes(router_, door_);
    add_hook_routes(router_, door_, options_);
    add_dead_routes(router_, door_, rows_, options_);
  }

  static std::string folder();  // of adapters, with plain.jq

  struct Told {
    int status = 0;
    nlohmann::json body;
    http::Headers headers;
  };
  Told ask(const std::string& method, const std::string& target, const std::string& type, const std::string& body,
           const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    http::Request request;
    http::RequestLine line;
    line.target = target;
    line.has_body = !body.empty();
    request.method = method;
    request.body = body;
    if (!type.empty()) request.headers.add("Content-Type", type);
    for (const auto& [name, value] : headers) request.headers.add(name, value);
    auto admission = http::admit(router_, line, request);
    auto response = admission.refusal ? std::move(*admission.refusal) : http::answer(*admission.route, request);
    auto text = response.problem ? http::problem_json(*response.problem, request.id) : response.body;
    return {response.status, text.empty() ? nlohmann::json{} : nlohmann::json::parse(text), response.headers};
  }
  Told post_events(const std::string& type, const std::string& body, const std::string& target = "/api/v1/events") {
    return ask("POST", target, type, body);
  }

  MemoryLog log_;
  MemoryRows rows_;
  Door door_{log_, {StageClock::wall, [] { return kNow; }, Duration{400 * kDay_ms}}};
  CurrentDomain domain_{nullptr};
  AdapterPool adapters_{folder()};
  std::map<std::string, std::string> environment_;
  UnsignedHooks unsigned_hooks_;
  HookOptions options_;
  http::Router router_;
};

// A valid session.closed.
inline std::string closed(const std::string& session, const std::string& closed_at = "2026-03-10T08:00:00Z") {
  return R"({"specversion":"1.0","type":"echoloop.session.closed.v1","source":"test","id":"close-)" + session +
         R"(","data":{"tenant":"hongtu","session_id":")" + session + R"(","closed_at":")" + closed_at + R"("}})";
}

}  // namespace echoloop
