// `echoloop dead`: through the server where --server names one; else list and show read the data folder, and replay and
// drop go through the server that runs there, or open the folder.
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
constexpr int kServerPage = 50;  // documents may be large

void print(const ordered_json& line) {
  fmt::print("{}\n", line.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

// The JSON of an answer. Error: what the server refuses, in its words.
Result<ordered_json> ask_json(const std::string& server, const std::string& method, const std::string& path) {
  auto answer = ask_server(server, method, path);
  if (!answer) return tl::make_unexpected(answer.error());
  ordered_json body = ordered_json::parse(answer->body, nullptr, false);
  if (answer->status == 200 && body.is_object()) return body;
  std::string detail = body.is_object() ? body.value("detail", std::string{}) : std::string{};
  return broken_world(server, detail.empty() ? fmt::format("answers with status {}", answer->status) : detail);
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

using Visit = std::function<void(ordered_json letter)>;

// The open letters, as the API has them, a page at a time.
Result<void> each_on_server(const std::string& server, const std::optional<std::string>& tenant, const Visit& visit) {
  std::string question = fmt::format("/api/v1/dead?limit={}", kServerPage);
  if (tenant) question += "&tenant=" + url_escaped(*tenant);
  std::string cursor;
  while (true) {
    auto answer = ask_json(server, "GET", question + cursor);
    if (!answer) return tl::make_unexpected(answer.error());
    for (ordered_json& letter : answer->at("items")) visit(std::move(letter));
    const ordered_json& next = answer->at("next_cursor");
    if (next.is_null()) return {};
    cursor = "&cursor=" + url_escaped(next.get<std::string>());
  }
}

Result<void> each_in_folder(const Settings& settings, const Visit& visit) {
  auto reading = open_for_reading(settings);
  if (!reading) return tl::make_unexpected(reading.error());
  const serving::DeadFilter open{.state = state::DeadLetter::OPEN, .tenant = settings.tenant};
  std::optional<std::string> after;
  while (true) {
    auto page = serving::list_dead(after, open, kPage, reading->sources);
    if (!page) return tl::make_unexpected(page.error());
    for (const auto& entry : *page) visit(serving::dead_json(entry));
    if (page->size() < kPage) return {};
    after = page->back().id;
  }
}

Result<void> each_open(const Settings& settings, const std::optional<std::string>& server, const Visit& visit) {
  return server ? each_on_server(*server, settings.tenant, visit) : each_in_folder(settings, visit);
}

int list(const Settings& settings) {
  auto listed = each_open(settings, settings.server, [](ordered_json letter) {
    letter.erase("document");
    print(letter);
  });
  return listed ? 0 : failed(listed.error());
}

int show_from_server(const std::string& server, const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    auto letter = ask_json(server, "GET", "/api/v1/dead/" + url_escaped(id));
    if (!letter) return failed(letter.error());
    print(*letter);
  }
  return 0;
}

int show(const Settings& settings, const std::vector<std::string>& ids) {
  if (settings.server) return show_from_server(*settings.server, ids);
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
    auto answer = replay ? ask_server(server, "POST", "/api/v1/dead/" + url_escaped(id) + "/replay")
                         : ask_server(server, "DELETE", "/api/v1/dead/" + url_escaped(id));
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
  auto server = running_server(settings);
  if (words.size() == 1 && words[0] == "all") {
    words.clear();
    auto listed = each_open(settings, server,
                            [&](const ordered_json& letter) { words.push_back(letter.at("id").get<std::string>()); });
    if (!listed) return failed(listed.error());
  }
  if (server) return change_on_server(*server, words, verb == "replay");
  return change_in_folder(settings, words, verb == "replay");
}

}  // namespace echoloop::program
