#include "pipeline/intake/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace echoloop {
namespace {

// "<shard>-<offset>" (processors/sessions/dead_letters.h).
std::optional<int> shard_of(const std::string& id) {
  int shard = 0;
  auto dash = id.find('-');
  if (dash == std::string::npos || dash == 0) return std::nullopt;
  auto [end, ec] = std::from_chars(id.data(), id.data() + dash, shard);
  if (ec != std::errc{} || end != id.data() + dash || shard < 0) return std::nullopt;
  return shard;
}

// What an import kept of a CSV row that does not fit its header: its fields without their names (csv.h).
constexpr std::string_view kMend_row = "; mend the file and import that row again: it was kept without its header";

std::optional<Error> ragged_row(const state::Rejected& rejected) {
  if (!rejected.document().starts_with('[')) return std::nullopt;
  const std::string& reason = rejected.reason();
  return Error{Fault::bad_input, std::string(place_of(rejected.where()).pointer),
               reason.ends_with(kMend_row) ? reason : reason + std::string(kMend_row)};
}

}  // namespace

Replay::Turn::Turn(Replay& replay, std::string id) : replay_(replay), id_(std::move(id)) {
  std::unique_lock lock{replay_.mutex_};
  replay_.freed_.wait(lock, [this] { return replay_.taken_.insert(id_).second; });
}

Replay::Turn::~Turn() {
  std::lock_guard lock{replay_.mutex_};
  replay_.taken_.erase(id_);
  replay_.freed_.notify_all();
}

Result<Replay::Letter> Replay::find_open(const std::string& id, std::string_view tenant) const {
  auto none = [&id] { return bad_input(std::string(kNo_letter), fmt::format("there is no dead letter {}", id)); };
  auto shard = shard_of(id);
  if (!shard || *shard >= door_.partitions()) return none();
  auto bytes = rows_.get(stage::Table::dead, *shard, id);
  if (!bytes) return tl::make_unexpected(bytes.error());
  if (!*bytes) return none();
  Letter letter{id, *shard, {}};
  if (!letter.row.ParseFromString(**bytes)) return broken_world(id, "the dead letter cannot be read back");
  if (!is_for(letter.row, tenant)) return none();
  if (letter.row.state() == state::DeadLetter::OPEN) return letter;
  auto what = letter.row.state() == state::DeadLetter::REPLAYED ? "replayed" : "dropped";
  return bad_input(std::string(kSettled_letter), fmt::format("dead letter {} was {} already", id, what));
}

// The events that the letter's document stands for today, by its adapter where it has one.
Result<std::vector<AdapterOutput>> Replay::adapted_again(const state::Rejected& rejected) const {
  if (rejected.adapter().empty()) {
    std::vector<AdapterOutput> itself(1);
    itself[0].event = rejected.document();
    return itself;
  }
  if (auto ragged = ragged_row(rejected)) return tl::make_unexpected(*ragged);
  auto file = adapter_file(*options_.domain->get(), options_.adapter_folder, rejected.adapter());
  if (!file) return tl::make_unexpected(file.error());
  return options_.adapters->run(*file, rejected.tenant(), rejected.document());
}

// The rows show what was appended about the letter: that it is settled, or was replayed in vain once more.
bool Replay::changed(const Letter& before) const {
  auto bytes = rows_.get(stage::Table::dead, before.shard, before.id);
  state::DeadLetter now;
  if (!bytes || !*bytes || !now.ParseFromString(**bytes)) return false;
  return now.state() != state::DeadLetter::OPEN || now.replays() > before.row.replays();
}

Result<Replayed> Replay::send(const Letter& letter) {
  const auto& rejected = letter.row.rejected();
  Replayed out;
  auto outputs = adapted_again(rejected);
  // No fault of the document or its adapter: nothing has changed, and it may be asked for again.
  if (!outputs && outputs.error().fault == Fault::world) return tl::make_unexpected(outputs.error());
  Result<Entered> entered = [&] {
    if (!outputs) return door_.replay_failed(letter.id, letter.shard, rejected, outputs.error());
    std::vector<std::string_view> events;
    for (const auto& output : *outputs) {
      if (output.skipped()) {
        out.skipped.push_back(output.skip);
      } else {
        events.emplace_back(output.event);
      }
    }
    return door_.replay(letter.id, letter.shard, rejected, events);
  }();
  if (!entered) return tl::make_unexpected(entered.error());
  out.entered = std::move(*entered);
  return out;
}

