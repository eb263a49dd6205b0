// The door's way into topic events on Kafka: an idempotent producer. Records of one call may be written in part when
// the broker goes away meanwhile; appending them again is harmless.
#pragma once

#include <memory>

#include "pipeline/kafka/member.h"
#include "pipeline/stage/appender.h"

namespace echoloop::kafka {

class KafkaAppender final : public stage::Appender {
 public:
  // Error (configuration): a property that librdkafka does not take.
  static Result<std::unique_ptr<KafkaAppender>> open(const MemberOptions& options, int partitions);
  ~KafkaAppender() override;

  int partitions() const override { return partitions_; }
  Result<stage::Appended> append(std::span<const stage::Append> records) override;

 private:
  KafkaAppender(const MemberOptions& options, int partitions);

  struct Serving;  // the thread that hears of deliveries
  MemberOptions options_;
  const int partitions_;
  const std::string topic_;
  ClientPtr producer_;
  std::unique_ptr<Serving> serving_;
};

}  // namespace echoloop::kafka
