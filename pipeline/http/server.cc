#include "pipeline/http/server.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "pipeline/http/connection.h"

namespace echoloop::http {
namespace {

namespace net = boost::asio;
using tcp = net::ip::tcp;
using boost::system::error_code;

constexpr std::string_view kTooManyConnections =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
constexpr Duration kAcceptPause{50};  // when the process has no file descriptor left

struct Place {
  std::string host;
  std::uint16_t port = 0;
};

Result<Place> parse_place(const std::string& listen) {
  auto wrong = [&listen] {
    return bad_configuration(listen, "is no address to listen on: HOST:PORT, [V6]:PORT or :PORT");
  };
  auto colon = listen.rfind(':');
  if (colon == std::string::npos || colon + 1 == listen.size()) return wrong();
  Place place;
  const char* end = listen.data() + listen.size();
  auto [stop, ec] = std::from_chars(listen.data() + colon + 1, end, place.port);
  if (ec != std::errc{} || stop != end) return wrong();
  place.host = listen.substr(0, colon);
  if (place.host.size() > 2 && place.host.front() == '[' && place.host.back() == ']') {
    place.host = place.host.substr(1, place.host.size() - 2);
  } else if (place.host.find(':') != std::string::npos) {
    return wrong();
  }
  if (place.host.empty()) place.host = "0.0.0.0";
  return place;
}

}  // namespace

class Server::Running {
 public:
  Running(ServerOptions options, Router router) : house_(std::move(options), std::move(router)) {}

  Result<void> open();
  void run();
  void stop(Duration limit);
  tcp::endpoint endpoint() const { return endpoint_; }
  ServerStats stats() const;

 private:
  net::awaitable<void> accept();
  void welcome(tcp::socket socket);
  void refuse(tcp::socket socket);
  void leave(const std::shared_ptr<Connection>& connection, std::exception_ptr failure);

  House house_;
  net::io_context context_;
  net::executor_work_guard<net::io_context::executor_type> work_{context_.get_executor()};
  tcp::acceptor acceptor_{net::make_strand(context_)};
  tcp::endpoint endpoint_;
  std::vector<std::jthread> threads_;

  mutable std::mutex mutex_;  // all below
  std::condition_variable emptied_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  std::uint64_t refused_ = 0;
};

Result<void> Server::Running::open() {
  const auto& listen = house_.options.listen;
  auto place = parse_place(listen);
  if (!place) return tl::make_unexpected(place.error());
  error_code ec;
  tcp::resolver resolver{context_};
  auto found = resolver.resolve(place->host, std::to_string(place->port), tcp::resolver::passive, ec);
  if (ec || found.empty()) return bad_configuration(listen, "names no address of this machine");
  auto wanted = found.begin()->endpoint();
  acceptor_.open(wanted.protocol(), ec);
  if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address{true}, ec);
  if (!ec) acceptor_.bind(wanted, ec);
  if (!ec) acceptor_.listen(net::socket_base::max_listen_connections, ec);
  if (!ec) endpoint_ = acceptor_.local_endpoint(ec);
  if (ec) return broken_world(listen, fmt::format("cannot listen: {}", ec.message()));
  return {};
}

void Server::Running::run() {
  net::co_spawn(acceptor_.get_executor(), accept(), [](std::exception_ptr failure) {
    if (failure) std::terminate();  // accept() lets nothing out
  });
  for (int i = 0; i < house_.options.io_threads; ++i) {
    threads_.emplace_back([this] { context_.run(); });
  }
}

net::awaitable<void> Server::Running::accept() {
  for (;;) {
    tcp::socket socket{net::make_strand(context_)};
    error_code ec;
    co_await acceptor_.async_accept(socket, net::redirect_error(net::use_awaitable, ec));
    if (house_.stopping || ec == net::error::operation_aborted) co_return;
    if (!ec) {
      welcome(std::move(socket));
      continue;
    }
    spdlog::warn("cannot accept a connection: {}", ec.message());
    net::steady_timer pause{co_await net::this_coro::executor, kAcceptPause};
    co_await pause.async_wait(net::redirect_error(net::use_awaitable, ec));
  }
}

void Server::Running::welcome(tcp::socket socket) {
  std::shared_ptr<Connection> connection;
  auto executor = socket.get_executor();
  {
    std::lock_guard lock{mutex_};
    if (house_.stopping) return;
    if (connections_.size() < house_.options.connections_max) {
      connection = std::make_shared<Connection>(std::move(socket), house_);
      connections_.insert(connection);
    } else {
      ++refused_;
    }
  }
  if (!connection) return refuse(std::move(socket));
  net::co_spawn(executor, connection->serve(),
                [this, connection](std::exception_ptr failure) { leave(connection, failure); });
}

// As much as fits into the socket's buffer, without waiting.
void Server::Running::refuse(tcp::socket socket) {
  error_code ec;
  socket.non_blocking(true, ec);
  if (!ec) socket.write_some(net::buffer(kTooManyConnections.data(), kTooManyConnections.size()), ec);
  socket.shutdown(tcp::socket::shutdown_both, ec);
}

void Server::Running::leave(const std::shared_ptr<Connection>& connection, std::exception_ptr failure) {
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    spdlog::error("a connection failed: {}", error.what());
  }
  std::lock_guard lock{mutex_};
  connections_.erase(connection);
  if (connections_.empty()) emptied_.notify_all();
}

void Server::Running::stop(Duration limit) {
  std::unique_lock lock{mutex_};
  if (house_.stopping.exchange(true)) return;
  net::post(acceptor_.get_executor(), [this] {
    error_code ignored;
    acceptor_.close(ignored);
  });
  for (const auto& connection : connections_) connection->finish_soon();
  auto empty = [this] { return connections_.empty(); };
  if (!emptied_.wait_for(lock, limit, empty)) {
    for (const auto& connection : connections_) connection->cut();
    emptied_.wait(lock, empty);
  }
  lock.unlock();
  house_.workers.join();
  house_.peers.join();
  work_.reset();
  threads_.clear();  // joins: nothing is left to run
}

ServerStats Server::Running::stats() const {
  std::lock_guard lock{mutex_};
  return {connections_.size(), house_.waiting, house_.body_bytes, refused_};
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Router router) {
  auto running = std::make_unique<Running>(std::move(options), std::move(router));
  if (auto opened = running->open(); !opened) return tl::make_unexpected(opened.error());
  running->run();
  return std::unique_ptr<Server>(new Server(std::move(running)));
}

Server::Server(std::unique_ptr<Running> running) : running_(std::move(running)) {}
Server::~Server() { running_->stop(Duration{0}); }

std::uint16_t Server::port() const { return running_->endpoint().port(); }

std::string Server::address() const {
  auto endpoint = running_->endpoint();
  auto host = endpoint.address().to_string();
  return fmt::format("{}:{}", endpoint.address().is_v6() ? "[" + host + "]" : host, endpoint.port());
}

ServerStats Server::stats() const { return running_->stats(); }
void Server::stop(Duration limit) { running_->stop(limit); }

}  // namespace echoloop::http
