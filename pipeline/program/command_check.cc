// `echoloop check`: the configuration, and every adapter on its example.
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "pipeline/intake/adapter_worker.h"
#include "pipeline/intake/documents.h"
#include "pipeline/program/commands.h"
#include "pipeline/program/pipeline.h"
#include "schemas/codec.h"
#include "schemas/domain_load.h"

namespace echoloop::program {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

Result<std::string> whole_file(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) return bad_configuration(file.string(), "cannot be read");
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// What the adapter yields for the documents of its example: events as decoded and written canonically, skips as they
// are.
Result<std::vector<json>> yields(const AdapterSpec& spec, const fs::path& folder, const std::string& tenant,
                                 AdapterWorker& worker) {
  const AdapterProgram program{(folder / spec.file).string(), folder.string(), tenant, 0};
  if (auto compiled = worker.run(program, {}); !compiled) return tl::make_unexpected(compiled.error());
  fs::path example = folder / spec.example;
  ReadProgress progress;
  auto format = file_format_of(example.string());
  if (!format) return tl::make_unexpected(format.error());
  auto reader = DocumentReader::open(example.string(), *format, "utf-8", progress);
  if (!reader) return tl::make_unexpected(reader.error());
  std::vector<json> out;
  DocumentBatch batch;
  EventDecoder decoder;
  while (true) {
    auto more = (*reader)->next(batch);
    if (!more) return tl::make_unexpected(more.error());
    if (!*more) return out;
    for (const Document& document : batch.documents()) {
      const auto where = fmt::format("{}:{}", example.string(), document.line);
      auto ran = worker.run(program, {&document.text, 1});
      if (!ran) return tl::make_unexpected(ran.error());
      const AdapterResult& made = ran->front();
      if (!made) return bad_configuration(where, made.error().text());
      for (const AdapterOutput& one : *made) {
        if (one.skipped()) {
          out.push_back({{"skip", one.skip}});
          continue;
        }
        auto event = decoder.decode(one.event);
        if (!event)
          return bad_configuration(
              where, fmt::format("the adapter yields an event that is not valid: {}", event.error().text()));
        out.push_back(json::parse(one.event));
      }
    }
  }
}

// Faults of one adapter, one a line; empty when its example gives what is expected.
std::string check_adapter(const AdapterSpec& spec, const fs::path& folder, AdapterWorker& worker) {
  if (spec.example.empty()) return {};
  std::vector<json> expected;
  std::string tenant = "example";
  if (!spec.expected.empty()) {
    auto text = whole_file(folder / spec.expected);
    if (!text) return text.error().text() + "\n";
    std::istringstream lines{*text};
    for (std::string line; std::getline(lines, line);) {
      if (line.empty()) continue;
      expected.push_back(json::parse(line, nullptr, false));
      // The example was adapted for the tenant that its events name.
      if (expected.back().contains("data")) tenant = expected.back()["data"].value("tenant", tenant);
    }
  }
  auto made = yields(spec, folder, tenant, worker);
  if (!made) return made.error().text() + "\n";
  if (spec.expected.empty()) return {};
  for (std::size_t i = 0; i < std::max(made->size(), expected.size()); ++i) {
    json got = i < made->size() ? (*made)[i] : json("nothing"),
         want = i < expected.size() ? expected[i] : json("nothing");
    if (got != want)
      return fmt::format("{}:{}: adapter '{}' yields {} where {} is expected\n", (folder / spec.expected).string(),
                         i + 1, spec.name, got.dump(), want.dump());
  }
  return {};
}

// A calendar that does not know the holidays of today, or in December those of next year, would let deadlines end on
// days that nobody works.
std::string check_years(const Domain& domain, const fs::path& folder, Time now) {
  std::string out;
  for (const auto& [id, calendar] : domain.calendars) {
    if (calendar.first_day == 0 && calendar.last_day == 0) continue;
    for (const Duration ahead : {Duration{0}, Duration{31 * kDay_ms}}) {
      const std::int64_t day = calendar.zone.local_day(now + ahead);
      if (day >= calendar.first_day && day <= calendar.last_day) continue;
      out += fmt::format("{}: calendar '{}' has no holidays for {}: put a file into calendars/\n",
                         (folder / "organisation.yaml").string(), id, format_time(from_ms(day * kDay_ms)).substr(0, 4));
      break;
    }
  }
  return out;
}

}  // namespace

int check(const Invocation& invocation) {
  fs::path folder = config_folder(invocation.settings);
  LoadedDomain domain = load_domain(folder);
  std::string faults = domain ? std::string{} : text_of(domain.error());
  if (domain) {
    AdapterWorker worker;
    faults += check_years(*domain, folder, wall_clock());
    for (const auto& [name, spec] : domain->adapters) faults += check_adapter(spec, folder / "adapters", worker);
  }
  if (!faults.empty()) {
    fmt::print(stderr, "{}{}", faults, faults.ends_with('\n') ? "" : "\n");
    return 3;
  }
  for (const std::string& file : domain->provisional)
    fmt::print("{}: provisional: put in what was announced when it is\n", (folder / file).string());
  fmt::print("{}: good: {} tenants, {} departments, {} tags, {} metrics, {} rules, {} adapters\n", folder.string(),
             domain->tenants.size(), domain->departments.size(), domain->tags.size(), domain->metrics.size(),
             domain->thresholds.size() + domain->recoveries.size() + domain->red_lines.size(), domain->adapters.size());
  return 0;
}

}  // namespace echoloop::program
