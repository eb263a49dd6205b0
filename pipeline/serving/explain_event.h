// Where an event is that somebody sent: applied, duplicate, superseded, a dead letter, on its way, or nowhere (F39).
// There is no index of event ids: the raw log is read for it, a bounded piece a call, unless the session is known. Read
// only; safe from any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "pipeline/serving/sources.h"

namespace echoloop::serving {

// What one call reads of the log.
inline constexpr std::int64_t kSearched_records_max = 500'000;
inline constexpr std::size_t kSearched_bytes_max = std::size_t{256} << 20;

struct EventQuery {
  std::string id;
  std::optional<std::string> source, tenant, session;
};

// Where a search goes on.
struct LogPlace {
  int shard = 0;
  std::int64_t offset = 0;
};

struct EventAnswer {
  nlohmann::ordered_json items = nlohmann::ordered_json::array();
  std::int64_t searched = 0;     // records of the log that were looked at
  std::optional<LogPlace> next;  // none: all was read
};

// Searches the log from `from` on, oldest first within each shard.
Result<EventAnswer> search_event(const EventQuery& query, LogPlace from, const Sources& sources, const Domain& domain);
// The events of query.session only: `items` is empty where it has none of that id. Error (bad_input): several tenants
// have such a session.
Result<EventAnswer> event_of_session(const EventQuery& query, const Sources& sources, const Domain& domain);

// The text of an event at a JSON pointer; empty: there is none.
std::string text_at(const nlohmann::ordered_json& event, const char* pointer);

}  // namespace echoloop::serving
