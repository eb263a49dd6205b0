// POST /api/v1/hooks/{adapter}: a platform's own webhooks, signature checked, turned into events by its jq adapter.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/http/router.h"
#include "pipeline/intake/adapter_worker.h"
#include "pipeline/intake/door.h"
#include "schemas/current_domain.h"

namespace echoloop {

// All pointers outlive the router.
struct HookOptions {
  const CurrentDomain* domain = nullptr;
  AdapterPool* adapters = nullptr;
  std::string adapter_folder;  // <configuration folder>/adapters
  // Of the process, for secrets; read at each hook, so that a changed one needs no restart.
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::function<Time()> now = wall_clock;
};

void add_hook_routes(http::Router& router, Door& door, const HookOptions& options);

// The document that an adapter gets for a webhook: {"headers":{…},"body":…}. Header names in lower case, repeated ones
// joined by commas; those that carry secrets stay out, as documents may be kept. Error (bad_input): the body is not
// JSON in UTF-8.
Result<std::string> hook_document(const http::Request& request, const std::optional<WebhookSignature>& signature);

// The program of an adapter by the name it has in adapters.yaml, or by its file's name ("chatwoot.jq") as imports keep
// it. Error (configuration): none.
Result<std::string> adapter_file(const Domain& domain, const std::string& folder, const std::string& name);

}  // namespace echoloop
