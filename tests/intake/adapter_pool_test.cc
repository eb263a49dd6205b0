#include "pipeline/intake/adapter_pool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/intake/adapter_folder.h"

namespace echoloop {
namespace {

TEST(AdapterPool, ServesManyThreadsEachWithItsTenant) {
  AdapterPool pool(kAdapter_folder);
  const std::string document =
      R"({"headers":{},"body":{"event":"conversation_status_changed","id":9,"status":"resolved","timestamp":1772540000}})";
  std::vector<std::thread> threads;
  std::vector<int> good(4);
  for (std::size_t t = 0; t < good.size(); ++t) {
    threads.emplace_back([&, t] {
      std::string tenant = "tenant-" + std::to_string(t % 2);
      for (int i = 0; i < 20; ++i) {
        Result<std::vector<AdapterOutput>> outputs = pool.run("chatwoot", tenant, document);
        if (i == 10) pool.clear();
        if (outputs && outputs->at(0).event.find("\"tenant\":\"" + tenant + "\"") != std::string::npos) ++good[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, std::vector<int>(4, 20));
  EXPECT_FALSE(pool.run("nothing", "t", "{}"));
}

TEST(AdapterPool, AProgramThatDoesNotEndLeavesAWorkerToOthers) {
  const auto folder = std::filesystem::path(testing::TempDir()) / ("echoloop-pool-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "looping.jq") << "[range(infinite)] | length";
  std::ofstream(folder / "plain.jq") << R"({type: "t"})";
  AdapterPool pool(folder.string());
  EXPECT_EQ(pool.run("looping", "t", "1").error().fault, Fault::bad_input);  // from now on it is known to be slow
  std::atomic<int> bad{0}, later{0}, running{16};
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      auto outputs = pool.run("looping", "t", "1");
      ++(!outputs && outputs.error().fault == Fault::world ? later : bad);
      --running;
    });
  }
  int good = 0;
  while (running > 0) good += pool.run("plain", "t", "1").has_value() ? 1 : -1'000'000;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bad + later, 16);
  EXPECT_GE(later, 8);  // all but those that came while fewer than three ran
  EXPECT_GT(good, 0);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace echoloop
