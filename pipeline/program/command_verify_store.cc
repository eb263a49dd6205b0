// `echoloop verify-store`: reads a data folder from end to end and says what is damaged, a line of JSON each. Changes
// nothing. Exit 0: whole; 1: damaged, or it cannot be checked.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pipeline/local/folder_lock.h"
#include "pipeline/local/verify.h"
#include "pipeline/program/commands.h"
#include "pipeline/program/row_check.h"
#include "pipeline/store/rocks_store.h"
#include "pipeline/store/verify.h"

namespace echoloop::program {
namespace {

using nlohmann::ordered_json;
using store::Finding;

constexpr int kUnsound_rows_max = 100;  // of a table: one broken writer would name millions

struct Report {
  std::int64_t damaged = 0, notes = 0, rows = 0;

  void tell(const Finding& finding) {
    ++(finding.damage ? damaged : notes);
    ordered_json line = {{"damage", finding.damage}, {"file", finding.file}};
    line["position"] = finding.position ? ordered_json(*finding.position) : ordered_json(nullptr);
    line["reason"] = finding.reason.substr(0, finding.reason.find("; `echoloop verify-store`"));  // here it is
    fmt::print("{}\n", line.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
  }
};

void verify_rows(const store::RocksStore& rows, const std::string& folder, int shards, Report& report) {
  for (stage::Table table : tables()) {
    int unsound = 0;
    for (int shard = 0; shard < shards; ++shard) {
      auto scanned = rows.scan(table, shard, "", "", [&](std::string_view key, std::string_view value) {
        ++report.rows;
        if (is_sound(table, key, value) || ++unsound > kUnsound_rows_max) return true;
        report.tell(
            {folder, std::nullopt,
             fmt::format("table {}, shard {}: the row of key {} cannot be read", name_of(table), shard,
                         ordered_json(std::string(key)).dump(-1, ' ', true, ordered_json::error_handler_t::replace))});
        return true;
      });
      if (!scanned) {
        report.tell({folder, store::position_in(scanned.error().reason),
                     fmt::format("table {}, shard {}: {}", name_of(table), shard, scanned.error().reason)});
      }
    }
  }
}

// The store as a whole: its manifest and its own log by opening it, then every row.
void verify_rows_and_pair(const Settings& settings, const std::optional<local::LogCheck>& log, Report& report) {
  const std::string folder = (settings.data / "store").string();
  store::StoreOptions options;
  options.memory_bytes = settings.memory_bytes / 2;
  options.read_only = true;
  options.strict = true;
  auto rows = store::RocksStore::open(folder, options);
  if (!rows) {
    const Error strict = rows.error();
    // As `run` opens it.
    options.strict = false;
    rows = store::RocksStore::open(folder, options);
    report.tell({folder, store::position_in(strict.reason),
                 rows
                     ? "the newest commits are damaged, in RocksDB's own log; the next opening drops them and computes "
                       "them again from the events: " +
                           strict.reason
                     : strict.reason});
    if (!rows) return;
  }
  if (!log) return;
  verify_rows(**rows, folder, log->partitions, report);
  local::verify_pair(settings.data, **rows, *log, [&](const Finding& finding) { report.tell(finding); });
}

}  // namespace

int verify_store(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  const auto began = std::chrono::steady_clock::now();
  if (auto fits = local::check_folder(settings.data); !fits) return failed(fits.error());
  std::error_code none;
  if (!std::filesystem::is_directory(settings.data / "store", none) &&
      !std::filesystem::is_directory(settings.data / "log", none))
    return failed({Fault::world, settings.data.string(), "is no data folder of echoloop"});
  auto lock = local::take_folder(settings.data);
  if (!lock) {
    Error error = lock.error();
    error.reason += "; what runs there must stop first";
    return failed(error);
  }
  Report report;
  const auto tell = [&](const Finding& finding) { report.tell(finding); };
  auto checked = local::verify_log(settings.data / "log", tell);
  std::optional<local::LogCheck> log;
  if (checked) {
    log = std::move(*checked);
  } else {
    report.tell({checked.error().where, std::nullopt, checked.error().reason});
  }
  auto files = store::verify_tables(settings.data / "store", tell);
  if (!files) report.tell({files.error().where, std::nullopt, files.error().reason});
  store::verify_ends(settings.data / "store", tell);
  verify_rows_and_pair(settings, log, report);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const ordered_json sum = {{"whole", report.damaged == 0},
                            {"findings", report.damaged},
                            {"notes", report.notes},
                            {"tables", files.value_or(0)},
                            {"rows", report.rows},
                            {"segments", log ? log->segments : 0},
                            {"log_bytes", log ? log->bytes : 0},
                            {"seconds", std::round(took.count() * 1000) / 1000}};
  fmt::print("{}\n", sum.dump());
  return report.damaged == 0 ? 0 : 1;
}

}  // namespace echoloop::program
