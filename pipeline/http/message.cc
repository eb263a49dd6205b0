#include "pipeline/http/message.h"

#include <simdjson.h>

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <nlohmann/json.hpp>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"

namespace echoloop::http {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The pieces between literal commas, each decoded; at least one.
std::optional<std::vector<std::string>> decoded_pieces(std::string_view value) {
  std::vector<std::string> out;
  for (;;) {
    auto comma = std::min(value.find(','), value.size());
    auto piece = percent_decode(value.substr(0, comma), true);
    if (!piece) return std::nullopt;
    out.push_back(std::move(*piece));
    if (comma == value.size()) return out;
    value.remove_prefix(comma + 1);
  }
}

// A key that ordered_json will not sort: type, title, status first, as people expect to read a problem.
nlohmann::ordered_json to_json(const ProblemItem& item) {
  return {{"pointer", item.pointer}, {"code", item.code}, {"value", item.value}};
}

}  // namespace

void Query::add(std::string name, std::vector<std::string> pieces) {
  std::string value;
  for (const std::string& piece : pieces) value += (&piece == pieces.data() ? "" : ",") + piece;
  Pairs::add(std::move(name), std::move(value));
  pieces_.push_back(std::move(pieces));
}

std::optional<std::string_view> Query::get(std::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::vector<std::string_view> Query::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : items_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

std::vector<std::string> Query::list(std::string_view name) const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].first != name) continue;
    std::copy_if(pieces_[i].begin(), pieces_[i].end(), std::back_inserter(out),
                 [](const std::string& piece) { return !piece.empty(); });
  }
  return out;
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (same_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(
      items_.begin(), items_.end(), [name](const auto& item) { return same_ignoring_case(item.first, name); }));
}

void Headers::set(std::string name, std::string value) {
  std::erase_if(items_, [&name](const auto& item) { return same_ignoring_case(item.first, name); });
  add(std::move(name), std::move(value));
}

std::string problem_type(std::string_view title) {
  std::string slug = "urn:echoloop:problem:";
  for (char c : title) {
    char small = lower(c);
    bool plain = (small >= 'a' && small <= 'z') || (small >= '0' && small <= '9');
    if (plain) {
      slug += small;
    } else if (slug.back() != '-') {
      slug += '-';
    }
  }
  return slug;
}

std::string problem_json(const Problem& problem, std::string_view request_id) {
  nlohmann::ordered_json out;
  out["type"] = problem_type(problem.title);
  out["title"] = problem.title;
  out["status"] = problem.status;
  out["detail"] = problem.detail;
  if (!problem.errors.empty()) {
    auto& errors = out["errors"] = nlohmann::ordered_json::array();
    for (const auto& item : problem.errors) errors.push_back(to_json(item));
  }
  for (const auto& [name, text] : problem.members) out[name] = nlohmann::ordered_json::parse(text);
  out["request_id"] = request_id;
  // Values come from outside and may hold anything: what is not UTF-8 is replaced, never thrown.
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Response json(int status, std::string body) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  return response;
}

Response problem(int status, std::string title, std::string detail, std::vector<ProblemItem> errors) {
  return problem(Problem{status, std::move(title), std::move(detail), std::move(errors), {}});
}

Response problem(Problem problem) {
  Response response;
  response.status = problem.status;
  response.content_type = "application/problem+json";
  response.problem = std::move(problem);
  return response;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  if (!simdjson::validate_utf8(out)) return std::nullopt;
  return out;
}

Result<Query> parse_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    auto end = std::min(text.find('&'), text.size());
    auto part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (part.empty()) continue;
    auto equals = std::min(part.find('='), part.size());
    auto name = percent_decode(part.substr(0, equals), true);
    auto pieces = decoded_pieces(part.substr(std::min(equals + 1, part.size())));
    if (!name || !pieces) return bad_input(std::string(part), "is not valid percent-encoded UTF-8");
    query.add(std::move(*name), std::move(*pieces));
  }
  return query;
}

std::string time_parameter(std::string_view value) {
  std::string out{value};
  auto space = out.rfind(' ');
  bool offset = space != std::string::npos && space >= 11 && out.size() - space == 6 && out[space + 3] == ':';
  if (offset) out[space] = '+';
  return out;
}

std::string etag_of(std::string_view content) { return "\"" + to_hex(hash128(content)) + "\""; }

bool etag_matches(std::string_view header, std::string_view tag, bool weakly) {
  if (trimmed(header) == "*") return true;
  auto opaque = [](std::string_view one) { return one.starts_with("W/") ? one.substr(2) : one; };
  while (!header.empty()) {
    // A tag may hold commas between its quotes.
    auto quote = header.find('"');
    auto close = quote == std::string_view::npos ? quote : header.find('"', quote + 1);
    if (close == std::string_view::npos) return false;
    bool weak = quote >= 2 && header.substr(quote - 2, 2) == "W/";
    auto one = header.substr(quote, close - quote + 1);
    header.remove_prefix(close + 1);
    if (weakly ? one == opaque(tag) : (!weak && one == tag)) return true;
  }
  return false;
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string lower_case(std::string_view ascii) {
  std::string out{ascii};
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string_view trimmed(std::string_view text) {
  auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view reason_phrase(int status) {
  auto phrase = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  return {phrase.data(), phrase.size()};
}

}  // namespace echoloop::http
