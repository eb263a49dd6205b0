// Exports: everything of one kind as NDJSON, from committed rows as they were when it began. The same on the command
// line and through a server: a generator appends some whole lines at each call, so memory does not grow with what is
// exported, but for aggregates, whose lines are sorted first. `tenant`: only its rows.
#pragma once

#include <optional>
#include <string>

#include "pipeline/http/message.h"
#include "pipeline/serving/sources.h"

namespace echoloop::serving {

using TenantChoice = std::optional<std::string>;

// Canonical (docs/aggregates.md): sorted lines, so that two stores compare with cmp.
http::Generator export_aggregates(const Sources& sources, const TenantChoice& tenant);
// One task a line, as the API has it, by shard, tenant and id.
http::Generator export_tasks(const Sources& sources, const TenantChoice& tenant);
// One session with evaluations a line, by shard, tenant and id.
http::Generator export_feedback(const Sources& sources, const TenantChoice& tenant);

// One row of a metric a line, as GET /api/v1/metrics/{name} has it, with the metric's name, definition version and
// tenant; by metric and tenant. `query`: `metric` (a list), `tenant`, and group_by, interval, from, to as there.
// Without `metric` all of the dictionary, but for those that are credited to handlers and cannot be told without them.
// Error (bad_input): a parameter, by its name.
Result<http::Generator> export_metrics(const Sources& sources, const http::Query& query);

// The sources with their rows frozen; `hold` keeps them so.
struct Frozen {
  explicit Frozen(const Sources& live);
  std::shared_ptr<const stage::View> hold;
  Sources sources;
};

}  // namespace echoloop::serving
