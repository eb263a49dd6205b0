// Keeps a member's copies of shards of others up to date, beside its workers.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "pipeline/kafka/member.h"
#include "pipeline/kafka/standby.h"

namespace echoloop::kafka {

class StandbyThread {
 public:
  // Error (configuration): a property that librdkafka does not take.
  static Result<std::unique_ptr<StandbyThread>> begin(Standby& standby, const MemberOptions& options, int partitions);
  ~StandbyThread();

 private:
  StandbyThread(Standby& standby, const MemberOptions& options, int partitions)
      : standby_(standby), group_(options.group), member_(member_name(options)), partitions_(partitions) {}
  void run();
  Result<void> look();
  void wait(Duration time);

  Standby& standby_;
  const std::string group_, member_;
  const int partitions_;
  ClientPtr client_;
  std::set<int> wanted_;
  std::string complaint_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace echoloop::kafka
