// `echoloop export`: committed rows on standard output.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "pipeline/program/commands.h"
#include "pipeline/program/reading.h"
#include "pipeline/serving/export.h"

namespace echoloop::program {
namespace {

using nlohmann::ordered_json;

// A flat CSV of JSON lines: the columns of the first line, nested values as JSON.
class CsvOut {
 public:
  void line(std::string_view text) {
    ordered_json row = ordered_json::parse(text);
    if (columns_.empty()) {
      std::string header;
      for (const auto& [name, value] : row.items()) {
        columns_.push_back(name);
        header += (header.empty() ? "" : ",") + name;
      }
      fmt::print("{}\r\n", header);
    }
    std::string out;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) out += ",";
      const ordered_json& value = row[columns_[i]];
      if (!value.is_null()) out += quoted(value.is_string() ? value.get<std::string>() : value.dump());
    }
    fmt::print("{}\r\n", out);
  }

 private:
  static std::string quoted(std::string text) {
    if (!text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos)
      text.insert(0, "'");  // no formula for a spreadsheet
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
  }
  std::vector<std::string> columns_;
};

}  // namespace

int export_rows(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  if (invocation.arguments.size() != 1) {
    fmt::print(stderr, "echoloop export: say what: feedback, tasks or aggregates\n");
    return 2;
  }
  const std::string& what = invocation.arguments[0];
  if (what != "aggregates" && what != "tasks" && what != "feedback") {
    fmt::print(stderr, "echoloop export: '{}' is none of feedback, tasks, aggregates\n", what);
    return 2;
  }
  auto reading = open_for_reading(settings);
  if (!reading) return failed(reading.error());
  CsvOut csv;
  bool as_csv = settings.exporting.format == ExportFormat::csv && what != "aggregates";
  const serving::WriteLine write = [&](std::string_view line) {
    if (as_csv) {
      csv.line(line);
    } else {
      std::fwrite(line.data(), 1, line.size(), stdout);
    }
  };
  Result<void> done = what == "aggregates" ? serving::export_aggregates(reading->sources, write)
                      : what == "tasks"    ? serving::export_tasks(reading->sources, settings.tenant, write)
                                           : serving::export_feedback(reading->sources, settings.tenant, write);
  if (!done) return failed(done.error());
  if (std::fflush(stdout) != 0) return failed({Fault::world, "standard output", "cannot be written"});
  return 0;
}

}  // namespace echoloop::program
