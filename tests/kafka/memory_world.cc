#include "pipeline/kafka/client.h"
#include "tests/kafka/memory_cluster.h"
#include "tests/kafka/world.h"

namespace echoloop::kafka_tests {
namespace {

constexpr const char* kGhost = "ghost";
constexpr int kGhost_polls = 5;  // of others, until it is over

class MemoryWorld final : public World {
 public:
  std::unique_ptr<kafka::Brokers> connect(const std::string& worker) override {
    return *cluster_.connect(worker, std::make_shared<Watch>(*this));
  }
  void append(stage::Topic topic, int partition, const std::string& key, const std::string& value) override {
    cluster_.append(topic, partition, stage::Kind::event, key, value, from_ms(1));
  }
  void leave_pending(stage::Partition partition, std::int64_t next_offset, const std::string& value) override {
    cluster_.leave_pending(kGhost, {{partition, next_offset}, 7}, value);
    ghost_polls_ = kGhost_polls;
  }
  void forget(const std::string& worker) override { cluster_.session_over(worker); }

 private:
  class Watch final : public Line {
   public:
    explicit Watch(MemoryWorld& world) : world_(world) {}
    Result<void> pass(std::string_view step, bool done) override {
      if (step == "poll" && done && world_.ghost_polls_ > 0 && --world_.ghost_polls_ == 0)
        world_.cluster_.transaction_over(kGhost);
      return {};
    }

   private:
    MemoryWorld& world_;
  };

  MemoryCluster cluster_{kPartitions};
  int ghost_polls_ = 0;
};

}  // namespace

std::unique_ptr<World> memory_world() { return std::make_unique<MemoryWorld>(); }

}  // namespace echoloop::kafka_tests
