// `echoloop deliveries`: what the server that runs there, or on the data folder, has told endpoints; and to tell it
// once more.
#include <fmt/format.h>

#include "pipeline/program/commands.h"
#include "pipeline/program/reading.h"
#include "pipeline/program/server_lists.h"

namespace echoloop::program {
namespace {

int list(const std::string& server, const Settings& settings) {
  std::string question = "/api/v1/deliveries?limit=200";
  for (const auto& [name, value] : {std::pair{"endpoint", settings.deliveries.endpoint},
                                    {"outcome", settings.deliveries.outcome},
                                    {"task", settings.deliveries.task}}) {
    if (value) question += fmt::format("&{}={}", name, url_escaped(*value));
  }
  auto listed = each_page(server, "GET", question, [](const nlohmann::ordered_json& page) {
    for (const nlohmann::ordered_json& one : page.at("items")) print(one);
  });
  return listed ? 0 : failed(listed.error());
}

// Each for itself: one that fails does not keep the others.
int each(const std::string& server, const std::vector<std::string>& ids, bool again) {
  int code = 0;
  for (const std::string& id : ids) {
    auto answer =
        ask_json(server, again ? "POST" : "GET", "/api/v1/deliveries/" + url_escaped(id) + (again ? "/redeliver" : ""));
    if (answer) {
      print(*answer);
    } else {
      code = failed(answer.error());
    }
  }
  return code;
}

}  // namespace

int deliveries(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  std::vector<std::string> words = invocation.arguments;
  const std::string verb = words.empty() ? "list" : words.front();
  if (!words.empty()) words.erase(words.begin());
  const bool chosen = settings.deliveries.endpoint || settings.deliveries.outcome || settings.deliveries.task;
  const bool known =
      (verb == "list" && words.empty()) || ((verb == "show" || verb == "redeliver") && !words.empty() && !chosen);
  if (!known) {
    fmt::print(stderr,
               "echoloop deliveries: list [--endpoint ID] [--outcome WORD] [--task ID], show ID…, redeliver ID…\n");
    return 2;
  }
  auto server = running_server(settings);
  if (!server)
    return failed({Fault::world, settings.data.string(), "no server runs there: say which by --server, or start one"});
  return verb == "list" ? list(*server, settings) : each(*server, words, verb == "redeliver");
}

}  // namespace echoloop::program
