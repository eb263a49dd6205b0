#include "pipeline/http/connection.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <limits>

namespace echoloop::http {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
using beast::error_code;
using std::chrono::steady_clock;

constexpr std::size_t kPiece_bytes = 64u << 10;
constexpr std::size_t kDiscardMax_bytes = 64u << 10;  // of a refused body, read so that the connection may stay
constexpr std::size_t kDrainMax_bytes = 64u << 20;
constexpr Duration kDrainDeadline{3'000};

bool is_http_error(const error_code& ec) {
  return ec.category() == beast::http::make_error_code(beast::http::error::bad_version).category();
}

Response overloaded(std::string detail) {
  auto response = problem(503, "Overloaded", std::move(detail));
  response.headers.add("Retry-After", "1");
  return response;
}

// What Beast lets pass and RFC 9112 does not: both let a proxy and a server disagree on where a request ends or whom it
// is for.
std::optional<Response> refuse_framing(const Request& request, bool http10) {
  auto coding = request.headers.get("Transfer-Encoding");
  if (coding &&
      (http10 || request.headers.count("Transfer-Encoding") > 1 || !same_ignoring_case(trimmed(*coding), "chunked"))) {
    return problem(501, "Unsupported transfer coding", "only chunked is understood",
                   {{"/headers/transfer-encoding", "unsupported", std::string(*coding)}});
  }
  auto hosts = request.headers.count("Host");
  if (hosts > 1 || (hosts == 0 && !http10)) {
    return problem(400, "Malformed request", "a request has exactly one Host header",
                   {{"/headers/host", "malformed", ""}});
  }
  auto expect = request.headers.get("Expect");
  if (expect && !same_ignoring_case(trimmed(*expect), "100-continue")) {
    return problem(417, "Expectation failed", "only 100-continue can be met");
  }
  return std::nullopt;
}

}  // namespace

Connection::Connection(net::ip::tcp::socket socket, House& house)
    : house_(house), stream_(std::move(socket)), buffer_(house.options.header_max_bytes + kPiece_bytes) {
  error_code ec;
  auto peer = stream_.socket().remote_endpoint(ec);
  if (!ec) remote_ = peer.address().to_string(ec);
  stream_.socket().set_option(net::ip::tcp::no_delay{true}, ec);
}

net::awaitable<void> Connection::serve() {
  auto next = Next::request;
  while (next == Next::request) {
    bool arrived = co_await wait_for_request();
    if (!arrived) break;
    next = co_await serve_one();
  }
  if (next == Next::close_unread) co_await drain();
  error_code ignored;
  stream_.socket().shutdown(net::ip::tcp::socket::shutdown_both, ignored);
  stream_.close();
}

void Connection::finish_soon() {
  net::dispatch(stream_.get_executor(), [self = shared_from_this()] {
    if (self->idle_) self->stream_.close();
  });
}

void Connection::cut() {
  net::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->stream_.close(); });
}

void Connection::expires_after(Duration duration) { stream_.expires_after(duration); }

net::awaitable<bool> Connection::wait_for_request() {
  if (house_.stopping) co_return false;
  if (buffer_.size() > 0) co_return true;     // pipelined
  constexpr std::size_t kFirst_bytes = 2048;  // an idle connection costs little
  buffer_.shrink_to_fit();
  idle_ = true;
  expires_after(house_.options.idle_deadline);
  error_code ec;
  auto room = buffer_.prepare(kFirst_bytes);
  auto got = co_await stream_.async_read_some(room, net::redirect_error(net::use_awaitable, ec));
  idle_ = false;
  buffer_.commit(got);
  co_return !ec;
}

void Connection::begin(const Parser& parser) {
  const auto& message = parser.get();
  auto view = [](auto text) { return std::string(text.data(), text.size()); };
  request_ = Request{};
  request_.method = view(message.method_string());
  request_.remote = remote_;
  for (const auto& field : message) request_.headers.add(view(field.name_string()), view(field.value()));
  line_ = RequestLine{};
  line_.target = view(message.target());
  line_.head_only = request_.method == "HEAD";
  if (line_.head_only) request_.method = "GET";
  line_.http10 = message.version() < 11;
  line_.keep_alive = message.keep_alive();
  line_.has_body = parser.chunked() || parser.content_length().value_or(0) > 0;
}

