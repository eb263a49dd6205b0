#include "pipeline/serving/dead_letters.h"

#include <algorithm>
#include <charconv>
#include <functional>
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

// Letters from after `after` on, by shard and id, until `visit` has enough.
Result<void> walk(const std::optional<std::string>& after, const Sources& sources,
                  const std::function<bool(DeadEntry entry)>& visit) {
  int first = after ? shard_in(*after).value_or(0) : 0;
  bool going = true;
  for (int shard = first; shard < sources.shards && going; ++shard) {
    std::string from = after && shard == first ? *after + '\0' : std::string{};
    auto scanned =
        sources.rows->scan(stage::Table::dead, shard, from, "", [&](std::string_view key, std::string_view value) {
          DeadEntry entry{std::string(key), shard, {}};
          entry.letter.ParseFromArray(value.data(), static_cast<int>(value.size()));
          return going = visit(std::move(entry));
        });
    if (!scanned) return scanned;
  }
  return {};
}

}  // namespace

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
  auto walked = walk(after, sources, [&](DeadEntry entry) {
    if (filter.matches(entry.letter)) out.push_back(std::move(entry));
    return out.size() < limit;
  });
  if (!walked) return tl::make_unexpected(walked.error());
  return out;
}

Result<std::optional<std::string>> add_to_groups(const std::optional<std::string>& after, const DeadFilter& filter,
                                                 const Sources& sources, DeadGroups& groups) {
  std::size_t looked = 0;
  std::string last;
  std::optional<std::string> next;
  auto walked = walk(after, sources, [&](const DeadEntry& entry) {
    if (looked == kGroupedLetters_max) {
      next = last;
      return false;
    }
    ++looked;
    last = entry.id;
    if (!filter.matches(entry.letter)) return true;
    const state::Rejected& rejected = entry.letter.rejected();
    DeadGroup& group = groups[{fault_of(rejected), adapter_of(rejected), rejected.tenant()}];
    const bool first = ++group.count == 1;
    if (first || rejected.received_at() < group.first_seen_ms) group.first_seen_ms = rejected.received_at();
    if (first || rejected.received_at() >= group.last_seen_ms) {
      group.last_seen_ms = rejected.received_at();
      group.example_id = entry.id;
      group.example_reason = rejected.reason();
    }
    return true;
  });
  if (!walked) return tl::make_unexpected(walked.error());
  return next;
}

void add_groups(const ordered_json& items, DeadGroups& groups) {
  for (const ordered_json& item : items) {
    std::string tenant = item.at("tenant").is_null() ? "" : item.at("tenant").get<std::string>();
    DeadGroup& group = groups[{item.at("reason"), item.at("adapter"), std::move(tenant)}];
    const std::int64_t first = to_ms(parse_time(item.at("first_seen").get<std::string>()).value_or(Time{}));
    const std::int64_t last = to_ms(parse_time(item.at("last_seen").get<std::string>()).value_or(Time{}));
    if (group.count == 0 || first < group.first_seen_ms) group.first_seen_ms = first;
    if (group.count == 0 || last >= group.last_seen_ms) {
      group.last_seen_ms = last;
      group.example_id = item.at("example_id");
      group.example_reason = item.at("example_reason");
    }
    group.count += item.at("count").get<std::int64_t>();
  }
}

ordered_json groups_json(const DeadGroups& groups) {
  std::vector<const DeadGroups::value_type*> sorted;
  for (const auto& group : groups) sorted.push_back(&group);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto* a, const auto* b) { return a->second.count > b->second.count; });
  ordered_json out = ordered_json::array();
  for (const auto* group : sorted) {
    const auto& [reason, adapter, tenant] = group->first;
    const DeadGroup& seen = group->second;
    out.push_back({{"reason", reason},
                   {"adapter", adapter},
                   {"tenant", tenant.empty() ? ordered_json(nullptr) : ordered_json(tenant)},
                   {"count", seen.count},
                   {"first_seen", format_time(from_ms(seen.first_seen_ms))},
                   {"last_seen", format_time(from_ms(seen.last_seen_ms))},
                   {"example_id", seen.example_id},
                   {"example_reason", seen.example_reason}});
  }
  return out;
}

ordered_json dead_json(const DeadEntry& entry) {
  static constexpr const char* kStates[] = {"open", "replayed", "dropped"};
  const state::Rejected& rejected = entry.letter.rejected();
  const LetterPlace place = place_of(rejected.where());
  ordered_json out = {
      {"id", entry.id},
      {"tenant", rejected.tenant().empty() ? ordered_json(nullptr) : ordered_json(rejected.tenant())},
      {"state", kStates[entry.letter.state()]},
      {"reason", rejected.reason()},
      {"group", fault_of(rejected)},
      {"where", rejected.adapter().empty() ? std::string(place.pointer) : rejected.where()},
      {"position", place.position.empty() ? ordered_json(nullptr) : ordered_json(std::string(place.position))},
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
