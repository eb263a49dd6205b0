// POST /api/v1/hooks/{adapter}: a platform's own webhooks, signature checked, turned into events by its jq adapter.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "pipeline/http/router.h"
#include "pipeline/intake/adapter_pool.h"
#include "pipeline/intake/door.h"
#include "schemas/current_domain.h"

namespace echoloop {

// Webhooks that were taken unsigned because the secret of their adapter is not set. Thread-safe.
class UnsignedHooks {
 public:
  // Counts one; the first of an adapter is a warning in the log.
  void count(const AdapterSpec& adapter);
  std::map<std::string, std::int64_t> counts() const;  // by adapter

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::int64_t> counts_;
};

// All pointers outlive the router.
struct HookOptions {
  const CurrentDomain* domain = nullptr;
  AdapterPool* adapters = nullptr;
  std::string adapter_folder;  // <configuration folder>/adapters
  // Of the process, for secrets; read at each hook, so that a changed one needs no restart.
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::function<Time()> now = wall_clock;
  UnsignedHooks* unsigned_hooks = nullptr;  // may be null: nobody counts
};

void add_hook_routes(http::Router& router, Door& door, const HookOptions& options);

// The document that an adapter gets for a webhook: {"headers":{…},"body":…}. Header names in lower case, repeated ones
// joined by commas; what carries secrets stays out, headers or a field of the body, as documents may be kept. Where no
// proxy says when the request came (X-Request-Start, "t=<Unix seconds>"), we do: some platforms send no time, and a
// replay must find the same one. Error (bad_input): the body is not JSON in UTF-8.
Result<std::string> hook_document(const http::Request& request, const std::optional<WebhookSignature>& signature,
                                  Time now);

// The program of an adapter by the name it has in adapters.yaml, or by its file's name ("chatwoot.jq") as imports keep
// it. Error (configuration): none.
Result<std::string> adapter_file(const Domain& domain, const std::string& folder, const std::string& name);

}  // namespace echoloop
