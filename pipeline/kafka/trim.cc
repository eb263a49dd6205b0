#include "pipeline/kafka/trim.h"

#include <spdlog/spdlog.h>

namespace echoloop::kafka {
namespace {

constexpr std::chrono::seconds kEvery{5};  // a small state has many turns a second

using DeletePtr = std::unique_ptr<rd_kafka_DeleteRecords_t, Ends<rd_kafka_DeleteRecords_destroy>>;

}  // namespace

Result<std::unique_ptr<Trim>> Trim::open(const MemberOptions& options) {
  std::unique_ptr<Trim> out{new Trim(changelog_name(options.topics))};
  auto client = make_client(RD_KAFKA_PRODUCER, common_properties(options));
  if (!client) return tl::make_unexpected(client.error());
  out->client_ = std::move(*client);
  out->answers_.reset(rd_kafka_queue_new(out->client_.get()));
  return out;
}

void Trim::before(int shard, std::int64_t offset) {
  hear();
  Done& done = done_[shard];
  const auto now = std::chrono::steady_clock::now();
  if (offset <= done.offset || now - done.at < kEvery) return;
  done = {offset, now};
  const PartitionsPtr list{rd_kafka_topic_partition_list_new(1)};
  rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), shard)->offset = offset;
  const DeletePtr request{rd_kafka_DeleteRecords_new(list.get())};
  rd_kafka_DeleteRecords_t* requests[] = {request.get()};
  rd_kafka_DeleteRecords(client_.get(), requests, 1, nullptr, answers_.get());
}

void Trim::hear() {
  while (const EventPtr event{rd_kafka_queue_poll(answers_.get(), 0)}) {
    if (const auto code = rd_kafka_event_error(event.get())) {
      spdlog::warn("kafka: {} is not trimmed: {}", topic_, rd_kafka_err2str(code));
      continue;
    }
    const auto* list = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
    for (int i = 0; i < list->cnt; ++i) {
      if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
        spdlog::warn("kafka: {} {} is not trimmed: {}", topic_, list->elems[i].partition,
                     rd_kafka_err2str(list->elems[i].err));
    }
  }
}

}  // namespace echoloop::kafka
