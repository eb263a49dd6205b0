#include "pipeline/serving/explain_event.h"

#include <fmt/format.h>

#include "pipeline/serving/dead_letters.h"
#include "pipeline/serving/explain_session.h"
#include "pipeline/serving/task_rows.h"
#include "processors/casework/case_book.h"
#include "processors/sessions/dead_letters.h"
#include "schemas/codec.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

bool is_meant(const EventQuery& query, const ordered_json& event) {
  if (text_at(event, "/id") != query.id) return false;
  if (query.source && text_at(event, "/source") != *query.source) return false;
  return !query.tenant || text_at(event, "/data/tenant") == *query.tenant;
}

// A letter as far as an event is concerned: the letter itself is one request away.
ordered_json letter_json(const DeadEntry& entry) {
  ordered_json out = dead_json(entry);
  out.erase("document");
  return out;
}

class Search {
 public:
  Search(const EventQuery& query, const Sources& sources, const Domain& domain)
      : query_(query), sources_(sources), domain_(domain) {}

  // Looks at one record of the log; appends what it finds to `items`.
  Result<void> look(int shard, const stage::Record& record, ordered_json& items) {
    if (record.kind == stage::Kind::event) {
      if (!may_be_it(record.value)) return {};
      const ordered_json event = ordered_json::parse(record.value, nullptr, false);
      if (!is_meant(query_, event)) return {};
      auto item = place_of_event(shard, record, event);
      if (!item) return tl::make_unexpected(item.error());
      items.push_back(std::move(*item));
    } else if (record.kind == stage::Kind::rejected && record.value.find(query_.id) != std::string_view::npos) {
      return look_at_rejected(shard, record, items);
    }
    return {};
  }

 private:
  // Cheap for the many that are another: only what is written with escapes must be decoded to tell.
  bool may_be_it(std::string_view value) {
    if (value.find(query_.id) != std::string_view::npos) return true;
    if (value.find('\\') == std::string_view::npos) return false;
    auto event = decoder_.decode(value);
    return event && event->id == query_.id;
  }

  // Of the letters from that place the one with that document: the topic may have been made anew.
  Result<std::optional<DeadEntry>> letter_of(int shard, const stage::Record& record, std::string_view document) {
    const std::string place = sessions::dead_letter_id(shard, record.offset);
    std::string id = place;
    for (int again = 2;; ++again) {
      auto letter = find_dead(id, sources_);
      if (!letter || !*letter || document.starts_with((*letter)->letter.rejected().document())) return letter;
      id = fmt::format("{}-{}", place, again);
    }
  }

