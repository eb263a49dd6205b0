// The reading half of the HTTP API, and the commands on tasks. schemas/openapi.yaml describes it; a test holds both
// against each other.
#pragma once

#include <functional>
#include <memory>

#include "pipeline/http/router.h"
#include "pipeline/serving/sources.h"
#include "pipeline/stage/appender.h"
#include "pipeline/stage/commit_bell.h"
#include "schemas/state.pb.h"

namespace echoloop::serving {

struct ApiParts {
  std::shared_ptr<const Sources> sources;
  stage::Appender* appender = nullptr;                  // commands enter like every other event
  std::function<Time()> stage_time;                     // of what is appended now
  stage::CommitBell* bell = nullptr;                    // rings when their answers may be there
  std::function<bool()> caught_up;                      // everything durable has been processed
  std::function<std::optional<std::string>()> trouble;  // why the engine does not run, or what all waits for
  // Tells an endpoint once more; answers whether there is such an endpoint.
  std::function<Result<bool>(const state::Delivery&)> redeliver;
  std::function<std::string()> prometheus;  // text of GET /metrics
  // The configuration with these rules in the place of its own; every fault.
  std::function<Result<std::shared_ptr<const Domain>>(const std::string& rules)> with_rules;
  std::function<Result<std::string>()> reload;  // loads the configuration anew; answers what changed, or every fault
  // Has the other processes of the group do the same; what each says, by its name.
  std::function<std::map<std::string, Result<std::string>>()> reload_others;
};

// All routes of this room. One file each: metrics, feedback and sessions, tasks, commands on them, customers,
// explanations, exports, deliveries, dead letters, operations.
void add_routes(http::Router& router, const ApiParts& parts);

void add_metric_routes(http::Router& router, const ApiParts& parts);
void add_session_routes(http::Router& router, const ApiParts& parts);
void add_task_routes(http::Router& router, const ApiParts& parts);
void add_task_customer_routes(http::Router& router, const ApiParts& parts);
void add_command_routes(http::Router& router, const ApiParts& parts);
void add_effect_routes(http::Router& router, const ApiParts& parts);
void add_digest_routes(http::Router& router, const ApiParts& parts);
void add_try_routes(http::Router& router, const ApiParts& parts);
void add_explain_routes(http::Router& router, const ApiParts& parts);
void add_export_routes(http::Router& router, const ApiParts& parts);
void add_customer_routes(http::Router& router, const ApiParts& parts);
void add_delivery_routes(http::Router& router, const ApiParts& parts);
void add_dead_routes(http::Router& router, const ApiParts& parts);
void add_operation_routes(http::Router& router, const ApiParts& parts);

}  // namespace echoloop::serving
