// `echoloop dead`: list and show read the data folder; replay and drop go through the server that runs there, or open
// the folder.
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "pipeline/intake/http_dead.h"
#include "pipeline/program/commands.h"
#include "pipeline/program/embedded.h"
#include "pipeline/program/reading.h"
#include "pipeline/program/server_client.h"
#include "pipeline/serving/dead_letters.h"

namespace echoloop::program {
namespace {

using nlohmann::ordered_json;
constexpr std::size_t kPage = 1000;

void print(const ordered_json& line) {
  fmt::print("{}\n", line.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

// The server that holds --data: --server, or the address it left there.
std::optional<std::string> running_server(const Settings& settings) {
  if (settings.server) return settings.server;
  std::string address;
  std::ifstream{settings.data / "server"} >> address;
  if (address.empty()) return std::nullopt;
  auto alive = ask_server(address, "GET", "/livez");
  return alive && alive->status == 200 ? std::optional(address) : std::nullopt;
}

Result<std::vector<std::string>> open_letters(const Settings& settings) {
  auto reading = open_for_reading(settings);
  if (!reading) return tl::make_unexpected(reading.error());
  std::vector<std::string> out;
  while (true) {
    auto page = serving::list_dead(out.empty() ? std::nullopt : std::optional(out.back()),
                                   {.state = state::DeadLetter::OPEN}, kPage, reading->sources);
    if (!page) return tl::make_unexpected(page.error());
    for (const auto& entry : *page) out.push_back(entry.id);
    if (page->size() < kPage) return out;
  }
}

int list(const Settings& settings) {
  auto reading = open_for_reading(settings);
  if (!reading) return failed(reading.error());
  std::optional<std::string> after;
  while (true) {
    auto page = serving::list_dead(after, {.state = state::DeadLetter::OPEN}, kPage, reading->sources);
    if (!page) return failed(page.error());
    for (const auto& entry : *page) {
      ordered_json line = serving::dead_json(entry);
      line.erase("document");
      print(line);
    }
    if (page->size() < kPage) return 0;
    after = page->back().id;
  }
}

int show(const Settings& settings, const std::vector<std::string>& ids) {
  auto reading = open_for_reading(settings);
  if (!reading) return failed(reading.error());
  for (const std::string& id : ids) {
    auto entry = serving::find_dead(id, reading->sources);
    if (!entry) return failed(entry.error());
    if (!*entry) return failed({Fault::bad_input, id, "there is no such dead letter"});
    print(serving::dead_json(**entry));
  }
  return 0;
}

struct Tally {
  int good = 0, still_bad = 0;
  int finish(const char* verb) const {
    fmt::print("{{\"{}\":{},\"failed\":{}}}\n", verb, good, still_bad);
    return still_bad == 0 ? 0 : 1;
  }
};

int change_on_server(const std::string& server, const std::vector<std::string>& ids, bool replay) {
  Tally tally;
  for (const std::string& id : ids) {
    auto answer = replay ? ask_server(server, "POST", "/api/v1/dead/" + id + "/replay")
                         : ask_server(server, "DELETE", "/api/v1/dead/" + id);
    if (!answer) return failed(answer.error());
    ordered_json body = ordered_json::parse(answer->body, nullptr, false);
    bool good = answer->status < 300 &&
                (!replay || (body.is_object() && body.value("rejected", ordered_json::array()).empty()));
    ++(good ? tally.good : tally.still_bad);
    if (!good) fmt::print(stderr, "{}: {}\n", id, answer->body);
  }
  return tally.finish(replay ? "replayed" : "dropped");
}

int change_in_folder(const Settings& settings, const std::vector<std::string>& ids, bool replay) {
  auto embedded = Embedded::open(settings);
  if (!embedded) return failed(embedded.error());
  Embedded& house = **embedded;
  house.start();
  std::string folder = (config_folder(settings) / "adapters").string();
  AdapterPool adapters{folder};
  HookOptions hooks;
  hooks.domain = house.domain().get();
  hooks.adapters = &adapters;
  hooks.adapter_folder = folder;
  const AwaitCommit await = [&house](const std::function<bool()>& ready) { house.await_commit(ready); };
  Tally tally;
  for (const std::string& id : ids) {
    std::string trouble;
    if (replay) {
      auto replayed = replay_dead(house.door(), house.house().store(), hooks, id, await);
      if (!replayed) trouble = replayed.error().text();
      if (replayed && !replayed->entered.rejected.empty()) trouble = replayed->entered.rejected.front().reason;
    } else if (auto dropped = drop_dead(house.door(), house.house().store(), id, await); !dropped) {
      trouble = dropped.error().text();
    }
    ++(trouble.empty() ? tally.good : tally.still_bad);
    if (!trouble.empty()) fmt::print(stderr, "{}: {}\n", id, trouble);
  }
  if (auto settled = house.wait_settled(); !settled) return failed(settled.error());
  house.stop();
  return tally.finish(replay ? "replayed" : "dropped");
}

}  // namespace

int dead(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  std::vector<std::string> words = invocation.arguments;
  std::string verb = words.empty() ? "list" : words.front();
  if (!words.empty()) words.erase(words.begin());
  if (verb == "list" && words.empty()) return list(settings);
  if (verb == "show" && !words.empty()) return show(settings, words);
  if ((verb != "replay" && verb != "drop") || words.empty()) {
    fmt::print(stderr, "echoloop dead: list, show ID…, replay ID…|all, drop ID…|all\n");
    return 2;
  }
  if (words.size() == 1 && words[0] == "all") {
    auto open = open_letters(settings);
    if (!open) return failed(open.error());
    words = *open;
  }
  if (auto server = running_server(settings)) return change_on_server(*server, words, verb == "replay");
  return change_in_folder(settings, words, verb == "replay");
}

}  // namespace echoloop::program
