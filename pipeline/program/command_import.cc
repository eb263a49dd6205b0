// `echoloop import`: files into the data folder, or into a running server.
#include <fmt/format.h>

#include "pipeline/intake/adapter.h"
#include "pipeline/intake/import.h"
#include "pipeline/intake/import_door.h"
#include "pipeline/intake/import_http.h"
#include "pipeline/intake/import_progress.h"
#include "pipeline/program/commands.h"
#include "pipeline/program/pipeline.h"
#include "pipeline/program/server_client.h"

namespace echoloop::program {
namespace {

// Events known before by source and id, whether or not they came with the same bytes.
Result<std::int64_t> known_on_server(const std::string& server) {
  std::int64_t sum = 0;
  for (std::string_view outcome : {"duplicate", "different"}) {
    auto count = server_metric(server, fmt::format("echoloop_events_total{{outcome=\"{}\"}}", outcome));
    if (!count) return count;
    sum += *count;
  }
  return sum;
}
std::int64_t known_in(const serving::Sources& sources) {
  return sources.counter("events_duplicate") + sources.counter("events_different");
}

Result<ImportOptions> options_of(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  ImportOptions out;
  out.files = invocation.arguments;
  if (out.files.empty()) return bad_input("FILE", "name at least one file, or - for standard input");
  std::filesystem::path folder = config_folder(settings) / "adapters";
  out.adapter_folder = folder.string();
  // Canonical events need no jq: the importer takes them as they are.
  if (!settings.import.adapter.empty() && settings.import.adapter != "cloudevents") {
    auto file = find_adapter(settings.import.adapter, out.adapter_folder);
    if (!file) return bad_input("--adapter", file.error().reason);
    out.adapter = *file;
  }
  out.tenant = settings.tenant.value_or("");
  switch (settings.import.format) {
    case ImportFormat::by_ending:
      break;
    case ImportFormat::jsonl:
      out.format = FileFormat::ndjson;
      break;
    case ImportFormat::csv:
      out.format = FileFormat::csv;
      break;
    case ImportFormat::json:
      out.format = FileFormat::json;
      break;
  }
  out.encoding = settings.import.encoding;
  if (settings.import.rejects) out.rejects = settings.import.rejects->string();
  return out;
}

// An adapter binds $tenant; without --tenant that is the only tenant there is.
Result<void> choose_tenant(const Settings& settings, ImportOptions& options) {
  if (options.adapter.empty() || !options.tenant.empty()) return {};
  auto domain = load_configuration(settings);
  if (!domain) return tl::make_unexpected(domain.error());
  if ((*domain)->tenants.size() != 1)
    return bad_input("--tenant", "is needed with an adapter: there is more than one tenant");
  options.tenant = (*domain)->tenants.begin()->first;
  return {};
}

int finish(ImportOutcome outcome) {
  outcome.counts.accepted -= outcome.counts.duplicate;
  fmt::print("{}\n", to_json(outcome.counts));
  if (outcome.counts.rejected > 0)
    fmt::print(stderr, "{} could not become events and are kept: `echoloop dead list` says where and why\n",
               outcome.counts.rejected);
  return outcome.stopped ? failed(*outcome.stopped) : 0;
}

int import_into_server(const std::string& server, const ImportOptions& options, ProgressLine& line) {
  auto before = known_on_server(server);
  if (!before) return failed(before.error());
  HttpSinkOptions sink_options;
  sink_options.url = server;
  sink_options.tenant = options.tenant;
  sink_options.settled = [&]() -> Result<std::int64_t> {
    if (auto ready = wait_ready(server); !ready) return tl::make_unexpected(ready.error());
    auto after = known_on_server(server);
    if (!after) return after;
    return *after - *before;
  };
  auto sink = open_http_sink(std::move(sink_options));
  if (!sink) return failed(sink.error());
  return finish(run_import(options, **sink, [&](const ImportProgress& progress) { line.show(progress); }));
}

int import_into_folder(const Settings& settings, const ImportOptions& options, ProgressLine& line) {
  auto pipeline = Pipeline::open(settings);
  if (!pipeline) {
    Error error = pipeline.error();
    if (error.reason.find("is in use by process") != std::string::npos)
      error.reason += "; import through it with --server URL";
    return failed(error);
  }
  Pipeline& house = **pipeline;
  const std::int64_t before = known_in(*house.sources());
  house.start();
  DoorSinkOptions sink_options;
  sink_options.tenant = options.tenant;
  sink_options.settled = [&]() -> Result<std::int64_t> {
    if (auto settled = house.wait_settled(); !settled) return tl::make_unexpected(settled.error());
    return known_in(*house.sources()) - before;
  };
  // A full log has room again after a commit; a broken engine never.
  sink_options.wait = [&](Duration longest) {
    bool first = true;
    house.bell().wait(longest, [&] { return !std::exchange(first, false); });
    return !house.failure().has_value();
  };
  auto sink = make_door_sink(house.door(), std::move(sink_options));
  ImportOutcome outcome = run_import(options, *sink, [&](const ImportProgress& progress) { line.show(progress); });
  house.stop();
  return finish(std::move(outcome));
}

}  // namespace

int import_files(const Invocation& invocation) {
  auto options = options_of(invocation);
  if (!options) {
    failed(options.error());
    return options.error().fault == Fault::configuration ? 3 : 2;
  }
  if (auto sound = check_import(*options); !sound) {
    fmt::print("{}\n", to_json(ImportCounts{}));  // whoever reads the last line finds one
    failed(sound.error());
    return 2;
  }
  if (auto chosen = choose_tenant(invocation.settings, *options); !chosen) {
    failed(chosen.error());
    return chosen.error().fault == Fault::configuration ? 3 : 2;
  }
  ProgressLine line{stderr};
  if (invocation.settings.server) return import_into_server(*invocation.settings.server, *options, line);
  return import_into_folder(invocation.settings, *options, line);
}

}  // namespace echoloop::program