net::awaitable<Connection::Next> Connection::serve_one() {
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(house_.options.header_max_bytes));
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // read_body counts, as the route decides
  expires_after(house_.options.header_deadline);
  error_code ec;
  co_await beast::http::async_read_header(stream_, buffer_, parser, net::redirect_error(net::use_awaitable, ec));
  if (ec) co_return co_await refuse_head(ec);
  auto started = steady_clock::now();
  begin(parser);

  auto admission = admit(house_.router, line_, request_);
  auto framing = refuse_framing(request_, line_.http10);
  bool framed = !framing;
  if (framing) admission = Admission{nullptr, std::move(framing)};
  const auto* operation = admission.route ? &admission.route->operation : nullptr;
  auto length = parser.content_length().value_or(0);
  if (operation && length > operation->body_max) admission.refusal = too_large(operation->body_max);

  BodyShare share(house_.body_bytes);
  bool whole = !line_.has_body;  // nothing of this request is left to read
  std::optional<Response> response = std::move(admission.refusal);
  bool expects = request_.headers.get("Expect").has_value();
  if (!response && line_.has_body) {
    if (expects && !co_await write_bytes("HTTP/1.1 100 Continue\r\n\r\n")) co_return Next::close;
    auto received = co_await read_body(parser, operation->body_max, share);
    if (received.gone) co_return Next::close;
    whole = !received.refusal;
    response = std::move(received.refusal);
  } else if (response && line_.has_body && framed && !expects && !parser.chunked() && length <= kDiscardMax_bytes) {
    auto received = co_await read_body(parser, kDiscardMax_bytes, share);
    if (received.gone) co_return Next::close;
    whole = !received.refusal;
  }
  if (!response) response = co_await run(*admission.route);
  request_.body = {};  // whoever waits for the answer need not hold it
  share.grow_to(0);

  auto status = response->status;
  bool close = !whole || !framed || house_.stopping;
  auto reply = finish(request_, line_, std::move(*response), close);
  close = reply.close;
  bool written = co_await write(std::move(reply));
  if (house_.options.observe) {
    auto took = std::chrono::duration_cast<Duration>(steady_clock::now() - started);
    house_.options.observe(operation, status, took);
  }
  if (!written) co_return Next::close;
  if (!close) co_return Next::request;
  bool nothing_unread = whole && buffer_.size() == 0;
  co_return nothing_unread ? Next::close : Next::close_unread;
}

// Nothing of such a request can be trusted, so its connection ends with the answer.
net::awaitable<Connection::Next> Connection::refuse_head(error_code ec) {
  if (!is_http_error(ec) || ec == beast::http::error::end_of_stream || ec == beast::http::error::partial_message)
    co_return Next::close;
  request_ = Request{};
  request_.id = make_request_id();
  line_ = RequestLine{};
  Response response;
  if (ec == beast::http::error::header_limit || ec == beast::http::error::buffer_overflow) {
    response = problem(431, "Header too large", fmt::format("at most {} bytes", house_.options.header_max_bytes));
  } else if (ec == beast::http::error::bad_version) {
    response = problem(505, "Unsupported HTTP version", "HTTP/1.0 and HTTP/1.1 are understood");
  } else {
    response = problem(400, "Malformed request", ec.message());
  }
  auto status = response.status;
  bool written = co_await write(finish(request_, line_, std::move(response), true));
  if (house_.options.observe) house_.options.observe(nullptr, status, Duration{});
  co_return written ? Next::close_unread : Next::close;
}

net::awaitable<Connection::Received> Connection::read_body(Parser& parser, std::size_t max_bytes, BodyShare& share) {
  const auto& options = house_.options;
  auto started = steady_clock::now();
  auto& body = request_.body;
  while (!parser.is_done()) {
    auto old = body.size();
    body.resize(old + kPiece_bytes);
    auto& sink = parser.get().body();
    sink.data = body.data() + old;
    sink.size = kPiece_bytes;
    sink.more = true;
    auto earned = std::chrono::seconds(old / options.progress_min_bytes_per_second);
    stream_.expires_at(started + options.progress_deadline + earned);
    error_code ec;
    co_await beast::http::async_read_some(stream_, buffer_, parser, net::redirect_error(net::use_awaitable, ec));
    body.resize(old + kPiece_bytes - sink.size);
    if (ec && ec != beast::http::error::need_buffer) {
      bool malformed =
          is_http_error(ec) && ec != beast::http::error::partial_message && ec != beast::http::error::end_of_stream;
      if (!malformed) co_return Received{true, std::nullopt};
      co_return Received{false, problem(400, "Malformed body", ec.message())};
    }
    if (body.size() > max_bytes) co_return Received{false, too_large(max_bytes)};
    if (share.grow_to(body.size()) > options.bodies_max_bytes) {
      co_return Received{false, overloaded("too many bodies are on their way in")};
    }
  }
  co_return Received{};
}

