// A request line ("GET /api/v1/metrics/csat?from=…") of any bytes, answered by the routes of the API on an empty house;
// lines after it are headers.
#include <nlohmann/json.hpp>

#include "pipeline/http/exchange.h"
#include "pipeline/serving/api.h"
#include "pipeline/serving/metric_query.h"
#include "pipeline/serving/parameters.h"
#include "pipeline/serving/session_answer.h"
#include "schemas/domain_load.h"
#include "tests/fuzz/demand.h"

namespace echoloop::fuzz {
namespace {

// A house in which nothing has happened yet.
class NoRows : public stage::View {
 public:
  Result<std::optional<std::string>> get(stage::Table, int, std::string_view) const override {
    return std::optional<std::string>{};
  }
  Result<void> scan(stage::Table, int, std::string_view, std::string_view, const stage::RowVisitor&) const override {
    return {};
  }
};

struct House {
  NoRows rows;
  std::shared_ptr<CurrentDomain> domain;
  http::Router router;

  House() {
    auto loaded = load_domain(std::filesystem::path(ECHOLOOP_SOURCE_DIR) / "config");
    demand(loaded.has_value(), "the shipped configuration loads");
    domain = std::make_shared<CurrentDomain>(std::make_shared<const Domain>(std::move(*loaded)));
    auto sources = std::make_shared<serving::Sources>();
    sources->rows = &rows;
    sources->shards = 2;
    sources->domain = domain;
    sources->raw_event = [](int, std::int64_t) { return std::optional<serving::RawEvent>{}; };
    serving::ApiParts parts{.sources = sources};
    parts.caught_up = [] { return true; };
    parts.trouble = [] { return std::nullopt; };
    parts.prometheus = [] { return std::string{}; };
    parts.reload = [] { return std::string{"unchanged"}; };
    parts.reload_others = [] { return std::map<std::string, Result<std::string>>{}; };
    serving::add_routes(router, parts);
  }
};

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

void check_query(const http::Query& query) {
  std::string text;
  for (const auto& [name, value] : query.items()) text += "&" + percent_encoded(name) + "=" + percent_encoded(value);
  auto again = http::parse_query(text);
  demand(again.has_value() && again->items() == query.items(), "what is encoded is decoded to the same", text);
}

void check_cursor(http::Request request) {
  auto given = serving::cursor_parameter(request);
  if (given && *given)
    demand(serving::make_cursor(request, **given) == *request.query.get("cursor"), "a cursor has one form");
  if (request.query.get("cursor")) return;
  const std::string key{"a key\0", 6};
  request.query.add("cursor", std::vector<std::string>{serving::make_cursor(request, key)});
  auto read = serving::cursor_parameter(request);
  demand(read.has_value() && *read && **read == key, "a cursor leads back to its key");
  request.path += "/other";
  demand(!serving::cursor_parameter(request), "a cursor belongs to its list");
}

void check_period(const http::Request& request, const Domain& domain) {
  auto query = serving::read_metric_query("csat", request.query, domain);
  if (!query) return demand(!query.error().where.empty(), "a refusal names its parameter", query.error().text());
  for (const auto& end : {query->from, query->to}) {
    if (!end) continue;
    demand(domain.zone_of(query->tenant).hour_start(*end) == *end, "a period has whole hours");
    auto again = parse_time(format_time(*end));
    demand(!again || *again == *end, "a time is read as it is written");
    if (query->interval == Interval::all) continue;
    demand(period_start(query->zone, query->interval, *end) <= *end, "a time lies in its period");
    demand(period_end(query->zone, query->interval, *end) > *end, "a period ends later");
  }
}

void check_answer(const http::Request& request, const http::RequestLine& line, http::Response response) {
  demand(response.status != 500, "no handler throws", line.target);
  auto reply = http::finish(request, line, std::move(response), false);
  demand(reply.head.find('\0') == std::string::npos && reply.head.ends_with("\r\n\r\n"), "a head is a head",
         reply.head);
  for (bool more = static_cast<bool>(reply.stream); more;) {
    std::string chunk;
    auto next = reply.stream(chunk);
    demand(next.has_value(), "a stream of nothing does not break");
    more = *next;
  }
}

}  // namespace
}  // namespace echoloop::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace echoloop;
  using namespace echoloop::fuzz;
  static const House house;
  auto text = text_of(data, size);
  auto first = take_until(text, '\n');
  http::Request request;
  request.method = take_until(first, ' ');
  http::RequestLine line;
  line.target = first;
  line.head_only = request.method == "HEAD";
  if (line.head_only) request.method = "GET";  // as the connection does
  while (!text.empty()) {
    auto header = take_until(text, '\n');
    auto name = take_until(header, ':');
    request.headers.add(std::string(name), std::string(http::trimmed(header)));
  }
  auto admission = http::admit(house.router, line, request);
  demand(admission.refusal.has_value() || admission.route != nullptr, "a request is refused or has a route");
  if (admission.refusal) {
    check_answer(request, line, std::move(*admission.refusal));
    return 0;
  }
  check_query(request.query);
  check_cursor(request);
  check_period(request, *house.domain->get());
  check_answer(request, line, http::answer(*admission.route, request));
  return 0;
}
