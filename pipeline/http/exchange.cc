#include "pipeline/http/exchange.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "pipeline/base/time.h"

namespace echoloop::http {
namespace {

constexpr std::size_t kCompressFrom_bytes = 1024;

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ", ")); }

// Ids of clients are kept when they are harmless in logs and headers.
bool usable_id(std::string_view id) {
  auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::strchr("-_.:/+=", c) != nullptr;
  };
  return !id.empty() && id.size() <= 128 &&
         std::all_of(id.begin(), id.end(), [&](char c) { return c != 0 && plain(c); });
}

// The target's path and query; a proxy's absolute form loses its scheme and authority (RFC 9112, 3.2.2).
std::pair<std::string_view, std::string_view> split_target(std::string_view target) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size() || !same_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    auto end = std::min(target.find_first_of("/?"), target.size());
    target.remove_prefix(end);
  }
  auto mark = std::min(target.find('?'), target.size());
  auto path = target.substr(0, mark);
  auto query = target.substr(std::min(mark + 1, target.size()));
  return {path.empty() ? std::string_view{"/"} : path, query};
}

std::string media_type(std::string_view header) { return lower_case(trimmed(header.substr(0, header.find(';')))); }

bool takes(const std::vector<std::string>& types, std::string_view type) {
  return std::any_of(types.begin(), types.end(), [type](const auto& one) { return one == "*/*" || one == type; });
}

bool is_gzip(std::string_view coding) {
  return same_ignoring_case(coding, "gzip") || same_ignoring_case(coding, "x-gzip");
}

// One value is asked for and several are given: whichever were taken, the sender might have meant another.
std::optional<Response> refuse_repeated(const Operation& operation, const Query& query) {
  std::vector<ProblemItem> errors;
  std::set<std::string_view> seen, repeated;
  for (const auto& [name, value] : query.items()) {
    if (seen.insert(name).second || contains(operation.lists, name)) continue;
    errors.push_back({"/query/" + name, "repeated_parameter", value});
    repeated.insert(name);
  }
  if (errors.empty()) return std::nullopt;
  return problem(400, "Repeated parameter", fmt::format("{} may be given only once", fmt::join(repeated, ", ")),
                 std::move(errors));
}

std::optional<Response> refuse_body(const Operation& operation, Request& request) {
  auto encoding = trimmed(request.headers.get("Content-Encoding").value_or(""));
  if (!encoding.empty() && !is_gzip(encoding) && !same_ignoring_case(encoding, "identity")) {
    auto response = problem(415, "Unsupported content encoding", "the body may be plain or gzip",
                            {{"/headers/content-encoding", "unsupported", std::string(encoding)}});
    response.headers.add("Accept-Encoding", "gzip");
    return response;
  }
  if (!takes(operation.body_types, request.content_type)) {
    auto detail = fmt::format("this operation takes {}", joined(operation.body_types));
    auto response = problem(415, "Unsupported media type", std::move(detail),
                            {{"/headers/content-type", "unsupported", request.content_type}});
    response.headers.add("Accept", joined(operation.body_types));
    return response;
  }
  return std::nullopt;
}

Response refuse_method(const Request& request, const RequestLine& line, const std::vector<std::string>& allowed) {
  Response response;
  if (request.method == "OPTIONS") {
    response.status = 204;
  } else {
    auto method = line.head_only ? std::string{"HEAD"} : request.method;
    response =
        problem(405, "Method not allowed", fmt::format("{} is not offered here; allowed: {}", method, joined(allowed)));
  }
  response.headers.add("Allow", joined(allowed));
  return response;
}

bool compressible(std::string_view type) {
  return type.starts_with("text/") || type.find("json") != std::string_view::npos ||
         type.find("xml") != std::string_view::npos || type.find("yaml") != std::string_view::npos ||
         type.find("javascript") != std::string_view::npos;
}

// Header values come from handlers and may hold what came from outside: a line break there would begin another header.
void put_header(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  for (char c : value) head += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  head += "\r\n";
}

// IMF-fixdate (RFC 9110, 5.6.7), by hand since strftime follows the locale.
std::string http_date() {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto now = std::chrono::system_clock::to_time_t(wall_clock());
  std::tm t{};
  gmtime_r(&now, &t);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[t.tm_wday], t.tm_mday, kMonths[t.tm_mon],
                     t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

bool not_modified(const Request& request, const Response& response) {
  auto wanted = request.headers.get("If-None-Match");
  auto tag = response.headers.get("ETag");
  return request.method == "GET" && response.status == 200 && wanted && tag && etag_matches(*wanted, *tag, true);
}

// A response without a body: what was to be sent is dropped, its type too.
void strip(Response& response) {
  response.body.clear();
  response.stream = nullptr;
  response.content_type.clear();
}

}  // namespace

std::optional<Response> refuse_unknown(std::vector<std::string> known, const Query& query) {
  std::vector<ProblemItem> errors;
  std::vector<std::string> names;
  for (const auto& [name, value] : query.items()) {
    if (contains(known, name)) continue;
    errors.push_back({"/query/" + name, "unknown_parameter", value});
    if (!contains(names, name)) names.push_back(name);
  }
  if (errors.empty()) return std::nullopt;
  std::sort(known.begin(), known.end());
  auto detail = fmt::format("unknown parameter {}; {}", joined(names),
                            known.empty() ? std::string{"this operation takes none"} : "allowed: " + joined(known));
  Problem refusal{400, "Unknown parameter", std::move(detail), std::move(errors), {}};
  refusal.members.emplace_back("allowed", nlohmann::json(known).dump());
  return problem(std::move(refusal));
}