  Result<void> look_at_rejected(int shard, const stage::Record& record, ordered_json& items) {
    state::Rejected rejected;
    if (!rejected.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()))) return {};
    if (!rejected.replay_of().empty()) return {};  // the letter is listed where it first came
    const ordered_json event = ordered_json::parse(rejected.document(), nullptr, false);
    if (!event.is_object() || !is_meant(query_, event)) return {};
    ordered_json item = head(shard, record, event);
    auto letter = letter_of(shard, record, rejected.document());
    if (!letter) return tl::make_unexpected(letter.error());
    put_letter(*letter, item);
    items.push_back(std::move(item));
    return {};
  }

  static ordered_json head(int shard, const stage::Record& record, const ordered_json& event) {
    const auto text = [&](const char* place) {
      std::string found = text_at(event, place);
      return found.empty() ? ordered_json(nullptr) : ordered_json(found);
    };
    return {{"id", text("/id")},
            {"source", text("/source")},
            {"type", text("/type")},
            {"tenant", text("/data/tenant")},
            {"session_id", text("/data/session_id")},
            {"place", {{"shard", shard}, {"offset", record.offset}}},
            {"received_at", format_time(record.at)}};
  }

  static void put_letter(const std::optional<DeadEntry>& letter, ordered_json& item) {
    item["state"] = letter ? "dead_lettered" : "waiting";
    item["why"] = letter ? ordered_json(letter->letter.rejected().reason())
                         : ordered_json("refused, and not yet kept as a dead letter");
    if (letter) item["dead_letter"] = letter_json(*letter);
  }

  Result<ordered_json> place_of_event(int shard, const stage::Record& record, const ordered_json& event) {
    ordered_json item = head(shard, record, event);
    auto letter = letter_of(shard, record, record.value);
    if (!letter) return tl::make_unexpected(letter.error());
    if (*letter) {
      put_letter(*letter, item);
      return item;
    }
    const std::string type = text_at(event, "/type");
    if (type == "echoloop.task.command.v1") return command(event, std::move(item));
    if (type == "echoloop.outcome.observed.v1") {
      item["state"] = "applied";
      item["why"] = "an outcome: it belongs to no session; another with the same source and id is a duplicate";
      return item;
    }
    return of_session(shard, record, event, std::move(item));
  }

  Result<ordered_json> command(const ordered_json& event, ordered_json item) {
    const std::string tenant = text_at(event, "/data/tenant");
    auto row = sources_.rows->get(stage::Table::command_results, shard_of_tenant(tenant, sources_),
                                  casework::command_key(text_at(event, "/source"), text_at(event, "/id")));
    if (!row) return tl::make_unexpected(row.error());
    item["task_id"] = text_at(event, "/data/task_id");
    state::CommandResult result;
    if (*row && result.ParseFromString(**row)) {
      item["state"] = result.status() < 300 ? "applied" : "refused";
      item["why"] = result.detail().empty() ? ordered_json(nullptr) : ordered_json(result.detail());
      item["status"] = result.status();
    } else {
      item["state"] = "waiting";
      item["why"] = "no result is kept: on its way, or refused and a dead letter of its own (<shard>-c<offset>)";
    }
    return item;
  }

  Result<ordered_json> of_session(int shard, const stage::Record& record, const ordered_json& event,
                                  ordered_json item) {
    const std::string tenant = text_at(event, "/data/tenant"), session = text_at(event, "/data/session_id");
    auto explained = explained_session(tenant, session);
    if (!explained) return tl::make_unexpected(explained.error());
    item["state"] = "waiting";
    item["why"] = "on its way, or its session was forgotten";
    if (explained->is_null()) return item;
    item["why"] = "on its way, or behind the first 1024 events of its session";
    for (const ordered_json& line : explained->at("events")) {
      if (line["place"]["shard"] != shard || line["place"]["offset"] != record.offset) continue;
      for (const char* name : {"state", "why", "late", "duplicate_of"}) {
        if (line.contains(name)) item[name] = line[name];
      }
    }
    return item;
  }

  // Null: there is no such session. Remembers the last one: duplicates come in pairs.
  Result<ordered_json> explained_session(const std::string& tenant, const std::string& session) {
    if (last_ == std::pair{tenant, session}) return explained_;
    http::Query asked;
    asked.add("tenant", {tenant});
    auto found = find_session(asked, session, sources_);
    if (!found) return tl::make_unexpected(found.error());
    explained_ = nullptr;
    if (*found) {
      auto explained = explain_session(**found, sources_, domain_);
      if (!explained) return explained;
      explained_ = std::move(*explained);
    }
    last_ = {tenant, session};
    return explained_;
  }

  const EventQuery& query_;
  const Sources& sources_;
  const Domain& domain_;
  EventDecoder decoder_;
  std::pair<std::string, std::string> last_;
  ordered_json explained_;
};

}  // namespace

std::string text_at(const ordered_json& event, const char* pointer) {
  const ordered_json::json_pointer place{pointer};
  if (!event.is_object() || !event.contains(place) || !event.at(place).is_string()) return {};
  return event.at(place).get<std::string>();
}

Result<EventAnswer> search_event(const EventQuery& query, LogPlace from, const Sources& sources, const Domain& domain) {
  EventAnswer out;
  Search search{query, sources, domain};
  std::size_t bytes = 0;
  for (; from.shard < sources.shards; from = {from.shard + 1, 0}) {
    while (true) {
      if (out.searched >= kSearched_records_max || bytes >= kSearched_bytes_max) {
        out.next = from;
        return out;
      }
      auto slice = sources.read_events(from.shard, from.offset, {.records_max = 10'000, .bytes_max = 8u << 20});
      if (!slice) return tl::make_unexpected(slice.error());
      if (slice->records.empty()) break;
      for (const stage::Record& record : slice->records) {
        bytes += record.value.size();
        ++out.searched;
        if (auto looked = search.look(from.shard, record, out.items); !looked)
          return tl::make_unexpected(looked.error());
      }
      from.offset = slice->records.back().offset + 1;
    }
  }
  return out;
}

Result<EventAnswer> event_of_session(const EventQuery& query, const Sources& sources, const Domain& domain) {
  EventAnswer out;
  http::Query asked;
  if (query.tenant) asked.add("tenant", {*query.tenant});
  auto found = find_session(asked, *query.session, sources);
  if (!found) return tl::make_unexpected(found.error());
  if (!*found) return out;
  Search search{query, sources, domain};
  const int shard = sources.shard_of(*query.session);
  for (const state::EventPlace& place : (*found)->row.events) {
    auto slice = sources.read_events(shard, place.offset, {.records_max = 1, .bytes_max = 0});
    if (!slice) return tl::make_unexpected(slice.error());
    if (slice->records.empty() || slice->records.front().offset != place.offset) continue;
    ++out.searched;
    if (auto looked = search.look(shard, slice->records.front(), out.items); !looked)
      return tl::make_unexpected(looked.error());
  }
  return out;
}

}  // namespace echoloop::serving
