// GET /openapi.json: the description of the HTTP API, from schemas/openapi.yaml, which travels inside the program.
#pragma once

#include <string>

#include "pipeline/http/router.h"

namespace echoloop {

void add_openapi_route(http::Router& router);

// schemas/openapi.yaml as JSON, keys in the order of the file. Throws YAML::Exception when the file that was built in
// is no YAML, which a test rules out.
std::string openapi_json();

}  // namespace echoloop
