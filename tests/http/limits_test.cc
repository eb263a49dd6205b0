#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "pipeline/http/gzip.h"
#include "tests/http/house.h"

namespace echoloop::http {
namespace {

TEST(ServerLimits, MalformedRequestsGet400AndTheEnd) {
  Gate gate;
  auto server = open_house(gate);
  for (std::string_view wrong : {
           "GARBAGE\r\n\r\n",
           "GET /live\r\n\r\n",
           "GET  /live HTTP/1.1\r\nHost: t\r\n\r\n",
           "GET /live HTTP/1.1\r\nHost t\r\n\r\n",
           "GET /live HTTP/1.1\r\nHost: t\r\n folded: x\r\nBad Name: y\r\n\r\n",
           "GET /live HTTP/1.1\r\n\r\n",
           "GET /live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
           "POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n",
           "POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
           "POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "POST /body HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
       }) {
    Client client(server->port());
    auto answer = client.ask(wrong);
    ASSERT_TRUE(answer) << wrong;
    EXPECT_EQ(answer->status, 400) << wrong;
    EXPECT_EQ(answer->header("Content-Type"), "application/problem+json") << wrong;
    EXPECT_EQ(answer->header("X-Request-Id").size(), 32u) << wrong;
    EXPECT_TRUE(client.ends()) << wrong;
  }
  Client client(server->port());
  EXPECT_EQ(client.ask(get("/live")).value().status, 200);
}

TEST(ServerLimits, WhatItDoesNotSpeakItSays) {
  Gate gate;
  auto server = open_house(gate);
  EXPECT_EQ(Client(server->port()).ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").value().status, 505);
  // A body whose end proxies may see elsewhere.
  for (auto coding : {"gzip, chunked", "identity", "xchunked"}) {
    Client client(server->port());
    auto request = "POST /body HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: " + std::string(coding) + "\r\n\r\n0\r\n\r\n" +
                   get("/live");
    EXPECT_EQ(client.ask(request).value().status, 501) << coding;
    EXPECT_TRUE(client.ends()) << coding;
  }
}

TEST(ServerLimits, LargeHeadersGet431) {
  Gate gate;
  auto server = open_house(gate);
  Client client(server->port());
  auto answer = client.ask(get("/live", "X-Large: " + std::string(20'000, 'x') + "\r\n"));
  EXPECT_EQ(answer.value().status, 431);
  EXPECT_EQ(Client(server->port()).ask(get("/" + std::string(100'000, 'x'))).value().status, 431);
  EXPECT_EQ(Client(server->port()).ask(get("/live", "X-Large: " + std::string(15'000, 'x') + "\r\n")).value().status,
            200);
}

TEST(ServerLimits, LargeBodiesGet413EvenWhileTheySend) {
  Gate gate;
  auto server = open_house(gate);
  std::string fits(kTestBodyMax_bytes, 'x');
  EXPECT_TRUE(Client(server->port()).ask(post("/body", "text/plain", fits)).value().body == fits);
  Client client(server->port());
  auto answer = client.ask(post("/body", "text/plain", fits + "x"));
  EXPECT_EQ(answer.value().status, 413);
  EXPECT_TRUE(client.ends());

  Client chunked(server->port());
  chunked.send("POST /body HTTP/1.1\r\nHost: t\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 40; ++i) chunked.send(chunk);
  EXPECT_EQ(chunked.receive().value().status, 413);
}

TEST(ServerLimits, AGzipBombIsStoppedAtTheLimit) {
  Gate gate;
  auto server = open_house(gate);
  auto bomb = gzip(std::string(200u << 20, '\0'));
  ASSERT_LT(bomb.size(), kTestBodyMax_bytes);
  Client client(server->port());
  EXPECT_EQ(client.ask(post("/body", "text/plain", bomb, "Content-Encoding: gzip\r\n")).value().status, 413);
  EXPECT_EQ(client.ask(get("/live")).value().status, 200);
}

TEST(ServerLimits, RefusedSmallBodiesKeepTheConnection) {
  Gate gate;
  auto server = open_house(gate);
  Client client(server->port());
  auto answer = client.ask(post("/nothing", "text/plain", "a body nobody reads"));
  EXPECT_EQ(answer.value().status, 404);
  EXPECT_EQ(client.ask(get("/live")).value().status, 200);
}

TEST(ServerLimits, RequestsAboveTheQueueGet503WhileLivezAnswers) {
  Gate gate;
  ServerOptions options;
  options.workers = 2;
  options.waiting_max = 3;
  auto server = open_house(gate, std::move(options));
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(server->port()));
    clients.back()->send(get("/gate"));
  }
  ASSERT_TRUE(await([&] { return server->stats().waiting == 3; }));
  Client late(server->port());
  auto answer = late.ask(get("/echo/x"));
  EXPECT_EQ(answer.value().status, 503);
  EXPECT_EQ(answer.value().header("Retry-After"), "1");
  EXPECT_EQ(late.ask(get("/live")).value().status, 200);  // on the same connection, and past the busy workers
  gate.open();
  for (auto& client : clients) EXPECT_EQ(client->receive().value().status, 200);
  EXPECT_EQ(late.ask(get("/echo/x")).value().status, 200);
}

TEST(ServerLimits, ConnectionsAboveTheirLimitAreTurnedAway) {
  Gate gate;
  ServerOptions options;
  options.connections_max = 2;
  auto server = open_house(gate, std::move(options));
  Client first(server->port()), second(server->port());
  ASSERT_EQ(first.ask(get("/live")).value().status, 200);
  ASSERT_EQ(second.ask(get("/live")).value().status, 200);
  Client third(server->port());
  EXPECT_EQ(third.receive().value().status, 503);
  EXPECT_EQ(server->stats().connections_refused, 1u);
  EXPECT_EQ(first.ask(get("/live")).value().status, 200);
}

TEST(ServerLimits, BodiesTogetherStayBelowTheirBound) {
  Gate gate;
  ServerOptions options;
  options.bodies_max_bytes = 300'000;
  auto server = open_house(gate, std::move(options));
  Client holder(server->port());
  auto request = post("/body", "text/plain", std::string(250'000, 'x'));
  holder.send(std::string_view{request}.substr(0, 240'000));
  // All of it: what the server reads of the holder later could be what passes the bound.
  const std::size_t held = 240'000 - (request.find("\r\n\r\n") + 4);
  ASSERT_TRUE(await([&] { return server->stats().body_bytes == held; }));
  Client late(server->port());
  EXPECT_EQ(late.ask(post("/body", "text/plain", std::string(250'000, 'y'))).value().status, 503);
  holder.send(std::string_view{request}.substr(240'000));
  EXPECT_EQ(holder.receive().value().status, 200);
  Client again(server->port());
  EXPECT_EQ(again.ask(post("/body", "text/plain", std::string(250'000, 'y'))).value().status, 200);
}

TEST(ServerLimits, SlowHeadsAndBodiesAndIdleClientsAreLetGo) {
  Gate gate;
  ServerOptions options;
  options.header_deadline = Duration{150};
  options.idle_deadline = Duration{150};
  options.progress_deadline = Duration{150};
  auto server = open_house(gate, std::move(options));
  Client idle(server->port());
  EXPECT_TRUE(idle.ends());
  Client half(server->port());
  half.send("GET /live HTTP/1.1\r\nHo");
  EXPECT_TRUE(half.ends());
  Client body(server->port());
  body.send("POST /body HTTP/1.1\r\nHost: t\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_TRUE(body.ends());
  // Trickling does not help a head: the deadline is the whole head's.
  Client trickle(server->port());
  for (int i = 0; i < 1000 && !trickle.readable_within(10); ++i) trickle.send("x");
  EXPECT_TRUE(trickle.ends());
}

TEST(ServerLimits, AClientThatLeavesInTheMiddleHurtsNobody) {
  Gate gate;
  auto server = open_house(gate);
  for (int i = 0; i < 50; ++i) {
    Client client(server->port());
    client.send(i % 2 ? "POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nabc" : get("/big"));
  }
  Client client(server->port());
  EXPECT_EQ(client.ask(get("/live")).value().status, 200);
  ASSERT_TRUE(await([&] { return server->stats().connections <= 1; }));
  EXPECT_EQ(server->stats().waiting, 0u);
  EXPECT_EQ(server->stats().body_bytes, 0u);
}

TEST(ServerLimits, ManyClientsAtOnceEachGetTheirOwnAnswers) {
  Gate gate;
  std::atomic<int> observed{0};
  ServerOptions options;
  options.observe = [&observed](const Operation* operation, int status, Duration) {
    observed += operation && status == 200;
  };
  auto server = open_house(gate, std::move(options));
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        Client client(server->port());
        for (int i = 0; i < 100; ++i) {
          auto body = "client " + std::to_string(t) + " says " + std::to_string(i) +
                      std::string(static_cast<std::size_t>(i) * 100, '.');
          auto answer = client.ask(post("/body", "text/plain", body));
          right += answer && answer->body == body;
        }
      });
    }
  }
  EXPECT_EQ(right, 800);
  server->stop(Duration{10'000});
  EXPECT_EQ(observed, 800);
}

TEST(ServerStop, RunningRequestsFinishAndIdleConnectionsClose) {
  Gate gate;
  auto server = open_house(gate);
  Client idle(server->port()), busy(server->port());
  ASSERT_EQ(idle.ask(get("/live")).value().status, 200);
  busy.send(get("/gate"));
  gate.await_waiting(1);
  std::jthread stopper([&] { server->stop(Duration{20'000}); });
  EXPECT_TRUE(idle.ends());
  gate.open();
  auto answer = busy.receive();
  EXPECT_EQ(answer.value().status, 200);
  EXPECT_TRUE(answer.value().close);
  stopper.join();
  EXPECT_THROW(Client{server->port()}, boost::system::system_error);
}

TEST(ServerStop, CutsAtItsLimitWhatWillNotEnd) {
  Gate gate;
  auto server = open_house(gate);
  Client slow(server->port());
  slow.send("POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nabc");
  ASSERT_TRUE(await([&] { return server->stats().body_bytes > 0; }));
  server->stop(Duration{50});
  EXPECT_TRUE(slow.ends());
}

}  // namespace
}  // namespace echoloop::http