net::awaitable<Response> Connection::run(const Route& route) {
  if (route.operation.run_on == RunOn::io_thread) co_return answer(route, request_);
  const bool of_peer = route.operation.run_on == RunOn::peers;
  auto& waiting = of_peer ? house_.peers_waiting : house_.waiting;
  if (++waiting > house_.options.waiting_max) {
    --waiting;
    co_return overloaded("too many requests wait for a worker");
  }
  auto work = [this, &route]() -> net::awaitable<Response> { co_return answer(route, request_); };
  auto& pool = of_peer ? house_.peers : house_.workers;
  auto response = co_await net::co_spawn(pool, work, net::use_awaitable);
  --waiting;
  co_return response;
}

net::awaitable<bool> Connection::write(Reply reply) {
  if (reply.stream) co_return co_await write_stream(reply);
  if (reply.body.size() <= kPiece_bytes) co_return co_await write_bytes(reply.head + reply.body);
  bool going = co_await write_bytes(reply.head);
  if (going) going = co_await write_bytes(reply.body);
  co_return going;
}

net::awaitable<bool> Connection::write_stream(Reply& reply) {
  bool going = co_await write_bytes(reply.head);
  bool more = true;
  while (going && more) {
    // One step on the pool: the next piece, framed. Nothing comes out of a failed step, nor the closing chunk after it.
    auto work = [this, &reply, &more]() -> net::awaitable<std::optional<std::string>> {
      co_return next_piece(reply, more);
    };
    auto piece = co_await net::co_spawn(house_.workers, work, net::use_awaitable);
    if (!piece) co_return false;
    if (!piece->empty()) going = co_await write_bytes(*piece);
  }
  co_return going;
}

std::optional<std::string> Connection::next_piece(Reply& reply, bool& more) const {
  std::string piece;
  try {
    auto outcome = reply.stream(piece);
    if (!outcome) {
      spdlog::error("request {}: the answer broke off: {}", request_.id, outcome.error().text());
      return std::nullopt;
    }
    more = *outcome;
  } catch (const std::exception& error) {
    spdlog::error("request {}: the answer broke off: {}", request_.id, error.what());
    return std::nullopt;
  }
  if (reply.gzip) {
    std::string packed;
    reply.gzip->write(piece, packed);
    if (!more) reply.gzip->finish(packed);
    piece = std::move(packed);
  }
  if (line_.http10) return piece;
  std::string framed;
  if (!piece.empty()) framed = fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
  if (!more) framed += "0\r\n\r\n";
  return framed;
}

net::awaitable<bool> Connection::write_bytes(std::string_view bytes) {
  error_code ec;
  while (!ec && !bytes.empty()) {
    auto piece = bytes.substr(0, 4 * kPiece_bytes);
    bytes.remove_prefix(piece.size());
    expires_after(house_.options.progress_deadline);
    co_await net::async_write(stream_, net::buffer(piece.data(), piece.size()),
                              net::redirect_error(net::use_awaitable, ec));
  }
  co_return !ec;
}

// Bytes that arrive at a closed socket make the kernel reset the connection, and the client may lose the answer it has
// not read yet: so they are read and dropped for a while.
net::awaitable<void> Connection::drain() {
  error_code ec;
  stream_.socket().shutdown(net::ip::tcp::socket::shutdown_send, ec);
  buffer_.clear();
  std::size_t dropped = 0;
  expires_after(kDrainDeadline);
  while (!ec && dropped < kDrainMax_bytes) {
    auto room = buffer_.prepare(kPiece_bytes);
    dropped += co_await stream_.async_read_some(room, net::redirect_error(net::use_awaitable, ec));
  }
}

}  // namespace echoloop::http
