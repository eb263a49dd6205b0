// One shard of one stage: its processor, and the rows that it changed in this epoch over the committed ones.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/hash.h"
#include "pipeline/engine/changes.h"
#include "pipeline/stage/link.h"
#include "pipeline/stage/processor.h"

namespace echoloop::engine {

// Used by one worker thread at a time.
class Shard final : public stage::Context {
 public:
  // `partitions`: of the topics, as the link has them.
  Shard(const stage::StageSpec& spec, int number, int partitions, const stage::View& committed);

  // Runs the records of one slice. Throws stage::BrokenWorld when reading rows fails.
  void process(const stage::Slice& slice);
  // Ends the epoch: the processor writes what it holds back, then everything this shard did is added to `epoch`.
  void end_epoch(stage::Epoch& epoch);
  // Whether this shard has something to commit. resume() counts what go_on() asked for.
  bool touched() const { return touched_; }
  bool wants_more() const { return wants_more_; }
  void resume() { touched_ = std::exchange(wants_more_, false) || touched_; }
  bool hurried() const { return hurried_; }

  Time now() const override { return now_; }
  int shard() const override { return number_; }
  bool belongs(std::string_view key) const override {
    return partitions_ == 0 || partition_of(key, partitions_) == number_;
  }
  std::optional<std::string> get(stage::Table table, std::string_view key) override;
  void put(stage::Table table, std::string_view key, std::string value) override;
  void erase(stage::Table table, std::string_view key) override;
  void scan(stage::Table table, std::string_view from, std::string_view to, const stage::RowVisitor& visit) override;
  void emit(stage::Topic topic, stage::Kind kind, std::string key, std::string value) override;
  void hurry() override { hurried_ = true; }
  void go_on() override { wants_more_ = true; }
  void count(std::string_view name, std::int64_t by) override;

 private:
  void write_counters();
  void load_now();

  const stage::StageSpec* spec_;
  int number_, partitions_;
  const stage::View* committed_;
  std::unique_ptr<stage::Processor> processor_;

  std::map<stage::Table, Changes> changes_;
  std::map<std::string, std::int64_t, std::less<>> counts_;
  std::vector<stage::Output> outputs_;
  std::map<stage::Topic, std::int64_t> next_offsets_;  // of the topics that it has read records of
  Time now_{};
  bool touched_ = false;
  bool hurried_ = false;
  bool wants_more_ = false;
};

}  // namespace echoloop::engine
