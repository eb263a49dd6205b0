// The stage SESSIONS alone against decoding the same events: no log, no disk, one thread.
//
//     ./dev bench sessions [FILE.ndjson]      without a file: the built-in sample
//
// Every event is taken by one shard, epoch by epoch, over rows in memory; what the stage emits is counted and dropped.
#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <iostream>
#include <map>
#include <memory>

#include "bench/input.h"
#include "bench/side_by_side.h"
#include "pipeline/base/hash.h"
#include "pipeline/engine/shard.h"
#include "processors/sessions/sessions.h"
#include "schemas/codec.h"
#include "schemas/domain_load.h"

namespace {

using namespace echoloop;

constexpr int kRounds = 5;
constexpr std::size_t kEpoch_records = 10'000;

// Rows in a hash map: what is measured is the stage. Scans, which SESSIONS does over few rows, sort.
class Rows : public stage::View {
 public:
  Result<std::optional<std::string>> get(stage::Table table, int, std::string_view key) const override {
    auto rows = tables_.find(table);
    if (rows == tables_.end()) return std::optional<std::string>{};
    auto row = rows->second.find(key);
    return row == rows->second.end() ? std::optional<std::string>{} : row->second;
  }
  Result<void> scan(stage::Table table, int, std::string_view from, std::string_view to,
                    const stage::RowVisitor& visit) const override {
    auto rows = tables_.find(table);
    if (rows == tables_.end()) return {};
    std::map<std::string_view, std::string_view> sorted;
    for (const auto& [key, value] : rows->second) {
      if (key >= from && (to.empty() || key < to)) sorted.emplace(key, value);
    }
    for (const auto& [key, value] : sorted) {
      if (!visit(key, value)) break;
    }
    return {};
  }
  void write(std::vector<stage::Row> rows) {
    for (stage::Row& row : rows) {
      if (row.value) {
        tables_[row.table][row.key] = std::move(*row.value);
      } else {
        tables_[row.table].erase(row.key);
      }
    }
  }

 private:
  using Table = absl::flat_hash_map<std::string, std::string, TextHash, std::equal_to<>>;
  std::map<stage::Table, Table> tables_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string bytes = bench::input(argc, argv);
  std::vector<std::string_view> lines;
  for_each_line(bytes, [&](std::size_t, std::string_view line) { lines.push_back(line); });
  LoadedDomain loaded = load_domain(ECHOLOOP_PROJECT_CONFIG);
  if (!loaded || lines.empty()) {
    std::cerr << (loaded ? "no documents" : text_of(loaded.error())) << '\n';
    return 1;
  }
  auto domain = std::make_shared<CurrentDomain>(std::make_shared<const Domain>(std::move(*loaded)));

  std::size_t outputs = 0, output_bytes = 0, rows_written = 0, refused = 0;
  EventDecoder decoder;
  std::vector<bench::Side> sides = {
      {"decode",
       [&] {
         for (std::string_view line : lines) refused += !decoder.decode(line);
       }},
      {"SESSIONS",
       [&] {
         outputs = output_bytes = rows_written = 0;
         Rows rows;
         const stage::StageSpec spec = sessions::sessions_stage(domain);
         engine::Shard shard{spec, 0, 0, rows};
         for (std::size_t at = 0; at < lines.size(); at += kEpoch_records) {
           stage::Slice slice{{stage::Topic::events, 0}, {}, {}};
           for (std::size_t i = at; i < std::min(at + kEpoch_records, lines.size()); ++i)
             slice.records.push_back({stage::Kind::event,
                                      {},
                                      lines[i],
                                      from_ms(static_cast<std::int64_t>(i)),
                                      static_cast<std::int64_t>(i)});
           shard.process(slice);
           stage::Epoch epoch;
           shard.end_epoch(epoch);
           outputs += epoch.outputs.size();
           for (const stage::Output& output : epoch.outputs) output_bytes += output.value.size();
           rows_written += epoch.rows.size();
           rows.write(std::move(epoch.rows));
         }
       }},
  };
  bench::run_in_turn(sides, kRounds);
  const double events = static_cast<double>(lines.size());
  fmt::print("{} events, {} refused, epochs of {}; best of {} rounds in turn\n", lines.size(), refused, kEpoch_records,
             kRounds);
  for (const bench::Side& side : sides)
    fmt::print("{:10} {:8.1f} k events/s {:8.0f} ns/event  {:5.1f} times decoding\n", side.name,
               events / side.best_s() / 1e3, side.best_s() / events * 1e9, side.best_s() / sides.front().best_s());
  fmt::print("out of the stage: {:.2f} rows, {:.4f} records, {:.0f} bytes of records per event\n",
             static_cast<double>(rows_written) / events, static_cast<double>(outputs) / events,
             static_cast<double>(output_bytes) / events);
  return 0;
}
