// POST /api/v1/tasks/{id}/commands
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "pipeline/http/exchange.h"
#include "pipeline/serving/api.h"
#include "pipeline/serving/parameters.h"
#include "pipeline/serving/task_rows.h"
#include "processors/casework/casework.h"
#include "schemas/codec.h"
#include "schemas/task_json.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

// A command is decided within two epochs; this is for a machine in trouble.
constexpr Duration kDecisionWait{10'000};

using Decision = std::optional<state::CommandResult>;

// A list may come in several header lines (RFC 9110, 5.3).
std::optional<std::string> if_match_of(const http::Request& request) {
  std::optional<std::string> out;
  for (const auto& [name, value] : request.headers.items()) {
    if (!http::same_ignoring_case(name, "If-Match")) continue;
    out = (out ? *out + ", " : std::string{}) + std::string(http::trimmed(value));
  }
  return out;
}

// The caller sent a body and headers; that they travel as the data of an event is no matter of his.
std::string pointer_into_request(const std::string& where) {
  if (where == "/id") return "/headers/idempotency-key";
  if (where == "/data/if_match") return "/headers/if-match";
  if (where.starts_with("/data/")) return where.substr(std::string_view("/data").size());
  return where.starts_with('/') ? where : std::string{};
}

http::Response refused_command(int status, const char* title, const Error& error) {
  std::string pointer = pointer_into_request(error.where);
  const std::string& place = pointer.empty() ? error.where : pointer;
  return http::problem(status, title, place.empty() ? error.reason : place + ": " + error.reason,
                       {{pointer, "invalid", ""}});
}

http::Response other_command_under(std::string_view key) {
  return http::problem(422, "Idempotency-Key in use", "another command, or one on another task, was sent with this key",
                       {{"/headers/idempotency-key", "in_use", std::string(key)}});
}

http::Response too_busy() {
  http::Response busy = http::problem(429, "Too busy", "too much is waiting to be processed");
  busy.headers.set("Retry-After", "1");
  return busy;
}

http::Response answer(const state::CommandResult& result, const http::Request& request, const Sources& sources) {
  if (result.status() == 200 || result.status() == 412) {
    auto task = task_of(request, sources);
    if (!task) return refused(task.error());
    if (!*task) return no_such_task(request);
    if (result.status() == 200) return with_etag(200, **task);
    http::Problem problem{412, "Task has changed", result.detail(), {}, {{"task", task_json(**task).dump()}}};
    http::Response response = http::problem(std::move(problem));
    response.headers.set("ETag", task_etag(**task));
    return response;
  }
  if (result.status() == 409) {
    ordered_json allowed = std::vector<std::string>(result.allowed().begin(), result.allowed().end());
    return http::problem(
        http::Problem{409, "Command not possible", result.detail(), {}, {{"allowed", allowed.dump()}}});
  }
  return http::problem(result.status(), result.status() == 404 ? "Unknown task" : "Command refused", result.detail());
}

// The answer to a command that shares its key with the decided one: the same, unless it is another command.
http::Response answer(const state::CommandResult& result, const Event& event, const http::Request& request,
                      const Sources& sources) {
  if (result.fingerprint() != casework::command_fingerprint(std::get<TaskCommand>(event.data)))
    return other_command_under(event.id);
  return answer(result, request, sources);
}

Result<Decision> decision_in(int shard, const std::string& key, const Sources& sources) {
  auto bytes = sources.rows->get(stage::Table::command_results, shard, key);
  if (!bytes) return tl::make_unexpected(bytes.error());
  Decision out;
  if (*bytes) out.emplace().ParseFromString(**bytes);
  return out;
}

// What was decided under a key before, on a task of whichever tenant.
Result<Decision> earlier_decision(const std::string& key, const Sources& sources) {
  for (int shard = 0; shard < sources.shards; ++shard) {
    auto found = decision_in(shard, key, sources);
    if (!found || *found) return found;
  }
  return Decision{};
}

// The command as the text of an event. A key of the caller's makes a repetition harmless; a request id would not do
// for one, as callers may use theirs for several commands.
std::string event_text(const http::Request& request, const state::Task& task, const std::string& if_match,
                       ordered_json data) {
  data["tenant"] = task.tenant();
  data["task_id"] = task.id();
  data["if_match"] = if_match;
  auto key = request.headers.get("Idempotency-Key");
  ordered_json event = {{"specversion", "1.0"},           {"type", "echoloop.task.command.v1"},
                        {"source", casework::kApiSource}, {"id", key ? std::string(*key) : http::make_request_id()},
                        {"subject", task.id()},           {"time", format_time(wall_clock())},
                        {"data", std::move(data)}};
  return event.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// Into the log, like any event that comes in by Kafka or file: one place decides.
http::Response decide(const Event& event, const std::string& text, const std::string& tenant,
                      const http::Request& request, const ApiParts& parts) {
  const Sources& sources = *parts.sources;
  std::string key = casework::command_key(event.source, event.id);
  auto earlier = earlier_decision(key, sources);
  if (!earlier) return refused(earlier.error());
  if (*earlier) return answer(**earlier, event, request, sources);
  stage::Append append{stage::Kind::event, partition_key_of(event), text, parts.stage_time()};
  auto appended = parts.appender->append({&append, 1});
  if (!appended) return refused(appended.error());
  if (*appended == stage::Appended::full) return too_busy();
  int shard = shard_of_tenant(tenant, sources);
  Decision decided;
  parts.bell->wait(kDecisionWait, [&] {
    auto found = decision_in(shard, key, sources);
    if (found) decided = std::move(*found);
    return decided.has_value();
  });
  if (decided) return answer(*decided, event, request, sources);
  return http::problem(503, "Not decided yet",
                       "the command is safe in the log and will be decided; ask for the task later");
}

http::Response command(const http::Request& request, const ApiParts& parts) {
  auto if_match = if_match_of(request);
  if (!if_match)
    return http::problem(428, "Precondition required", "send If-Match with the task's ETag, or * for any state");
  auto task = task_of(request, *parts.sources);
  if (!task) return refused(task.error());
  if (!*task) return no_such_task(request);
  EventDecoder decoder;
  if (auto sound = decoder.check(request.body); !sound) return refused_command(400, "Invalid request", sound.error());
  ordered_json data = ordered_json::parse(request.body, nullptr, false);
  if (!data.is_object())
    return http::problem(400, "Invalid request",
                         "the body is not a JSON object such as {\"command\":\"acknowledge\",\"by\":\"li\"}");
  std::string text = event_text(request, **task, *if_match, std::move(data));
  auto event = decoder.decode(text);
  if (!event) return refused_command(422, "Invalid command", event.error());
  return decide(*event, text, (*task)->tenant(), request, parts);
}

}  // namespace

void add_command_routes(http::Router& router, const ApiParts& parts) {
  router.add({.method = "POST",
              .path = "/api/v1/tasks/{id}/commands",
              .parameters = {"tenant"},
              .body_types = {"application/json"},
              .body_max = 1u << 20},
             [parts](const http::Request& request) { return command(request, parts); });
}

}  // namespace echoloop::serving
