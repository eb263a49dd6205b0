// A server with a few routes that show what it does to requests and answers; shared by the tests of this folder.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>

#include "pipeline/http/server.h"
#include "tests/http/client.h"

namespace echoloop::http {

// Waits until the condition holds; false when it does not within 20 s.
template <class Condition>
bool await(Condition condition) {
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

// Holds handlers back until it is opened; tells how many wait.
class Gate {
 public:
  void pass() {
    std::unique_lock lock{mutex_};
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void open() {
    std::lock_guard lock{mutex_};
    open_ = true;
    changed_.notify_all();
  }
  void await_waiting(int count) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

inline constexpr std::size_t kTestBodyMax_bytes = 1u << 20;

inline Router routes(Gate& gate) {
  Router router;
  router.add({.method = "GET", .path = "/echo/{id}", .parameters = {"a", "b"}, .lists = {"b"}},
             [](const Request& request) {
               nlohmann::json out{
                   {"id", request.parts.find("id")->second}, {"request_id", request.id}, {"method", request.method}};
               out["query"] = request.query.items();
               out["remote"] = request.remote;
               return json(200, out.dump());
             });
  router.add({.method = "POST",
              .path = "/body",
              .body_types = {"text/plain", "application/json"},
              .body_max = kTestBodyMax_bytes},
             [](const Request& request) {
               auto response = json(200, request.body);
               response.content_type = "text/plain";
               response.headers.add("X-Type", request.content_type);
               return response;
             });
  router.add({.method = "POST", .path = "/action"},
             [](const Request& request) { return json(200, std::to_string(request.body.size())); });
  router.add({.method = "GET", .path = "/boom"},
             [](const Request&) -> Response { throw std::runtime_error("planted"); });
  router.add({.method = "GET", .path = "/odd"}, [](const Request&) -> Response { throw 42; });
  router.add({.method = "GET", .path = "/gate"}, [&gate](const Request&) {
    gate.pass();
    return json(200, "true");
  });
  router.add({.method = "GET", .path = "/live", .run_on = RunOn::io_thread},
             [](const Request&) { return json(200, "\"alive\""); });
  router.add({.method = "GET", .path = "/big"}, [](const Request&) {
    auto response = json(200, "\"" + std::string(300'000, 'b') + "\"");
    response.headers.add("ETag", "\"v1\"");
    return response;
  });
  router.add({.method = "GET", .path = "/split"}, [](const Request&) {
    auto response = json(200, "1");
    response.headers.add("X-Value", "a\r\nSet-Cookie: planted\n");
    return response;
  });
  router.add({.method = "GET", .path = "/stream", .parameters = {"fail"}}, [](const Request& request) {
    Response response;
    response.content_type = "text/csv";
    bool fails = request.query.get("fail").has_value();
    response.stream = [line = 0, fails](std::string& chunk) mutable -> Result<bool> {
      if (fails && line == 50) return broken_world("disk", "planted");
      if (line % 3 != 2) chunk += "line " + std::to_string(line) + "\n";  // some pieces are empty
      return ++line < 100;
    };
    return response;
  });
  return router;
}

// The body of /stream.
inline std::string streamed() {
  std::string out;
  for (int line = 0; line < 100; ++line) {
    if (line % 3 != 2) out += "line " + std::to_string(line) + "\n";
  }
  return out;
}

inline std::unique_ptr<Server> open_house(Gate& gate, ServerOptions options = {}) {
  options.listen = "127.0.0.1:0";
  return std::move(Server::start(std::move(options), routes(gate)).value());
}

}  // namespace echoloop::http
