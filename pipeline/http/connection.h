// One client's connection: its requests one after the other, each read, answered on the worker pool, and written. Lives
// in a coroutine on its own strand. Part of the server; not for other rooms.
#pragma once

#include <utility>  // Boost.Asio 1.74 forgets it for its coroutines

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <memory>
#include <string>

#include "pipeline/http/exchange.h"
#include "pipeline/http/server.h"

namespace echoloop::http {

inline constexpr std::size_t kPeer_threads = 4;

// What all connections share. Outlives them.
struct House {
  House(ServerOptions given, Router routes)
      : options(std::move(given)), router(std::move(routes)), workers(static_cast<std::size_t>(options.workers)) {}
  const ServerOptions options;
  const Router router;
  boost::asio::thread_pool workers;
  boost::asio::thread_pool peers{kPeer_threads};
  std::atomic<bool> stopping{false};
  std::atomic<std::size_t> waiting{0}, peers_waiting{0};
  std::atomic<std::size_t> body_bytes{0};
};

// Bytes of one body in the count of all.
class BodyShare {
 public:
  explicit BodyShare(std::atomic<std::size_t>& all) : all_(all) {}
  ~BodyShare() { all_ -= mine_; }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;
  // Answers the count of all.
  std::size_t grow_to(std::size_t bytes) {
    auto all = all_ += bytes - mine_;
    mine_ = bytes;
    return all;
  }

 private:
  std::atomic<std::size_t>& all_;
  std::size_t mine_ = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, House& house);

  // Until the client leaves, an error closes it, or the server stops. Keep the shared_ptr alive until it ends.
  boost::asio::awaitable<void> serve();

  // From any thread: closes the connection if it waits for a request; otherwise the running one is its last.
  void finish_soon();
  // From any thread: closes it whatever it does.
  void cut();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;
  struct Received {
    bool gone = false;  // the client is
    std::optional<Response> refusal;
  };
  enum class Next { request, close, close_unread };  // unread: bytes may still come in that nobody will read

  boost::asio::awaitable<bool> wait_for_request();
  boost::asio::awaitable<Next> serve_one();
  boost::asio::awaitable<Next> refuse_head(boost::beast::error_code ec);
  boost::asio::awaitable<Received> read_body(Parser& parser, std::size_t max_bytes, BodyShare& share);
  boost::asio::awaitable<Response> run(const Route& route);
  boost::asio::awaitable<bool> write(Reply reply);
  boost::asio::awaitable<bool> write_stream(Reply& reply);
  std::optional<std::string> next_piece(Reply& reply, bool& more) const;
  boost::asio::awaitable<bool> write_bytes(std::string_view bytes);
  boost::asio::awaitable<void> drain();
  void begin(const Parser& parser);
  void expires_after(Duration duration);

  House& house_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  std::string remote_;
  bool idle_ = false;
  // Of the request being served.
  Request request_;
  RequestLine line_;
};

}  // namespace echoloop::http
