#include "pipeline/serving/api.h"

namespace echoloop::serving {

void add_routes(http::Router& router, const ApiParts& parts) {
  add_metric_routes(router, parts);
  add_session_routes(router, parts);
  add_task_routes(router, parts);
  add_task_customer_routes(router, parts);
  add_command_routes(router, parts);
  add_effect_routes(router, parts);
  add_digest_routes(router, parts);
  add_try_routes(router, parts);
  add_explain_routes(router, parts);
  add_export_routes(router, parts);
  add_customer_routes(router, parts);
  add_delivery_routes(router, parts);
  add_dead_routes(router, parts);
  add_operation_routes(router, parts);
}

}  // namespace echoloop::serving