Admission admit(const Router& router, const RequestLine& line, Request& request) {
  auto given = request.headers.get("X-Request-Id");
  request.id = given && usable_id(*given) ? std::string(*given) : make_request_id();
  if (line.target == "*" && request.method == "OPTIONS") {
    Response response;
    response.status = 204;
    return {nullptr, std::move(response)};
  }
  auto [path, query] = split_target(line.target);
  request.path = path;
  auto found = router.find(request.method, path);
  if (found.malformed || !path.starts_with('/')) {
    return {nullptr, problem(400, "Malformed path", "the path is not valid percent-encoded UTF-8",
                             {{"/path", "malformed", request.path}})};
  }
  if (found.allowed.empty())
    return {nullptr, problem(404, "Not found", fmt::format("there is nothing at {}", request.path))};
  if (found.route == nullptr) return {nullptr, refuse_method(request, line, found.allowed)};
  const auto& operation = found.route->operation;
  request.parts = std::move(found.parts);
  auto parameters = parse_query(query);
  if (!parameters) {
    const auto& error = parameters.error();
    return {nullptr, problem(400, "Malformed query", error.text(), {{"/query", "malformed", error.where}})};
  }
  request.query = std::move(*parameters);
  if (!operation.more_parameters) {
    if (auto refusal = refuse_unknown(operation.parameters, request.query)) return {nullptr, std::move(refusal)};
  }
  if (auto refusal = refuse_repeated(operation, request.query)) return {nullptr, std::move(refusal)};

  request.content_type = media_type(request.headers.get("Content-Type").value_or(""));
  if (operation.body_types.empty()) return {found.route, std::nullopt};
  if (request.content_type.empty()) request.content_type = operation.body_types.front();
  // An empty body needs no type: what is missing in it is the handler's to say.
  if (line.has_body) {
    if (auto refusal = refuse_body(operation, request)) return {nullptr, std::move(refusal)};
  }
  return {found.route, std::nullopt};
}

Response answer(const Route& route, Request& request) {
  const auto& operation = route.operation;
  try {
    if (operation.body_types.empty()) {
      request.body.clear();
    } else if (!request.body.empty() && is_gzip(trimmed(request.headers.get("Content-Encoding").value_or("")))) {
      std::string expanded;
      auto outcome = gunzip(request.body, operation.body_max, expanded);
      if (!outcome) return problem(400, "Malformed body", outcome.error().reason, {{"", "malformed", "gzip"}});
      if (*outcome == Gunzip::too_large) return too_large(operation.body_max);
      request.body = std::move(expanded);
    }
    return route.handler(request);
  } catch (const std::exception& error) {
    spdlog::error("request {}: {} {} failed: {}", request.id, operation.method, operation.path, error.what());
  } catch (...) {
    spdlog::error("request {}: {} {} failed with something that is no std::exception", request.id, operation.method,
                  operation.path);
  }
  return problem(500, "Internal error", "echoloop could not answer; its log has the reason under this request_id");
}

Response too_large(std::size_t limit_bytes) {
  return problem(413, "Body too large", fmt::format("at most {} bytes, before and after compression", limit_bytes));
}

Reply finish(const Request& request, const RequestLine& line, Response response, bool close) {
  Reply reply;
  reply.close = close || !line.keep_alive;
  if (response.problem) response.body = problem_json(*response.problem, request.id);
  if (not_modified(request, response)) {
    strip(response);
    response.status = 304;
  }
  bool bodiless = response.status == 204 || response.status == 304;
  if (bodiless) strip(response);

  bool compress = compressible(response.content_type) && !response.headers.get("Content-Encoding") &&
                  (response.stream || response.body.size() > kCompressFrom_bytes);
  if (compress) response.headers.add("Vary", "Accept-Encoding");
  compress = compress && accepts_gzip(request.headers.get("Accept-Encoding").value_or(""));
  if (compress) {
    response.headers.add("Content-Encoding", "gzip");
    if (response.stream) {
      reply.gzip.emplace();
    } else {
      response.body = gzip(response.body);
    }
  }

  auto& head = reply.head;
  head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  put_header(head, "Date", http_date());
  put_header(head, "X-Request-Id", request.id);
  put_header(head, "X-Content-Type-Options", "nosniff");
  if (!response.content_type.empty()) put_header(head, "Content-Type", response.content_type);
  if (request.method == "GET" && !response.headers.get("Cache-Control")) put_header(head, "Cache-Control", "no-cache");
  for (const auto& [name, value] : response.headers.items()) put_header(head, name, value);
  if (response.stream) {
    if (line.http10) reply.close = true;
    if (!line.http10) put_header(head, "Transfer-Encoding", "chunked");
  } else if (!bodiless) {
    put_header(head, "Content-Length", std::to_string(response.body.size()));
  }
  if (reply.close) put_header(head, "Connection", "close");
  if (!reply.close && line.http10) put_header(head, "Connection", "keep-alive");
  head += "\r\n";
  if (!line.head_only) {
    reply.body = std::move(response.body);
    reply.stream = std::move(response.stream);
  }
  return reply;
}

std::string make_request_id() {
  static const std::string seed = [] {
    std::random_device device;
    return fmt::format("{:08x}{:08x}{:08x}", device(), device(), device());
  }();
  static std::atomic<std::uint64_t> counter{0};
  return to_hex(hash128(fmt::format("{}{}", seed, counter.fetch_add(1, std::memory_order_relaxed))));
}

}  // namespace echoloop::http
