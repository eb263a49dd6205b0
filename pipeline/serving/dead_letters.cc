#include "pipeline/serving/dead_letters.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "pipeline/base/time.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

std::optional<int> shard_in(const std::string& id) {
  int shard = -1;
  auto [end, failure] = std::from_chars(id.data(), id.data() + id.size(), shard);
  if (failure != std::errc{} || end == id.data() + id.size() || *end != '-' || shard < 0) return std::nullopt;
  return shard;
}

}  // namespace

bool DeadFilter::matches(const state::DeadLetter& letter) const {
  return (!state || letter.state() == *state) && (!tenant || letter.rejected().tenant() == *tenant);
}

Result<std::optional<DeadEntry>> find_dead(const std::string& id, const Sources& sources) {
  auto shard = shard_in(id);
  if (!shard || *shard >= sources.shards) return std::optional<DeadEntry>{};
  auto bytes = sources.rows->get(stage::Table::dead, *shard, id);
  if (!bytes) return tl::make_unexpected(bytes.error());
  if (!*bytes) return std::optional<DeadEntry>{};
  DeadEntry entry{id, *shard, {}};
  entry.letter.ParseFromString(**bytes);
  return std::optional<DeadEntry>{std::move(entry)};
}

Result<std::vector<DeadEntry>> list_dead(const std::optional<std::string>& after, const DeadFilter& filter,
                                         std::size_t limit, const Sources& sources) {
  std::vector<DeadEntry> out;
  int first = after ? shard_in(*after).value_or(0) : 0;
  for (int shard = first; shard < sources.shards && out.size() < limit; ++shard) {
    std::string from = after && shard == first ? *after + '\0' : std::string{};
    auto scanned =
        sources.rows->scan(stage::Table::dead, shard, from, "", [&](std::string_view key, std::string_view value) {
          DeadEntry entry{std::string(key), shard, {}};
          entry.letter.ParseFromArray(value.data(), static_cast<int>(value.size()));
          if (filter.matches(entry.letter)) out.push_back(std::move(entry));
          return out.size() < limit;
        });
    if (!scanned) return tl::make_unexpected(scanned.error());
  }
  return out;
}

ordered_json dead_json(const DeadEntry& entry) {
  static constexpr const char* kStates[] = {"open", "replayed", "dropped"};
  const state::Rejected& rejected = entry.letter.rejected();
  ordered_json out = {
      {"id", entry.id},
      {"tenant", rejected.tenant().empty() ? ordered_json(nullptr) : ordered_json(rejected.tenant())},
      {"state", kStates[entry.letter.state()]},
      {"reason", rejected.reason()},
      {"where", rejected.where()},
      {"adapter", rejected.adapter().empty() ? ordered_json(nullptr) : ordered_json(rejected.adapter())},
      {"door", rejected.door()},
      {"received_at", format_time(from_ms(rejected.received_at()))},
      {"replays", entry.letter.replays()}};
  out["settled_at"] = entry.letter.settled_at() == 0 ? ordered_json(nullptr)
                                                     : ordered_json(format_time(from_ms(entry.letter.settled_at())));
  out["document"] = rejected.document();
  return out;
}

}  // namespace echoloop::serving
