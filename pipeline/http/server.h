// The HTTP/1.1 server: a few io threads for sockets, a small pool of workers for handlers, everything bounded. One per
// process as a rule; start() and stop() belong to one thread, the rest is safe from any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "pipeline/base/result.h"
#include "pipeline/base/time.h"
#include "pipeline/http/router.h"

namespace echoloop::http {

struct ServerOptions {
  std::string listen =
      "127.0.0.1:8080";  // HOST:PORT, [V6]:PORT, :PORT for every address; port 0 lets the system choose
  int io_threads = 2;
  int workers = 16;                // handlers that run at once; most of them wait for the disk
  std::size_t waiting_max = 1024;  // requests that run or wait for a worker; above: 503 with Retry-After
  std::size_t connections_max = 10'000;
  std::size_t header_max_bytes = 16u << 10;
  std::size_t bodies_max_bytes = 256u << 20;  // of bodies held at one time, as received; above: 503 with Retry-After
  Duration header_deadline{30'000};           // from a request's first byte to the end of its head
  Duration idle_deadline{75'000};             // between requests
  Duration progress_deadline{
      30'000};  // a body, or one piece of an answer: this long, and longer by each piece that gets through
  std::size_t progress_min_bytes_per_second = 1024;

  // Called after each answer, from io threads: what was asked (null when no route took it), its status, from the end of
  // the head to the end of the answer.
  std::function<void(const Operation* operation, int status, Duration took)> observe;
};

struct ServerStats {
  std::size_t connections = 0;  // open now
  std::size_t waiting = 0;      // requests that run or wait for a worker
  std::size_t body_bytes = 0;   // held now
  std::uint64_t connections_refused = 0;
};

class Server {
 public:
  // Listens when it returns. Error: configuration for an address that makes no sense, world for one that cannot be had.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, Router router);
  ~Server();  // stops at once

  std::uint16_t port() const;
  std::string address() const;  // "127.0.0.1:8080"
  ServerStats stats() const;

  // Accepts nothing more, closes idle connections, lets running requests finish for at most `limit`, then cuts them.
  // Returns when all threads ended; a handler that runs is always waited for.
  void stop(Duration limit);

 private:
  class Running;
  explicit Server(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

}  // namespace echoloop::http
