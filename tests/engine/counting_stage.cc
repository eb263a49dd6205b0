#include "tests/engine/counting_stage.h"

#include "pipeline/base/bytes.h"

namespace echoloop::engine_tests {
namespace {

using stage::Table;

std::int64_t number(const std::optional<std::string>& bytes) { return bytes ? std::stoll(*bytes) : 0; }

class Count final : public stage::Processor {
 public:
  explicit Count(Diary& diary) : diary_(diary) { ++diary_.made; }

  void begin(stage::Context& context) override {
    ++diary_.begun;
    if (number(context.get(Table::counting, "more")) > 0) context.go_on();
  }

  void process(const stage::Record& record, stage::Context& context) override {
    ++diary_.processed;
    context.count("records");
    ++sums_[std::string{record.key}];
    if (record.value == "hurry") context.hurry();
    if (record.value.starts_with("more ")) context.put(Table::counting, "more", std::string{record.value.substr(5)});
    if (record.value.starts_with("look ")) context.get(Table::sessions, record.value.substr(5));
  }

  void end_epoch(stage::Context& context) override {
    ++diary_.epochs;
    for (const auto& [key, by] : sums_) {
      const std::int64_t sum = number(context.get(Table::sessions, key)) + by;
      context.put(Table::sessions, key, std::to_string(sum));
      context.emit(stage::Topic::deltas, stage::Kind::delta, key, std::to_string(sum));
    }
    sums_.clear();
    const std::int64_t more = number(context.get(Table::counting, "more"));
    if (more == 0) return;
    context.put(Table::counting, "more", std::to_string(more - 1));
    context.count("rounds");
    if (more > 1) context.go_on();
  }

 private:
  Diary& diary_;
  std::map<std::string, std::int64_t> sums_;
};

class Keep final : public stage::Processor {
 public:
  void process(const stage::Record& record, stage::Context& context) override {
    context.put(Table::cube, record.key, std::string{record.value});
  }
};

std::map<std::string, std::int64_t> rows(const memory::MemoryHouse& house, Table table) {
  std::map<std::string, std::int64_t> out;
  for (int shard = 0; shard < house.partitions(); ++shard) {
    (void)house.view().scan(table, shard, "", "", [&](std::string_view key, std::string_view value) {
      out[std::string{key}] += std::stoll(std::string{value});
      return true;
    });
  }
  return out;
}

}  // namespace

std::vector<stage::StageSpec> counting_stages(Diary& diary) {
  return {{"count", {stage::Topic::events}, [&diary](int) { return std::make_unique<Count>(diary); }},
          {"keep", {stage::Topic::deltas}, [](int) { return std::make_unique<Keep>(); }}};
}

std::map<std::string, std::int64_t> counted(const memory::MemoryHouse& house) { return rows(house, Table::sessions); }
std::map<std::string, std::int64_t> told(const memory::MemoryHouse& house) { return rows(house, Table::cube); }

std::int64_t counter(const memory::MemoryHouse& house, const std::string& name) {
  std::int64_t sum = 0;
  for (int shard = 0; shard < house.partitions(); ++shard) {
    auto row = house.view().get(Table::counters, shard, name);
    if (row && *row) sum += Reader{**row}.signed_varint();
  }
  return sum;
}

}  // namespace echoloop::engine_tests
