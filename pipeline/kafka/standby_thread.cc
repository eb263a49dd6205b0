#include "pipeline/kafka/standby_thread.h"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

#include "pipeline/kafka/standby_plan.h"

namespace echoloop::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLook_every{3};
constexpr Duration kStep{200}, kTry_again{1'000};

}  // namespace

Result<std::unique_ptr<StandbyThread>> StandbyThread::begin(Standby& standby, const MemberOptions& options,
                                                            int partitions) {
  std::unique_ptr<StandbyThread> out{new StandbyThread(standby, options, partitions)};
  auto client = make_client(RD_KAFKA_PRODUCER, common_properties(options));
  if (!client) return tl::make_unexpected(client.error());
  out->client_ = std::move(*client);
  out->thread_ = std::thread([self = out.get()] { self->run(); });
  return out;
}

StandbyThread::~StandbyThread() {
  {
    std::lock_guard hold{mutex_};
    stopping_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void StandbyThread::wait(Duration time) {
  std::unique_lock lock{mutex_};
  stopped_.wait_for(lock, time, [this] { return stopping_; });
}

void StandbyThread::run() {
  SteadyClock::time_point looked{};
  for (;;) {
    {
      std::lock_guard hold{mutex_};
      if (stopping_) return;
    }
    Result<void> done;
    if (SteadyClock::now() - looked > kLook_every) {
      done = look();
      looked = SteadyClock::now();
    }
    if (done) done = standby_.step(wanted_, kStep);
    const std::string complaint = done ? "" : done.error().text();
    if (complaint != std::exchange(complaint_, complaint) && !done)
      spdlog::warn("copies of other shards: {}; tried again", complaint);
    if (!done) wait(kTry_again);
    if (done && standby_.copies().shards == 0) wait(kStep);
  }
}

Result<void> StandbyThread::look() {
  auto workers = ask_for_workers(client_.get(), group_);
  if (!workers) return tl::make_unexpected(workers.error());
  auto wanted = shards_to_follow(member_, *workers, partitions_);
  if (wanted != wanted_) spdlog::info("copies are kept of shards {} of other members", wanted);
  wanted_ = std::move(wanted);
  return standby_.look();
}

}  // namespace echoloop::kafka
