#include "pipeline/serving/parameters.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"

namespace echoloop::serving {
namespace {

// The words between commas, without empty ones.
void split(std::string_view text, std::vector<std::string>& out) {
  while (!text.empty()) {
    std::size_t end = text.find(',');
    if (end != 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

// "T+1" written into a URL without escaping its plus arrives as "T 1".
std::vector<std::string> delays(const http::Query& query) {
  std::vector<std::string> out = words_parameter(query, "delay");
  for (std::string& value : out) {
    if (value.starts_with("T ")) value[1] = '+';
  }
  return out;
}

// Most clients escape every comma of a parameter, those between values too. So an escaped one that no space follows may
// separate values or be part of one: whichever there is.
std::vector<std::string> both_readings(const std::string& value) {
  std::vector<std::string> out;
  if (value.find(", ") == std::string::npos) split(value, out);
  out.push_back(value);
  return out;
}

constexpr std::size_t kCheck_bytes = 4, kCursorEnd_bytes = 8 + kCheck_bytes;

// What a list is of: its path, its tenant and filters. Values of comma lists count one by one, as they do for filters.
std::uint64_t list_hash(const http::Request& request) {
  std::set<std::pair<std::string, std::string>> parts;
  for (const auto& [name, value] : request.query.items()) {
    if (name == "cursor" || name == "limit") continue;
    if (name == "text") {
      parts.emplace(name, value);
    } else {
      for (std::string& one : words_parameter(request.query, name)) parts.emplace(name, std::move(one));
    }
  }
  std::string all;
  put_key_text(all, request.path);
  for (const auto& [name, value] : parts) {
    put_key_text(all, name);
    put_key_text(all, value);
  }
  return hash64(all);
}

// A mistyped cursor is told, not obeyed.
std::string with_check(std::string bytes) {
  put_key_u32(bytes, static_cast<std::uint32_t>(hash64(bytes)));
  return bytes;
}

// Empty when it is not what to_hex writes.
std::string from_hex(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  if (text.size() % 2 != 0) return {};
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return {};
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

}  // namespace

Result<std::string> tenant_parameter(const http::Query& query, const Domain& domain) {
  if (auto tenant = query.get("tenant"); tenant && !tenant->empty()) return std::string(*tenant);
  if (domain.tenants.size() == 1) return domain.tenants.begin()->first;
  return bad_input("tenant", "is needed: there is more than one tenant");
}

Result<std::optional<Time>> time_parameter(const http::Query& query, std::string_view name, const TimeZone& zone) {
  auto text = query.get(name);
  if (!text) return std::optional<Time>{};
  if (text->size() == 10) {
    auto day = parse_date(*text);
    if (!day) return bad_input(std::string(name), day.error().reason);
    return std::optional<Time>{zone.day_start(*day)};
  }
  auto time = parse_time(http::time_parameter(*text));
  if (!time) return bad_input(std::string(name), time.error().reason);
  return std::optional<Time>{*time};
}

Result<Period> period_parameters(const http::Query& query, const TimeZone& zone) {
  Period out;
  for (auto [name, into] : {std::pair{"from", &out.from}, std::pair{"to", &out.to}}) {
    auto time = time_parameter(query, name, zone);
    if (!time) return tl::make_unexpected(time.error());
    *into = *time;
  }
  if (out.from && out.to && *out.from >= *out.to) return bad_input("to", "lies not after from");
  return out;
}

Result<TimeZone> zone_parameter(const http::Query& query, const TimeZone& of_tenant) {
  auto name = query.get("timezone");
  if (!name) return of_tenant;
  auto zone = TimeZone::open(*name);
  if (!zone) return bad_input("timezone", zone.error().reason);
  // Summer and winter, so that a zone that shifts by half an hour is seen too.
  for (Time at : {from_ms(1'767'225'600'000), from_ms(1'782'864'000'000)}) {
    if (floor_to(zone->offset_ms(at), kHour_ms) - zone->offset_ms(at) !=
        floor_to(of_tenant.offset_ms(at), kHour_ms) - of_tenant.offset_ms(at)) {
      return bad_input("timezone",
                       fmt::format("hours of '{}' begin at other minutes than those of the tenant's zone '{}'", *name,
                                   of_tenant.name()));
    }
  }
  return zone;
}

std::vector<std::string> words_parameter(const http::Query& query, std::string_view name) {
  std::vector<std::string> out;
  for (std::string_view text : query.all(name)) split(text, out);
  return out;
}

Result<std::size_t> limit_parameter(const http::Query& query) {
  auto text = query.get("limit");
  if (!text) return std::size_t{50};
  std::size_t limit = 0;
  auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (failure != std::errc{} || end != text->data() + text->size() || limit == 0) {
    return bad_input("limit", fmt::format("'{}' is not a number above 0", *text));
  }
  return std::min<std::size_t>(limit, 200);
}

const std::vector<std::string>& dimension_names() {
  static const std::vector<std::string> kNames(std::begin(kDimensions), std::end(kDimensions));
  return kNames;
}

Filters filter_parameters(const http::Query& query) {
  Filters out;
  for (const std::string& name : dimension_names()) {
    for (const std::string& value : name == "delay" ? delays(query) : query.list(name)) {
      for (std::string& meant : both_readings(value)) out[name].insert(std::move(meant));
    }
  }
  return out;
}

std::string make_cursor(const http::Request& request, std::string_view key) {
  std::string out{key};
  put_key_u64(out, list_hash(request));
  return to_hex(with_check(std::move(out)));
}

Result<std::optional<std::string>> cursor_parameter(const http::Request& request) {
  auto text = request.query.get("cursor");
  if (!text) return std::optional<std::string>{};
  std::string bytes = from_hex(*text);
  if (bytes.size() < kCursorEnd_bytes) return bad_input("cursor", "is none that a list of this server gave");
  std::string key = bytes.substr(0, bytes.size() - kCursorEnd_bytes);
  std::uint64_t list = KeyReader{std::string_view(bytes).substr(key.size())}.u64();
  if (with_check(bytes.substr(0, bytes.size() - kCheck_bytes)) != bytes)
    return bad_input("cursor", "is none that a list of this server gave");
  if (list != list_hash(request))
    return bad_input("cursor", "belongs to another list, tenant or filter: repeat those, or leave the cursor out");
  return std::optional<std::string>{std::move(key)};
}

http::Response refused(const Error& error) {
  if (error.fault == Fault::away) {
    http::Response moving = http::problem(503, "Not here at the moment", error.text());
    moving.headers.set("Retry-After", "1");
    return moving;
  }
  if (error.fault != Fault::bad_input && error.fault != Fault::configuration)
    return http::problem(503, "Storage unavailable", error.text());
  return http::problem(400, "Invalid request", error.text(), {{"/query/" + error.where, "invalid", ""}});
}

std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace echoloop::serving
