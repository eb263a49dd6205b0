// `echoloop dead`: through the server that --server names or that runs on the data folder; where there is none, list
// and show read the folder, and replay and drop open it.
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "pipeline/intake/replay.h"
#include "pipeline/program/commands.h"
#include "pipeline/program/pipeline.h"
#include "pipeline/program/reading.h"
#include "pipeline/program/server_lists.h"
#include "pipeline/serving/dead_letters.h"

namespace echoloop::program {
namespace {

using nlohmann::ordered_json;
constexpr std::size_t kPage = 1000;
constexpr int kServerPage = 50;  // documents may be large

// The letters asked for as the server's parameters, each with an ampersand before it.
std::string question_of(const Settings& settings) {
  std::string out;
  for (const auto& [name, value] :
       {std::pair{"tenant", settings.tenant}, {"adapter", settings.dead.adapter}, {"reason", settings.dead.reason}}) {
    if (value) out += fmt::format("&{}={}", name, url_escaped(*value));
  }
  if (settings.dead.before) out += "&before=" + url_escaped(format_time(*settings.dead.before));
  return out;
}

DeadFilter filter_of(const Settings& settings) {
  return {.state = state::DeadLetter::OPEN,
          .tenant = settings.tenant,
          .adapter = settings.dead.adapter,
          .reason = settings.dead.reason,
          .before = settings.dead.before};
}

using Visit = std::function<void(ordered_json letter)>;

// The open letters, as the API has them, a page at a time.
Result<void> each_on_server(const std::string& server, const Settings& settings, const Visit& visit) {
  return each_page(server, "GET", fmt::format("/api/v1/dead?limit={}{}", kServerPage, question_of(settings)),
                   [&](ordered_json page) {
                     for (ordered_json& letter : page.at("items")) visit(std::move(letter));
                   });
}

Result<void> each_in_folder(const Settings& settings, const Visit& visit) {
  auto reading = open_for_reading(settings);
  if (!reading) return tl::make_unexpected(reading.error());
  const DeadFilter open = filter_of(settings);
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
  return server ? each_on_server(*server, settings, visit) : each_in_folder(settings, visit);
}

int list_groups(const Settings& settings, const std::optional<std::string>& server) {
  serving::DeadGroups groups;
  if (server) {
    auto asked = each_page(*server, "GET", "/api/v1/dead/groups?state=open" + question_of(settings),
                           [&](const ordered_json& page) { serving::add_groups(page.at("items"), groups); });
    if (!asked) return failed(asked.error());
  } else {
    auto reading = open_for_reading(settings);
    if (!reading) return failed(reading.error());
    std::optional<std::string> after;
    do {
      auto next = serving::add_to_groups(after, filter_of(settings), reading->sources, groups);
      if (!next) return failed(next.error());
      after = *next;
    } while (after);
  }
  for (const ordered_json& group : serving::groups_json(groups)) print(group);
  return 0;
}

int list(const Settings& settings, const std::optional<std::string>& server) {
  if (settings.dead.group) return list_groups(settings, server);
  auto listed = each_open(settings, server, [](ordered_json letter) {
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

int show(const Settings& settings, const std::optional<std::string>& server, const std::vector<std::string>& ids) {
  if (server) return show_from_server(*server, ids);
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

// The data folder opened, with what a replay needs.
struct Opened {
  explicit Opened(const Settings& settings, std::unique_ptr<Pipeline> pipeline)
      : house(std::move(pipeline)), folder((config_folder(settings) / "adapters").string()), adapters(folder) {
    HookOptions hooks;
    hooks.domain = house->domain().get();
    hooks.adapters = &adapters;
    hooks.adapter_folder = folder;
    replay.emplace(house->door(), house->ground().rows(), hooks,
                   [this](const std::function<bool()>& ready) { house->await_commit(ready); });
    house->start();
  }
  std::unique_ptr<Pipeline> house;
  std::string folder;
  AdapterPool adapters;
  std::optional<Replay> replay;
};

int change_in_folder(const Settings& settings, const std::vector<std::string>& ids, bool replay) {
  auto pipeline = Pipeline::open(settings);
  if (!pipeline) return failed(pipeline.error());
  Opened opened{settings, std::move(*pipeline)};
  Tally tally;
  for (const std::string& id : ids) {
    std::string trouble;
    if (replay) {
      auto replayed = opened.replay->one(id);
      if (!replayed) trouble = replayed.error().text();
      if (replayed && !replayed->entered.rejected.empty()) trouble = replayed->entered.rejected.front().reason;
    } else if (auto dropped = opened.replay->drop(id); !dropped) {
      trouble = dropped.error().text();
    }
    ++(trouble.empty() ? tally.good : tally.still_bad);
    if (!trouble.empty()) fmt::print(stderr, "{}: {}\n", id, trouble);
  }
  if (auto settled = opened.house->wait_settled(); !settled) return failed(settled.error());
  opened.house->stop();
  return tally.finish(replay ? "replayed" : "dropped");
}

// What became of the letters that a replay chose by what they have in common.
struct BulkTally {
  std::int64_t replayed = 0, failed = 0, accepted = 0, skipped = 0;
  static void tell(const std::string& id, const std::string& where, const std::string& reason) {
    fmt::print(stderr, "{}: {}\n", id, Error{Fault::bad_input, where, reason}.text());
  }
  int finish(bool all) const {
    if (all) return Tally{static_cast<int>(replayed), static_cast<int>(failed)}.finish("replayed");
    fmt::print("{{\"replayed\":{},\"failed\":{},\"accepted\":{},\"skipped\":{}}}\n", replayed, failed, accepted,
               skipped);
    return failed == 0 ? 0 : 1;
  }
};

int replay_many_on_server(const std::string& server, const Settings& settings, bool all) {
  BulkTally tally;
  auto done =
      each_page(server, "POST", fmt::format("/api/v1/dead/replay?limit={}{}", Replay::kPage_max, question_of(settings)),
                [&](const ordered_json& page) {
                  tally.replayed += page.at("replayed").get<std::int64_t>();
                  tally.failed += page.at("failed").get<std::int64_t>();
                  tally.accepted += page.at("accepted").get<std::int64_t>();
                  tally.skipped += page.at("skipped").get<std::int64_t>();
                  for (const ordered_json& one : page.at("failures"))
                    BulkTally::tell(one.at("id"), one.at("where"), one.at("reason"));
                });
  if (!done) return failed(done.error());
  return tally.finish(all);
}

int replay_many_in_folder(const Settings& settings, bool all) {
  auto pipeline = Pipeline::open(settings);
  if (!pipeline) return failed(pipeline.error());
  Opened opened{settings, std::move(*pipeline)};
  BulkTally tally;
  std::optional<std::string> after;
  bool more = true;
  while (more) {
    auto page = opened.replay->many(filter_of(settings), after, Replay::kPage_max);
    if (!page) return failed(page.error());
    tally.replayed += page->replayed;
    tally.failed += page->failed;
    tally.accepted += page->accepted;
    tally.skipped += page->skipped;
    for (const auto& one : page->failures) BulkTally::tell(one.id, one.where, one.reason);
    if (page->full) {
      if (auto settled = opened.house->wait_settled(); !settled) return failed(settled.error());
    }
    more = page->full || page->next;
    after = page->next;
  }
  if (auto settled = opened.house->wait_settled(); !settled) return failed(settled.error());
  opened.house->stop();
  return tally.finish(all);
}

}  // namespace

int dead(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  std::vector<std::string> words = invocation.arguments;
  std::string verb = words.empty() ? "list" : words.front();
  if (!words.empty()) words.erase(words.begin());
  const bool chosen = settings.dead.reason || settings.dead.adapter || settings.dead.before;
  const bool all = words == std::vector<std::string>{"all"};
  const bool many = verb == "replay" && (all || (words.empty() && chosen));
  const bool known = (verb == "list" && words.empty()) || (verb == "show" && !words.empty()) || many ||
                     ((verb == "replay" || verb == "drop") && !words.empty());
  if (!known || (chosen && !words.empty() && !all)) {
    fmt::print(
        stderr,
        "echoloop dead: list [--group], show ID…, replay ID…|all, drop ID…|all; --reason, --adapter, --before and "
        "--tenant choose letters in place of ids\n");
    return 2;
  }
  auto server = running_server(settings);
  if (verb == "list") return list(settings, server);
  if (verb == "show") return show(settings, server, words);
  if (many)
    return server ? replay_many_on_server(*server, settings, !chosen) : replay_many_in_folder(settings, !chosen);
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
