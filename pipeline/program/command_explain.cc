// `echoloop explain`: the JSON of GET /api/v1/explain/…, through the server that runs on the data folder, or from the
// same routes in this process where there is none. Indented on a terminal, else on one line.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pipeline/http/exchange.h"
#include "pipeline/program/commands.h"
#include "pipeline/program/reading.h"
#include "pipeline/program/server_client.h"
#include "pipeline/serving/api.h"

namespace echoloop::program {
namespace {

using nlohmann::ordered_json;

// Answers GET requests, here or there.
using Ask = std::function<Result<ServerAnswer>(const std::string& target)>;

Result<ServerAnswer> answer_of(http::Response response) {
  if (response.problem) return ServerAnswer{response.problem->status, http::problem_json(*response.problem, "")};
  ServerAnswer out{response.status, std::move(response.body)};
  for (bool more = static_cast<bool>(response.stream); more;) {
    auto going = response.stream(out.body);
    if (!going) return tl::make_unexpected(going.error());
    more = *going;
  }
  return out;
}

// The server's own routes, over the data folder.
Result<Ask> ask_here(const Settings& settings) {
  auto reading = open_for_reading(settings);
  if (!reading) return tl::make_unexpected(reading.error());
  auto held = std::make_shared<Reading>(std::move(*reading));
  auto router = std::make_shared<http::Router>();
  serving::ApiParts parts;
  parts.sources = std::shared_ptr<const serving::Sources>(held, &held->sources);
  serving::add_explain_routes(*router, parts);
  return Ask{[router](const std::string& target) {
    http::Request request;
    request.method = "GET";
    http::RequestLine line;
    line.target = target;
    auto admitted = http::admit(*router, line, request);
    return answer_of(admitted.refusal ? std::move(*admitted.refusal) : http::answer(*admitted.route, request));
  }};
}

// The JSON of a good answer. Errors: bad_input: the question is wrong (400); world: what is asked about is not there
// (404), or nobody can say.
Result<ordered_json> ask_json(const Ask& ask, const std::string& target) {
  auto answer = ask(target);
  if (!answer) return tl::make_unexpected(answer.error());
  ordered_json body = ordered_json::parse(answer->body, nullptr, false);
  if (answer->status == 200 && body.is_object()) return body;
  std::string detail = body.is_object() ? body.value("detail", std::string{}) : std::string{};
  if (detail.empty()) detail = fmt::format("the answer has status {}", answer->status);
  return tl::make_unexpected(Error{answer->status == 400 ? Fault::bad_input : Fault::world, "", std::move(detail)});
}

// What the words and options ask for.
std::string target_of(const Invocation& invocation) {
  const Settings& settings = invocation.settings;
  const std::string &what = invocation.arguments[0], &id = invocation.arguments[1];
  std::string out = fmt::format("/api/v1/explain/{}/{}", what, url_escaped(id));
  char mark = '?';
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out += fmt::format("{}{}={}", mark, name, url_escaped(value));
    mark = '&';
  };
  add("tenant", settings.tenant.value_or(""));
  if (what == "metric") {
    const Settings::Export& asked = settings.exporting;
    add("from", asked.from);
    add("to", asked.to);
    add("group_by", asked.group_by);
    if (asked.interval != "all") add("interval", asked.interval);
    std::string_view filters = settings.explaining.filters;
    while (!filters.empty()) {
      std::string_view one = filters.substr(0, filters.find('\n'));
      filters.remove_prefix(std::min(one.size() + 1, filters.size()));
      std::size_t equals = one.find('=');
      add(one.substr(0, equals), one.substr(equals + 1));
    }
  }
  if (what == "event") {
    add("source", settings.explaining.source);
    add("session", settings.explaining.session);
  }
  return out;
}

// A search of the log goes on until all of it was read; the pages together are one answer.
Result<ordered_json> explained(const Ask& ask, const std::string& target) {
  ordered_json out;
  std::string cursor;
  while (true) {
    auto asked = ask_json(ask, target + cursor);
    if (!asked) return asked;
    ordered_json page = std::move(*asked);
    if (out.is_null()) {
      out = std::move(page);
    } else {
      if (out["items"].empty()) out["state"] = page["state"];
      for (ordered_json& item : page["items"]) out["items"].push_back(std::move(item));
      out["searched"]["records"] =
          out["searched"]["records"].get<std::int64_t>() + page["searched"]["records"].get<std::int64_t>();
      out["next_cursor"] = page["next_cursor"];
    }
    if (!out.contains("next_cursor") || out["next_cursor"].is_null()) return out;
    cursor = (target.find('?') == std::string::npos ? "?cursor=" : "&cursor=") +
             url_escaped(out["next_cursor"].get<std::string>());
  }
}

// What is wrong with the words; empty: nothing.
std::string wrong_question(const Invocation& invocation) {
  constexpr std::string_view kWhat[] = {"task", "metric", "session", "event"};
  const auto& words = invocation.arguments;
  if (words.size() != 2) return "say what: task ID, metric NAME, session ID or event ID";
  if (std::find(std::begin(kWhat), std::end(kWhat), words[0]) == std::end(kWhat))
    return fmt::format("'{}' is none of task, metric, session, event", words[0]);
  if (words[1].empty()) return "the name is empty";
  std::string_view filters = invocation.settings.explaining.filters;
  while (!filters.empty()) {
    std::string_view one = filters.substr(0, filters.find('\n'));
    if (one.find('=') == std::string_view::npos) return fmt::format("--filter {}: expected NAME=VALUE", one);
    filters.remove_prefix(std::min(one.size() + 1, filters.size()));
  }
  const Settings::Export& asked = invocation.settings.exporting;
  const bool of_metrics = !asked.group_by.empty() || !asked.from.empty() || !asked.to.empty() ||
                          asked.interval != "all" || !invocation.settings.explaining.filters.empty();
  if (words[0] != "metric" && of_metrics)
    return "--group-by, --interval, --from, --to and --filter are for explain metric";
  const bool of_events =
      !invocation.settings.explaining.source.empty() || !invocation.settings.explaining.session.empty();
  if (words[0] != "event" && of_events) return "--source and --session are for explain event";
  return {};
}

}  // namespace

int explain(const Invocation& invocation) {
  if (std::string wrong = wrong_question(invocation); !wrong.empty()) {
    fmt::print(stderr, "echoloop explain: {}\n", wrong);
    return 2;
  }
  const std::string& what = invocation.arguments[0];
  auto server = running_server(invocation.settings);
  Result<Ask> ask = server ? Result<Ask>([&](const std::string& target) { return ask_server(*server, "GET", target); })
                           : ask_here(invocation.settings);
  if (!ask) return failed(ask.error());
  auto out = explained(*ask, target_of(invocation));
  if (!out) {
    int code = failed(out.error());
    return out.error().fault == Fault::bad_input ? 2 : code;
  }
  fmt::print("{}\n",
             out->dump(isatty(STDOUT_FILENO) != 0 ? 2 : -1, ' ', false, ordered_json::error_handler_t::replace));
  return what == "event" && (*out)["state"] == "unknown" ? 1 : 0;
}

}  // namespace echoloop::program
