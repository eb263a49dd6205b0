// `echoloop export`: committed rows on standard output, from the data folder or through the server that holds it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "pipeline/program/commands.h"
#include "pipeline/program/reading.h"
#include "pipeline/program/server_client.h"
#include "pipeline/serving/export.h"

namespace echoloop::program {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> kExports = {"feedback", "metrics", "tasks", "aggregates"};

// A column of a CSV and where its value lies in a line.
struct Column {
  std::string name;
  ordered_json::json_pointer place;
};

// A flat CSV of NDJSON that comes in pieces. Without columns given: those of the first line, nested values as JSON.
class CsvOut {
 public:
  explicit CsvOut(std::vector<Column> columns) : columns_(std::move(columns)) {
    if (!columns_.empty()) header();
  }
  void take(std::string_view piece) {
    for (std::size_t end = piece.find('\n'); end != std::string_view::npos; end = piece.find('\n')) {
      rest_.append(piece.substr(0, end));
      line(rest_);
      rest_.clear();
      piece.remove_prefix(end + 1);
    }
    rest_.append(piece);
  }

 private:
  void line(const std::string& text) {
    ordered_json row = ordered_json::parse(text);
    if (columns_.empty()) {
      for (const auto& [name, value] : row.items()) columns_.push_back({name, ordered_json::json_pointer{} / name});
      header();
    }
    std::string out;
    for (const Column& column : columns_) {
      if (&column != &columns_.front()) out += ",";
      const ordered_json value = row.contains(column.place) ? row.at(column.place) : ordered_json(nullptr);
      if (value.is_null()) continue;
      out += value.is_string() ? text_cell(value.get<std::string>()) : quoted(value.dump());
    }
    fmt::print("{}\r\n", out);
  }
  void header() const {
    std::string out;
    for (const Column& column : columns_) out += (out.empty() ? "" : ",") + quoted(column.name);
    fmt::print("{}\r\n", out);
  }
  static std::string text_cell(std::string text) {
    if (!text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos)
      text.insert(0, "'");  // no formula for a spreadsheet
    return quoted(text);
  }
  static std::string quoted(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
  }

  std::vector<Column> columns_;
  std::string rest_;  // of a line whose end is still to come
};

// Every row of a metric has the same columns, whatever is null in the first; the names are those of the API's CSV.
std::vector<Column> metric_columns(const std::string& group_by) {
  using Place = ordered_json::json_pointer;
  std::vector<Column> out;
  for (const char* name : {"metric", "definition_version", "tenant"}) out.push_back({name, Place{} / name});
  for (std::size_t begin = 0; begin < group_by.size();) {
    std::size_t end = std::min(group_by.find(',', begin), group_by.size());
    std::string dimension = group_by.substr(begin, end - begin);
    if (!dimension.empty()) out.push_back({dimension, Place{"/group"} / dimension});
    begin = end + 1;
  }
  for (const char* name : {"from", "to", "numerator", "n", "value"}) out.push_back({name, Place{} / name});
  for (const char* name : {"low", "high"}) out.push_back({name, Place{"/interval"} / name});
  for (const char* name : {"eligible", "invited", "not_reached", "answered"})
    out.push_back({name, Place{"/coverage"} / name});
  for (const char* name : {"low", "high"}) out.push_back({fmt::format("bound_{}", name), Place{"/bounds"} / name});
  out.push_back({"suppressed", Place{"/suppressed"}});
  return out;
}

// The options as the server's parameters.
http::Query question_of(const Settings& settings, const std::string& what) {
  http::Query out;
  const Settings::Export& asked = settings.exporting;
  if (settings.tenant) out.add("tenant", {*settings.tenant});
  if (what != "metrics") return out;
  for (const auto& [name, value] : {std::pair{"metric", &asked.metrics},
                                    {"group_by", &asked.group_by},
                                    {"interval", &asked.interval},
                                    {"from", &asked.from},
                                    {"to", &asked.to}}) {
    if (!value->empty()) out.add(name, {*value});
  }
  return out;
}

Result<void> copy_through_server(const std::string& server, const std::string& what, const http::Query& question,
                                 const std::function<void(std::string_view)>& take) {
  std::string path = "/api/v1/export/" + what;
  char mark = '?';
  for (const auto& [name, value] : question.items()) {
    path += fmt::format("{}{}={}", mark, name, url_escaped(value));
    mark = '&';
  }
  return copy_from_server(server, path, take);
}

Result<http::Generator> lines_of(const std::string& what, const http::Query& question, const Reading& reading) {
  auto asked = question.get("tenant");
  serving::TenantChoice tenant = asked ? serving::TenantChoice(std::string(*asked)) : std::nullopt;
  if (what == "aggregates") return serving::export_aggregates(reading.sources, tenant);
  if (what == "tasks") return serving::export_tasks(reading.sources, tenant);
  if (what == "feedback") return serving::export_feedback(reading.sources, tenant);
  return serving::export_metrics(reading.sources, question);
}

Result<void> copy_from_folder(const Settings& settings, const std::string& what, const http::Query& question,
                              const std::function<void(std::string_view)>& take) {
  auto reading = open_for_reading(settings);
  if (!reading) return tl::make_unexpected(reading.error());
  auto lines = lines_of(what, question, *reading);
  if (!lines) return tl::make_unexpected(lines.error());
  while (true) {
    std::string piece;
    auto more = (*lines)(piece);
    if (!more) return tl::make_unexpected(more.error());
    take(piece);
    if (!*more) return {};
  }
}

// What is wrong with the words; empty: nothing.
std::string wrong_export(const Invocation& invocation) {
  if (invocation.arguments.size() != 1) return "say what: feedback, metrics, tasks or aggregates";
  const std::string& what = invocation.arguments[0];
  if (std::find(kExports.begin(), kExports.end(), what) == kExports.end())
    return fmt::format("'{}' is none of {}", what, fmt::join(kExports, ", "));
  const Settings::Export& asked = invocation.settings.exporting;
  bool of_metrics = !asked.metrics.empty() || !asked.group_by.empty() || !asked.from.empty() || !asked.to.empty();
  if (what != "metrics" && of_metrics) return "--metric, --group-by, --from and --to are for export metrics";
  return {};
}

}  // namespace

int export_rows(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  if (std::string wrong = wrong_export(invocation); !wrong.empty()) {
    fmt::print(stderr, "echoloop export: {}\n", wrong);
    return 2;
  }
  const std::string& what = invocation.arguments[0];
  http::Query question = question_of(settings, what);
  std::optional<CsvOut> csv;
  if (settings.exporting.format == ExportFormat::csv && what != "aggregates")
    csv.emplace(what == "metrics" ? metric_columns(settings.exporting.group_by) : std::vector<Column>{});
  const auto take = [&](std::string_view piece) {
    if (csv) {
      csv->take(piece);
    } else {
      std::fwrite(piece.data(), 1, piece.size(), stdout);
    }
  };
  auto done = settings.server ? copy_through_server(*settings.server, what, question, take)
                              : copy_from_folder(settings, what, question, take);
  if (!done) {
    int code = failed(done.error());
    return done.error().fault == Fault::bad_input ? 2 : code;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    return failed({Fault::world, "standard output", "cannot be written"});
  return 0;
}

}  // namespace echoloop::program
