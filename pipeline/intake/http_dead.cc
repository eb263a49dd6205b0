#include "pipeline/intake/http_dead.h"

#include <fmt/format.h>

#include <charconv>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "pipeline/intake/http_answers.h"
#include "pipeline/intake/shallow_json.h"
#include "schemas/state.pb.h"

namespace echoloop {
namespace {

constexpr std::string_view kNotFound = "404", kConflict = "409";

struct Letter {
  std::string id;
  int shard = 0;
  state::DeadLetter row;
};

// "<shard>-<offset>" (processors/sessions/dead_letters.h).
std::optional<int> shard_of(const std::string& id) {
  int shard = 0;
  auto dash = id.find('-');
  if (dash == std::string::npos || dash == 0) return std::nullopt;
  auto [end, ec] = std::from_chars(id.data(), id.data() + dash, shard);
  if (ec != std::errc{} || end != id.data() + dash || shard < 0) return std::nullopt;
  return shard;
}

Result<Letter> find_open(Door& door, const stage::View& rows, const std::string& id) {
  auto none = [&id] { return bad_input(std::string(kNotFound), fmt::format("there is no dead letter {}", id)); };
  auto shard = shard_of(id);
  if (!shard || *shard >= door.partitions()) return none();
  auto bytes = rows.get(stage::Table::dead, *shard, id);
  if (!bytes) return tl::make_unexpected(bytes.error());
  if (!*bytes) return none();
  Letter letter{id, *shard, {}};
  if (!letter.row.ParseFromString(**bytes)) return broken_world(id, "the dead letter cannot be read back");
  if (letter.row.state() == state::DeadLetter::OPEN) return letter;
  auto what = letter.row.state() == state::DeadLetter::REPLAYED ? "replayed" : "dropped";
  return bad_input(std::string(kConflict), fmt::format("dead letter {} was {} already", id, what));
}

// What an import kept of a CSV row that does not fit its header: its fields without their names (csv.h).
constexpr std::string_view kMend_row = "; mend the file and import that row again: it was kept without its header";

std::optional<Error> ragged_row(const state::Rejected& rejected) {
  if (!rejected.document().starts_with('[')) return std::nullopt;
  const std::string& reason = rejected.reason();
  return Error{Fault::bad_input, rejected.where(),
               reason.ends_with(kMend_row) ? reason : reason + std::string(kMend_row)};
}

// The events that the letter's document stands for today, by its adapter where it has one.
Result<std::vector<AdapterOutput>> adapted_again(const state::Rejected& rejected, const HookOptions& options) {
  if (rejected.adapter().empty()) {
    std::vector<AdapterOutput> itself(1);
    itself[0].event = rejected.document();
    return itself;
  }
  if (auto ragged = ragged_row(rejected)) return tl::make_unexpected(*ragged);
  auto file = adapter_file(*options.domain->get(), options.adapter_folder, rejected.adapter());
  if (!file) return tl::make_unexpected(file.error());
  return options.adapters->run(*file, rejected.tenant(), rejected.document());
}

// Until the rows show what was appended about the letter: that it is settled, or was replayed in vain once more.
void await_change(const Letter& before, const stage::View& rows, const AwaitCommit& await) {
  if (!await) return;
  await([&] {
    auto bytes = rows.get(stage::Table::dead, before.shard, before.id);
    state::DeadLetter now;
    if (!bytes || !*bytes || !now.ParseFromString(**bytes)) return false;
    return now.state() != state::DeadLetter::OPEN || now.replays() > before.row.replays();
  });
}

// Requests about the same letter, one after the other: the second must see what the first has done.
class Turns {
 public:
  class Turn {
   public:
    Turn(Turns& turns, std::string id) : turns_(turns), id_(std::move(id)) {
      std::unique_lock lock{turns_.mutex_};
      turns_.freed_.wait(lock, [this] { return turns_.taken_.insert(id_).second; });
    }
    ~Turn() {
      std::lock_guard lock{turns_.mutex_};
      turns_.taken_.erase(id_);
      turns_.freed_.notify_all();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Turns& turns_;
    std::string id_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  std::set<std::string> taken_;
};

http::Response refused(const Error& error) {
  if (error.where == kNotFound) return http::problem(404, "Not found", error.reason);
  if (error.where == kConflict) return http::problem(409, "Already settled", error.reason);
  return broken_response(error);
}

// One line of POST /api/v1/dead.
struct Line {
  std::string document, where, reason, adapter, tenant;
};

Result<Line> read_line(std::string_view text) {
  auto parsed = parse_shallow_json(text);
  if (!parsed) return tl::make_unexpected(parsed.error());
  const auto& json = *parsed;
  if (!json.is_object()) return bad_input("", "not a JSON object");
  Line line;
  auto read = [&json](const char* name, std::string& into) {
    auto found = json.find(name);
    if (found == json.end() || found->is_null()) return true;
    if (!found->is_string()) return false;
    into = found->get<std::string>();
    return true;
  };
  for (auto [name, into] : {std::pair{"where", &line.where},
                            {"reason", &line.reason},
                            {"adapter", &line.adapter},
                            {"tenant", &line.tenant}}) {
    if (!read(name, *into)) return bad_input(fmt::format("/{}", name), "must be a string");
  }
  auto document = json.find("document");
  if (document == json.end()) return bad_input("/document", "is missing");
  line.document = document->is_string() ? document->get<std::string>() : document->dump();
  if (line.reason.empty()) return bad_input("/reason", "is missing");
  return line;
}

http::Response post_dead(Door& door, const http::Request& request) {
  std::deque<Line> lines;
  std::vector<Refused> refused_documents;
  Entered entered;
  std::size_t index = 0;
  for_each_line(request.body, [&](std::size_t, std::string_view text) {
    auto line = read_line(text);
    if (!line) {
      entered.rejected.push_back({index, line.error().where, line.error().reason});
    } else {
      const auto& kept = lines.emplace_back(std::move(*line));
      refused_documents.push_back({kept.document, kept.where, kept.reason, kept.adapter, kept.tenant});
    }
    ++index;
  });
  // A line that is none is the sender's fault and was never a document: it is told, not kept.
  auto done = door.reject(refused_documents, Origin{"import", "", "", false});
  if (!done) return broken_response(done.error());
  if (!*done) return full_response();
  entered.accepted = refused_documents.size();
  return entered_response(entered);
}

http::Response post_replay(Door& door, const stage::View& rows, const HookOptions& options, const AwaitCommit& await,
                           const std::string& id) {
  auto replayed = replay_dead(door, rows, options, id, await);
  if (!replayed) return refused(replayed.error());
  return entered_response(std::move(replayed->entered), replayed->skipped);
}

http::Response delete_dead(Door& door, const stage::View& rows, const AwaitCommit& await, const std::string& id) {
  auto dropped = drop_dead(door, rows, id, await);
  if (!dropped) return refused(dropped.error());
  if (!*dropped) return full_response();
  http::Response response;
  response.status = 204;
  return response;
}

}  // namespace

Result<Replayed> replay_dead(Door& door, const stage::View& rows, const HookOptions& options, const std::string& id,
                             const AwaitCommit& await) {
  auto letter = find_open(door, rows, id);
  if (!letter) return tl::make_unexpected(letter.error());
  const auto& rejected = letter->row.rejected();
  Replayed out;
  auto outputs = adapted_again(rejected, options);
  // No fault of the document or its adapter: nothing has changed, and it may be asked for again.
  if (!outputs && outputs.error().fault == Fault::world) return tl::make_unexpected(outputs.error());
  Result<Entered> entered = [&] {
    if (!outputs) return door.replay_failed(id, letter->shard, rejected, outputs.error());
    std::vector<std::string_view> events;
    for (const auto& output : *outputs) {
      if (output.skipped()) {
        out.skipped.push_back(output.skip);
      } else {
        events.emplace_back(output.event);
      }
    }
    return door.replay(id, letter->shard, rejected, events);
  }();
  if (!entered) return tl::make_unexpected(entered.error());
  out.entered = std::move(*entered);
  if (!out.entered.full) await_change(*letter, rows, await);
  return out;
}

Result<bool> drop_dead(Door& door, const stage::View& rows, const std::string& id, const AwaitCommit& await) {
  auto letter = find_open(door, rows, id);
  if (!letter) return tl::make_unexpected(letter.error());
  auto dropped = door.drop(id, letter->shard);
  if (dropped && *dropped) await_change(*letter, rows, await);
  return dropped;
}

void add_dead_routes(http::Router& router, Door& door, const stage::View& rows, const HookOptions& options,
                     const AwaitCommit& await) {
  http::Operation keep{.method = "POST", .path = "/api/v1/dead"};
  keep.body_types = {"application/x-ndjson"};
  router.add(std::move(keep), [&door](const http::Request& request) { return post_dead(door, request); });
  auto turns = std::make_shared<Turns>();
  router.add({.method = "POST", .path = "/api/v1/dead/{id}/replay"},
             [&door, &rows, options, await, turns](const http::Request& request) {
               Turns::Turn turn{*turns, request.parts.at("id")};
               return post_replay(door, rows, options, await, request.parts.at("id"));
             });
  router.add({.method = "DELETE", .path = "/api/v1/dead/{id}"},
             [&door, &rows, await, turns](const http::Request& request) {
               Turns::Turn turn{*turns, request.parts.at("id")};
               return delete_dead(door, rows, await, request.parts.at("id"));
             });
}

}  // namespace echoloop
