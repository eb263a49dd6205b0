// A client for tests: writes bytes as they are, reads responses with Beast. Blocking, with a deadline on each read so
// that a test fails instead of hanging.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/buffers_iterator.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace echoloop::http {

struct Answer {
  int status = 0;
  std::string body;
  boost::beast::http::fields fields;
  bool close = false;
  std::string header(std::string_view name) const {
    auto value = fields[boost::beast::string_view{name.data(), name.size()}];
    return {value.data(), value.size()};
  }
};

class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(context_) {
    socket_.connect({boost::asio::ip::address_v4::loopback(), port});
    timeval limit{20, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }

  // False when the server has closed.
  bool send(std::string_view bytes) {
    boost::system::error_code ec;
    boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()), ec);
    return !ec;
  }

  // The next response; nothing when the connection ended before a whole one came. `head`: it answers a HEAD request.
  std::optional<Answer> receive(bool head = false) {
    namespace beast = boost::beast;
    beast::http::response_parser<beast::http::string_body> parser;
    parser.body_limit(std::numeric_limits<std::uint64_t>::max());
    parser.skip(head);
    boost::system::error_code ec;
    beast::http::read(socket_, buffer_, parser, ec);
    if (ec) return std::nullopt;
    Answer answer;
    answer.close = !parser.get().keep_alive();
    answer.status = parser.get().result_int();
    answer.body = parser.get().body();
    answer.fields = parser.get().base();
    return answer;
  }

  std::optional<Answer> ask(std::string_view bytes) {
    send(bytes);
    return receive();
  }

  // Whether the server closes the connection without another byte.
  bool ends() {
    boost::system::error_code ec;
    char byte = 0;
    if (buffer_.size() > 0) return false;
    socket_.read_some(boost::asio::buffer(&byte, 1), ec);
    return ec == boost::asio::error::eof || ec == boost::asio::error::connection_reset;
  }

  // Whether bytes, or the end, arrive within that time.
  bool readable_within(int ms) {
    pollfd wanted{socket_.native_handle(), POLLIN, 0};
    return ::poll(&wanted, 1, ms) == 1;
  }

  void shut_sending() { socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send); }

 private:
  boost::asio::io_context context_;
  boost::asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
};

inline std::string get(std::string_view target, std::string_view headers = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n" + std::string(headers) + "\r\n";
}

inline std::string post(std::string_view target, std::string_view type, std::string_view body,
                        std::string_view headers = "") {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: test\r\nContent-Type: " + std::string(type) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(headers) + "\r\n" +
         std::string(body);
}

}  // namespace echoloop::http
