// A task as the outside sees it: the JSON of the API, of exports and of the events echoloop.task.*.v1.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "pipeline/base/time.h"
#include "schemas/state.pb.h"

namespace echoloop {

nlohmann::ordered_json task_json(const state::Task& task);
// What others need to know who meet the customer meanwhile.
nlohmann::ordered_json open_issue_json(const state::Task& task);

// The strong ETag: changes with everything a person decides by (state, owner, severity, history), not with growing
// evidence.
std::string task_etag(const state::Task& task);
// Whether an If-Match header (`*`, or a list of tags) names the task as it is: any of them, compared strongly
// (RFC 9110, 13.1.1).
bool task_matches(const state::Task& task, std::string_view if_match);

// A whole CloudEvent about the task, as text; `word`: opened, changed, reminded, handed_over, escalated, closed,
// verified. Its type has no words for reminded and handed_over, which are changed; attribute `change` tells them apart.
// Its id is the task's id and version, so that a repeated one is known.
std::string task_event_json(const state::Task& task, std::string_view word);
// echoloop.digest.v1. `data`: JSON.
std::string digest_event_json(const std::string& id, Time time, std::string_view data);

}  // namespace echoloop
