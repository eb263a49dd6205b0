#include <gtest/gtest.h>

#include <atomic>

#include "pipeline/kafka/kafka_brokers.h"
#include "pipeline/kafka/records.h"
#include "tests/kafka/world.h"

namespace echoloop::kafka_tests {
namespace {

using namespace kafka;

constexpr int kPatience_ms = 30'000;
constexpr const char* kGhost_lives_ms = "2000";

class RealWorld final : public World {
 public:
  explicit RealWorld(const std::string& brokers) {
    static std::atomic<int> number{0};
    const std::string name = fmt::format("contract-{}-{}.", ::getpid(), number++);
    options_.brokers = brokers;
    options_.topics.prefix = name;
    options_.topics.partitions = kPartitions;
    options_.group = name + "group";
    options_.session_timeout = Duration{6'000};
    auto client = make_client(RD_KAFKA_PRODUCER, common_properties(options_));
    EXPECT_TRUE(client) << client.error().text();
    outsider_ = std::move(*client);
    auto made = make_topics(outsider_.get(), options_.topics);
    EXPECT_TRUE(made) << made.error().text();
  }

  std::unique_ptr<Brokers> connect(const std::string& worker) override {
    MemberOptions options = options_;
    options.name = worker;
    auto brokers = kafka::connect(options, 0);
    EXPECT_TRUE(brokers) << brokers.error().text();
    return std::move(*brokers);
  }

  void append(stage::Topic topic, int partition, const std::string& key, const std::string& value) override {
    const std::string name = topic_name(options_.topics, topic);
    Message message;
    message.topic = name.c_str();
    message.partition = partition;
    message.key = key;
    message.value = value;
    EXPECT_EQ(produce(outsider_.get(), message), RD_KAFKA_RESP_ERR_NO_ERROR);
    EXPECT_EQ(rd_kafka_flush(outsider_.get(), kPatience_ms), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  void leave_pending(stage::Partition partition, std::int64_t next_offset, const std::string& value) override {
    Properties properties = common_properties(options_);
    properties.emplace_back("transactional.id", options_.topics.prefix + "ghost");
    properties.emplace_back("transaction.timeout.ms", kGhost_lives_ms);
    auto made = make_client(RD_KAFKA_PRODUCER, properties);
    ASSERT_TRUE(made) << made.error().text();
    ClientPtr ghost = std::move(*made);
    ASSERT_FALSE(ErrorPtr{rd_kafka_init_transactions(ghost.get(), kPatience_ms)});
    ASSERT_FALSE(ErrorPtr{rd_kafka_begin_transaction(ghost.get())});
    const std::string topic = topic_name(options_.topics, partition.topic);
    Message message;
    message.topic = topic.c_str();
    message.partition = partition.number;
    message.value = value;
    ASSERT_EQ(produce(ghost.get(), message), RD_KAFKA_RESP_ERR_NO_ERROR);
    ASSERT_EQ(rd_kafka_flush(ghost.get(), kPatience_ms), RD_KAFKA_RESP_ERR_NO_ERROR);
    const PartitionsPtr list{rd_kafka_topic_partition_list_new(1)};
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition.number)->offset = next_offset;
    const GroupPtr group{rd_kafka_consumer_group_metadata_new(options_.group.c_str())};
    ASSERT_FALSE(ErrorPtr{rd_kafka_send_offsets_to_transaction(ghost.get(), list.get(), group.get(), kPatience_ms)});
    ghost.reset();  // without an end of its transaction: the broker ends it when its time is over
  }

  void forget(const std::string&) override {}  // time does it

 private:
  MemberOptions options_;
  ClientPtr outsider_;
};

}  // namespace

std::unique_ptr<World> real_world(const std::string& brokers) { return std::make_unique<RealWorld>(brokers); }

}  // namespace echoloop::kafka_tests
