// Both ends for ./dev bench intake: an echo on the server library that echoloop uses, and a client.
//
//     bench_http_load echo                                          prints its port; ends with its standard input
//     bench_http_load post HOST:PORT PATH FILE BATCH CONNECTIONS SECONDS
//
// The client sends the file's lines in batches over kept connections, one thread each, and begins anew at the end of
// the file, for so many seconds. It prints one JSON line: events, requests, seconds, answers by status, and the time of
// a request in ms (median, 99th percentile, maximum).
#include <fmt/format.h>

#include <utility>  // Boost 1.74 forgets it

#include <algorithm>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "pipeline/http/server.h"
#include "schemas/codec.h"

namespace {

using namespace echoloop;
namespace asio = boost::asio;
namespace beast = boost::beast;
using Clock = std::chrono::steady_clock;

int echo() {
  http::Router router;
  http::Operation operation;
  operation.method = "POST";
  operation.path = "/echo";
  operation.body_types = {"*/*"};
  router.add(operation, [](const http::Request& request) {
    http::Response response;
    response.status = 202;
    response.body = fmt::format("{{\"bytes\":{}}}", request.body.size());
    return response;
  });
  http::ServerOptions options;
  options.listen = "127.0.0.1:0";
  auto server = http::Server::start(std::move(options), std::move(router));
  if (!server) {
    std::cerr << server.error().text() << '\n';
    return 1;
  }
  std::cout << (*server)->port() << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  return 0;
}

struct Seen {
  std::uint64_t events = 0;
  std::map<unsigned, std::uint64_t> statuses;
  std::vector<double> took_ms;
};

struct Batch {
  std::string body;
  std::uint64_t events = 0;
};

std::vector<Batch> batches_of(const std::string& path, std::uint64_t size) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  std::vector<Batch> out;
  for_each_line(text.view(), [&](std::size_t, std::string_view line) {
    if (out.empty() || out.back().events == size) out.emplace_back();
    out.back().body.append(line).push_back('\n');
    ++out.back().events;
  });
  return out;
}

Seen send(const std::string& host, const std::string& port, const std::string& path, const std::vector<Batch>& batches,
          std::atomic<std::size_t>& next, Clock::time_point end) {
  Seen seen;
  asio::io_context io;
  asio::ip::tcp::socket socket{io};
  asio::connect(socket, asio::ip::tcp::resolver{io}.resolve(host, port));
  socket.set_option(asio::ip::tcp::no_delay{true});
  beast::flat_buffer buffer;
  while (Clock::now() < end) {
    const Batch& batch = batches[next++ % batches.size()];
    beast::http::request<beast::http::string_body> request{beast::http::verb::post, path, 11};
    request.set(beast::http::field::host, host);
    request.set(beast::http::field::content_type, "application/x-ndjson");
    request.body() = batch.body;
    request.prepare_payload();
    const auto begin = Clock::now();
    beast::http::write(socket, request);
    beast::http::response<beast::http::string_body> response;
    beast::http::read(socket, buffer, response);
    seen.took_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    ++seen.statuses[response.result_int()];
    if (response.result_int() == 202) {
      seen.events += batch.events;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds{20});  // it was told to wait
    }
  }
  return seen;
}

int post(char** argument) {
  const std::string address = argument[0], path = argument[1];
  const std::string host = address.substr(0, address.rfind(':')), port = address.substr(address.rfind(':') + 1);
  const auto batches = batches_of(argument[2], std::stoull(argument[3]));
  const int connections = std::stoi(argument[4]);
  const double seconds = std::stod(argument[5]);
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  Seen all;
  std::vector<std::thread> threads;
  for (int i = 0; i < connections; ++i) {
    threads.emplace_back([&] {
      Seen own = send(host, port, path, batches, next, end);
      std::lock_guard lock{mutex};
      all.events += own.events;
      for (const auto& [status, n] : own.statuses) all.statuses[status] += n;
      all.took_ms.insert(all.took_ms.end(), own.took_ms.begin(), own.took_ms.end());
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();
  std::sort(all.took_ms.begin(), all.took_ms.end());
  const auto at = [&](double share) {
    return all.took_ms.empty()
               ? 0.0
               : all.took_ms[static_cast<std::size_t>(share * static_cast<double>(all.took_ms.size() - 1))];
  };
  std::string statuses;
  for (const auto& [status, n] : all.statuses)
    statuses += fmt::format("{}\"{}\":{}", statuses.empty() ? "" : ",", status, n);
  fmt::print(
      "{{\"events\":{},\"requests\":{},\"seconds\":{:.3f},\"statuses\":{{{}}},\"ms\":{{\"p50\":{:.3f},\"p99\":{:.3f},"
      "\"max\":{:.3f}}}}}\n",
      all.events, all.took_ms.size(), took, statuses, at(0.5), at(0.99), at(1));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 2 && std::string_view(argv[1]) == "echo") return echo();
    if (argc == 8 && std::string_view(argv[1]) == "post") return post(argv + 2);
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << '\n';
    return 1;
  }
  std::cerr << "bench_http_load echo | post HOST:PORT PATH FILE BATCH CONNECTIONS SECONDS\n";
  return 2;
}
