// What a handler sees of HTTP: a request already decoded, and a response that the server finishes (lengths,
// compression, request id, HEAD, 304). Plain values; the functions are pure and safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/result.h"

namespace echoloop::http {

// Names and values in the order they came; a name may repeat.
class Pairs {
 public:
  void add(std::string name, std::string value) { items_.emplace_back(std::move(name), std::move(value)); }
  const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }
  bool empty() const { return items_.empty(); }

 protected:
  std::vector<std::pair<std::string, std::string>> items_;
};

// Query parameters: names compare exactly. A value is kept whole and in the pieces between its literal commas: once
// percent-decoded, a comma that separates and one that is part of a value (%2C) look alike.
class Query : public Pairs {
 public:
  void add(std::string name, std::vector<std::string> pieces);       // the value is the pieces, joined by commas
  std::optional<std::string_view> get(std::string_view name) const;  // the first
  std::vector<std::string_view> all(std::string_view name) const;
  // OpenAPI's style form, whether or not exploded: the pieces of every value of that name, without empty ones.
  std::vector<std::string> list(std::string_view name) const;

 private:
  std::vector<std::vector<std::string>> pieces_;  // of items_
};

// Header fields: names compare without regard to case.
class Headers : public Pairs {
 public:
  std::optional<std::string_view> get(std::string_view name) const;  // the first
  std::size_t count(std::string_view name) const;
  void set(std::string name, std::string value);  // in place of all others of that name
};

struct Request {
  std::string id;      // the client's X-Request-Id where it is usable, else made by the server; echoed in the response
  std::string method;  // "GET"; a HEAD request reaches its handler as GET
  std::string path;    // as sent, without the query
  std::map<std::string, std::string, std::less<>> parts;  // values of the route's {placeholders}, percent-decoded
  Query query;                                            // percent-decoded, '+' is a space
  Headers headers;
  std::string content_type;  // media type in lower case without its parameters; the route's first one where the client
                             // sent none
  std::string body;          // after gzip
  std::string remote;        // the peer's address, without the port
};

// One fault of a request: where it lies ("/query/limit", "/data/score/value"), a stable word for programs, what was
// found there.
struct ProblemItem {
  std::string pointer;
  std::string code;
  std::string value;
};

// RFC 9457 problem details. The type is made from the title: "urn:echoloop:problem:unknown-parameter".
struct Problem {
  int status = 500;
  std::string title;   // the same for every problem of its kind
  std::string detail;  // this one's
  std::vector<ProblemItem> errors;
  std::vector<std::pair<std::string, std::string>>
      members;  // further members: name → JSON text ("allowed" → ["acknowledge"])
};
std::string problem_type(std::string_view title);
std::string problem_json(const Problem& problem, std::string_view request_id);

// Gives the next piece of a streamed body: appends to `chunk` (an empty piece is skipped) and answers whether more may
// follow. An error cuts the connection before the closing chunk, so that the client sees that the body is not whole.
// Runs on the worker pool, one call at a time.
using Generator = std::function<Result<bool>(std::string& chunk)>;

struct Response {
  int status = 200;
  std::string content_type;  // empty: no body
  Headers headers;
  std::string body;
  Generator stream;                // in place of body: sent in chunks
  std::optional<Problem> problem;  // in place of body: rendered with the request's id
};

Response json(int status, std::string body);
Response problem(int status, std::string title, std::string detail, std::vector<ProblemItem> errors = {});
Response problem(Problem problem);

// Percent-decoding; nullopt when a % is not followed by two hex digits or the result is not UTF-8.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
// "a=1&b=%20": in order; empty parts are skipped, a name without = has an empty value, a literal comma separates the
// pieces of a value. Error.where: the part that is wrong.
Result<Query> parse_query(std::string_view text);
// A time written into a URL without escaping its plus ("…T08:00:00 08:00" after decoding) with the plus put back;
// anything else unchanged.
std::string time_parameter(std::string_view value);

// A strong entity tag, in quotes, of some content.
std::string etag_of(std::string_view content);
// Whether an If-Match or If-None-Match header ("*", or a list of tags) names this tag. If-None-Match compares weakly
// (RFC 9110, 13.1), so W/ is skipped there; a weak tag never matches strongly.
bool etag_matches(std::string_view header, std::string_view tag, bool weakly);

bool same_ignoring_case(std::string_view a, std::string_view b);
std::string lower_case(std::string_view ascii);
std::string_view trimmed(std::string_view text);
std::string_view reason_phrase(int status);

}  // namespace echoloop::http
