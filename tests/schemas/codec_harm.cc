// The harmful half of RandomEvents.
#include <vector>

#include "tests/schemas/codec_random.h"

namespace echoloop::test {
namespace {

using nlohmann::json;

// clang-format off
constexpr const char* kWords[] = {
    "customer", "agent", "system", "reviewer", "human", "bot", "resolved", "unresolved", "yes", "no", "delivered",
    "refused", "failed", "no_answer", "appeal", "forged", "test", "accept", "reject", "start", "hold", "resume",
    "done", "assign", "tell_customer", "merge", "split", "comment", "close", "reopen", "1.0", "0.3", "acknowledge",
    "training", "process", "Customer", "", "maybe", "knowledge"};
constexpr const char* kTimes[] = {
    "2026-03-01T08:00:00Z", "2026-03-01t08:00:00z", "2026-03-01 08:00:00+05:45", "2026-03-01T08:00:00",
    "2026-02-29T08:00:00Z", "2024-02-29T23:59:60Z", "2026-13-01T08:00:00Z", "2026-03-01T24:00:00Z",
    "2026-03-01T08:60:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00+00:01",
    "2199-12-31T23:59:59.999Z", "2199-12-31T23:59:59-00:01", "2200-01-01T00:00:00Z",
    "2026-03-01T08:00:00.123456789Z", "2026-03-01T08:00:00.Z", "2026-03-01T08:00:00+24:00",
    "2026-03-01T08:00:00+08:60", "2026-03-01", "2026-03-01T08:00:00+0800", "2026-03-01T08:00:00Zx",
    "2199-12-31T23:59:60Z", "2026-00-10T08:00:00Z", "0000-01-01T00:00:00Z", "2026-03-01T08:00:00.0009-23:59"};
constexpr const char* kKeys[] = {
    "tenant", "session_id", "subject", "time", "id", "source", "type", "specversion", "data", "datacontenttype",
    "dataschema", "version", "channel", "tags", "comment", "score", "min", "max", "value", "answers", "agents",
    "from", "to", "kind", "knowledge", "lookups", "hits", "routing", "links", "reason", "until", "sessions",
    "department", "person", "into", "how", "text", "note", "command", "action_type", "effective_from", "queued_ms",
    "transfers", "customer_id", "wants_contact", "resolved", "outcome", "skipped", "question", "add", "remove",
    "by", "who", "agrees", "numerator", "denominator", "x", "unknown/~key"};
const json kNumbers[] = {
    0, 1, -1, 5, 10, 0.5, -0.0, 5.0, 1e3, 4.125, 4.1255, 0.001, 0.0001, -3.75, 1e9, 1000000000, 1000000001,
    -1000000000, -1000000001, 1000000000.001, 1000000000000, 1000000000001, 1e12, 1000000000000000,
    1000000000000001, 1e15, 1000000000000000000, 1000000000000001000, -1000000000000001000, 1e18, 1e19,
    9223372036854775807, 18446744073709551615u, 1e300, -1e-300};
// clang-format on

}  // namespace

std::string RandomEvents::odd_text() {
  switch (below(7)) {
    case 0:
      return "";
    case 1:
      return std::string(256, 'x');
    case 2:
      return std::string(257, 'x');
    case 3:
      return std::string(254 + below(2), 'x') + "é";  // 256 characters or fewer, 256 or 257 bytes
    case 4:
      return std::string(below(2) == 0 ? 65'536 : 65'537, 'y');
    case 5:
      return std::string(65'535, 'z') + "客";  // 65,536 characters of more bytes
    default:
      return std::string(any(kWords));
  }
}

std::string RandomEvents::odd_time() { return std::string(any(kTimes)); }

json RandomEvents::odd_value() {
  switch (below(9)) {
    case 0:
      return nullptr;
    case 1:
      return chance(50);
    case 2:
      return kNumbers[below(std::size(kNumbers))];
    case 3:
      return odd_text();
    case 4:
      return odd_time();
    case 5:
      return json::array();
    case 6:
      return json::object();
    case 7:
      return json::array({odd_text(), kNumbers[below(std::size(kNumbers))]});
    default: {
      json deep = json::object();
      std::uint64_t levels = 55 + below(12);
      for (std::uint64_t i = 0; i < levels; ++i) deep = i % 2 == 0 ? json::array({deep}) : json{{"k", deep}, {"l", 1}};
      return deep;
    }
  }
}

json* RandomEvents::any_place(json& document, bool container_only) {
  std::vector<json*> places;
  const auto visit = [&](const auto& self, json& at, int depth) -> void {
    if (!container_only || at.is_structured()) places.push_back(&at);
    if (at.is_structured() && depth < 6) {
      for (auto& inner : at) self(self, inner, depth + 1);
    }
  };
  visit(visit, document, 0);
  return places[below(places.size())];
}

// Values that single changes hardly ever bring together.
void RandomEvents::mutate_meaning(json& data) {
  const auto some_number = [&] { return kNumbers[below(std::size(kNumbers))]; };
  const auto small = [&] { return json(static_cast<double>(below(9'000)) / (chance(90) ? 1000 : 10'000)); };
  if (data.contains("closed_at")) {
    data["agents"] = json::array({{{"id", "a"}, {"from", odd_time()}, {"to", odd_time()}}});
  } else if (data.contains("submitted_at")) {
    json& score = data["score"] = {{"value", chance(70) ? small() : some_number()}};
    if (chance(70)) score["min"] = chance(70) ? small() : some_number();
    if (chance(70)) score["max"] = chance(70) ? small() : some_number();
  } else if (data.contains("command")) {
    data["command"] = any(kWords);
  }
}

void RandomEvents::mutate(json& document) {
  if (chance(25) && document.is_object() && document.contains("data") && document["data"].is_object())
    return mutate_meaning(document["data"]);
  json& place = *any_place(document, document.is_structured() && chance(50));
  if (chance(15)) {
    place = odd_value();
  } else if (place.is_object()) {
    std::vector<std::string> keys;
    for (auto& [key, value] : place.items()) keys.push_back(key);
    if (chance(40) && !keys.empty()) {
      place.erase(keys[below(keys.size())]);
    } else if (chance(30) && !keys.empty()) {
      place[keys[below(keys.size())]] = nullptr;
    } else {
      json value = odd_value();
      place[std::string(any(kKeys))] = std::move(value);
    }
  } else if (place.is_array()) {
    json value = chance(30) || place.empty() ? odd_value() : json(place[below(place.size())]);
    bool many = chance(30) && value.dump().size() < 300;  // not megabytes
    std::size_t wanted = many ? 255 + below(3) : place.size() + 1;
    while (place.size() < wanted) place.push_back(value);
  } else if (place.is_number()) {
    place = kNumbers[below(std::size(kNumbers))];
  } else if (place.is_string()) {
    place = chance(60) ? json(std::string(any(kWords))) : chance(50) ? json(odd_time()) : json(odd_text());
  } else {
    place = odd_value();
  }
}

void RandomEvents::scramble(std::string& text) {
  constexpr const char* kScraps[] = {R"(\ud800)",
                                     R"(\udc00)",
                                     R"(\ud83d\ude00)",
                                     R"(\u0000)",
                                     R"(\x)",
                                     "\xed\xa0\x80",
                                     "\xff",
                                     "\xc3",
                                     "é",
                                     "\"",
                                     "\\",
                                     ",",
                                     ":",
                                     "{",
                                     "}",
                                     "[",
                                     "]",
                                     " ",
                                     "\n",
                                     "\x01",
                                     "0",
                                     "-",
                                     "1e999",
                                     ".5",
                                     "e",
                                     "null",
                                     R"("x":1,"x":2,)",
                                     R"("id":"z",)",
                                     R"("data":{},)"};
  std::size_t at = below(text.size());
  switch (below(4)) {
    case 0:
      text[at] = static_cast<char>(1 + below(255));
      break;
    case 1:
      text.erase(at, 1 + below(3));
      break;
    case 2:
      text.resize(at);
      break;
    default:
      // behind a random opening brace, comma or quote, so that it often lands where it means something
      for (std::size_t i = 0; i < text.size() && std::string_view("{,\"[").find(text[at]) == std::string_view::npos;
           ++i)
        at = (at + 1) % text.size();
      text.insert(at + 1, any(kScraps));
  }
}

}  // namespace echoloop::test
