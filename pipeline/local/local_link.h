// echoloop on one machine without a broker: a data folder with the event log, the store, and the topics between the
// stages as rows of that store. The links of its workers are the engine's only way in.
//
//   DATA/lock   held by the one process that has the folder open; its process id stands in it
//   DATA/log/   EventLog
//   DATA/store/ RocksStore: state rows, input positions, and the outbox
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/local/event_log.h"
#include "pipeline/stage/link.h"
#include "pipeline/store/rocks_store.h"

namespace echoloop::local {

struct HouseOptions {
  std::optional<int> partitions;  // of every topic (= shards of every stage); nothing: what the folder has,
                                  // kPartitions_default for a new one
  store::StoreOptions store;
  LogOptions log;  // its partitions and on_durable are the house's
  std::optional<Duration>
      event_retention{};  // stage time for which processed records stay in the log; nothing: for ever
  std::size_t queued_bytes_max = std::size_t{64} << 20;  // of deltas and cases; above it no events are handed out
  Duration deltas_wait{
      1000};  // so long at most deltas gather while there are events, and up to a quarter of that queue
};

class LocalHouse {
 public:
  // Errors (world): "data folder … is in use by process PID"; damage, as EventLog and RocksStore tell it;
  // (configuration): other partitions.
  static Result<std::unique_ptr<LocalHouse>> open(const std::filesystem::path& folder, const HouseOptions& options);
  ~LocalHouse();  // after its links

  // Partitions of the data folder, without opening it. Error (world): there is none.
  static Result<int> partitions_of(const std::filesystem::path& folder);

  int partitions() const;
  // Durable events that the stages have not processed yet.
  std::int64_t backlog() const;
  // Everything durable has been processed to the end, through all stages.
  bool settled() const;
  // Intake appends here. Any thread.
  EventLog& log();
  // Committed rows of all shards. Any thread.
  const store::RocksStore& store() const;
  // What opening had to repair, a sentence each; empty after a clean stop or an ordinary crash.
  const std::vector<std::string>& repairs() const;

  // The end of worker w of W: it holds the partitions p of events, deltas and cases with p mod W = w. At most one link
  // per worker at a time; made anew it begins at the committed positions.
  std::unique_ptr<stage::Link> link(int worker, int workers);

  // For readers beside the stages (delivery reads tasks): records from that offset on. Any thread.
  Result<stage::Slice> read_topic(stage::Topic topic, int partition, std::int64_t from_offset,
                                  const stage::PollLimits& limits) const;
  // Offset of the next record of a topic that stages write. Any thread.
  std::int64_t topic_end(stage::Topic topic, int partition) const;
  // Rows of those readers, such as delivery's positions: one batch. Any thread.
  Result<void> write(const std::vector<stage::Row>& rows);
  // Called after each commit, from the thread that committed; must not commit itself. Any thread may add one.
  void on_commit(std::function<void()> listener);

 private:
  friend class LocalLink;
  struct State;
  explicit LocalHouse(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace echoloop::local
