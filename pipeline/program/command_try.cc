// `echoloop try`: which tasks rules would have opened on the stored history, one a line, as `export tasks` writes them;
// through the server that runs on the data folder, or read from it where there is none.
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "pipeline/program/commands.h"
#include "pipeline/program/pipeline.h"
#include "pipeline/program/reading.h"
#include "pipeline/program/server_client.h"
#include "pipeline/serving/try_rules.h"
#include "schemas/domain_load.h"
#include "schemas/task_json.h"

namespace echoloop::program {
namespace {

int try_there(const std::string& server, const std::string& rules, const Settings& settings) {
  std::string path = "/api/v1/rules/try";
  char mark = '?';
  for (const auto& [name, value] : {std::pair{"tenant", settings.tenant.value_or("")},
                                    {"from", settings.exporting.from},
                                    {"to", settings.exporting.to}}) {
    if (value.empty()) continue;
    path += fmt::format("{}{}={}", mark, name, url_escaped(value));
    mark = '&';
  }
  auto answer = ask_server(server, "POST", path, rules, "application/yaml");
  if (!answer) return failed(answer.error());
  if (answer->status == 200) {
    fmt::print("{}", answer->body);
    return 0;
  }
  const auto problem = nlohmann::json::parse(answer->body, nullptr, false);
  fmt::print(stderr, "{}\n",
             problem.is_object() ? problem.value("detail", std::string{})
                                 : fmt::format("the answer has status {}", answer->status));
  return answer->status == 422 ? 3 : answer->status == 400 ? 2 : 1;
}

}  // namespace

int try_rules(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  if (settings.trying_rules.empty()) {
    fmt::print(stderr, "echoloop try: say which rules: --rules FILE\n");
    return 2;
  }
  std::ifstream in{settings.trying_rules, std::ios::binary};
  const std::string rules{std::istreambuf_iterator<char>{in}, {}};
  if (!in.is_open()) return failed({Fault::world, settings.trying_rules.string(), "cannot be read"});
  auto domain = load_domain_with_rules(config_folder(settings), rules, settings.trying_rules.string());
  if (!domain) {
    fmt::print(stderr, "{}", text_of(domain.error()));
    return 3;
  }
  if (auto server = running_server(settings)) return try_there(*server, rules, settings);
  auto reading = open_for_reading(settings);
  if (!reading) return failed(reading.error());
  const serving::TrySpan span{settings.tenant, settings.exporting.from, settings.exporting.to};
  auto done = serving::try_rules(span, reading->sources, *domain, wall_clock(),
                                 [](const state::Task& task) { fmt::print("{}\n", task_json(task).dump()); });
  if (done) return 0;
  const int code = failed(done.error());
  return done.error().fault == Fault::bad_input ? 2 : code;
}

}  // namespace echoloop::program