Result<Replayed> Replay::one(const std::string& id, std::string_view tenant) {
  Turn turn{*this, id};
  auto letter = find_open(id, tenant);
  if (!letter) return tl::make_unexpected(letter.error());
  auto replayed = send(*letter);
  if (replayed && !replayed->entered.full && await_) await_([&] { return changed(*letter); });
  return replayed;
}

Result<bool> Replay::drop(const std::string& id, std::string_view tenant) {
  Turn turn{*this, id};
  auto letter = find_open(id, tenant);
  if (!letter) return tl::make_unexpected(letter.error());
  auto dropped = door_.drop(id, letter->shard);
  if (dropped && *dropped && await_) await_([&] { return changed(*letter); });
  return dropped;
}

Result<std::vector<std::string>> Replay::choose(const DeadFilter& filter, const std::optional<std::string>& after,
                                                std::size_t limit, std::optional<std::string>& next) const {
  std::vector<std::string> out;
  int first = 0;
  if (after) {
    auto shard = shard_of(*after);
    if (!shard) return bad_input("cursor", "is none that this server gave");
    first = *shard;
  }
  std::size_t looked = 0;
  std::string last;
  bool more = false;
  for (int shard = first; shard < door_.partitions() && !more; ++shard) {
    std::string from = after && shard == first ? *after + '\0' : std::string{};
    auto scanned = rows_.scan(stage::Table::dead, shard, from, "", [&](std::string_view key, std::string_view value) {
      more = out.size() == limit || looked == kLooked_max;
      if (more) return false;
      ++looked;
      last = key;
      state::DeadLetter letter;
      if (letter.ParseFromArray(value.data(), static_cast<int>(value.size())) && filter.matches(letter))
        out.emplace_back(key);
      return true;
    });
    if (!scanned) return tl::make_unexpected(scanned.error());
  }
  if (more) next = last;
  return out;
}

Result<ReplayPage> Replay::many(DeadFilter filter, const std::optional<std::string>& after, std::size_t limit) {
  filter.state = state::DeadLetter::OPEN;
  ReplayPage out;
  auto ids = choose(filter, after, std::min(limit, kPage_max), out.next);
  if (!ids) return tl::make_unexpected(ids.error());
  // Every turn is kept until the rows show what was done. All requests take them in this order, so none waits in a
  // ring.
  std::vector<std::unique_ptr<Turn>> turns;
  std::vector<Letter> tried;
  std::optional<std::string> last = after;
  for (const std::string& id : *ids) {
    turns.push_back(std::make_unique<Turn>(*this, id));
    auto letter = find_open(id);
    if (!letter && letter.error().fault == Fault::bad_input) continue;  // another request was faster
    if (!letter) return tl::make_unexpected(letter.error());
    auto replayed = send(*letter);
    if (!replayed) return tl::make_unexpected(replayed.error());
    if (replayed->entered.full) {
      out.full = true;
      out.next = last;
      break;
    }
    last = id;
    if (replayed->entered.rejected.empty()) {
      ++out.replayed;
      out.accepted += static_cast<std::int64_t>(replayed->entered.accepted);
      out.skipped += static_cast<std::int64_t>(replayed->skipped.size());
    } else {
      ++out.failed;
      Rejection& first = replayed->entered.rejected.front();
      out.failures.push_back({id, std::move(first.where), std::move(first.reason)});
    }
    tried.push_back(std::move(*letter));
  }
  if (await_)
    await_([&] { return std::all_of(tried.begin(), tried.end(), [&](const Letter& one) { return changed(one); }); });
  return out;
}

}  // namespace echoloop
