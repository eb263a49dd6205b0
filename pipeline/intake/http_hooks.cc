#include "pipeline/intake/http_hooks.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "pipeline/http/exchange.h"
#include "pipeline/intake/http_answers.h"
#include "pipeline/intake/http_signature.h"
#include "pipeline/intake/shallow_json.h"

namespace echoloop {
namespace {

constexpr std::size_t kSecret_max_bytes = 4096;
constexpr std::string_view kByte_order_mark = "\xEF\xBB\xBF";

// None: nobody has set the environment variable. Error (configuration): somebody meant to, or a file was named, and
// there is no secret.
Result<std::optional<std::string>> read_secret(const WebhookSignature& signature, const HookOptions& options) {
  std::string secret;
  if (!signature.secret_env.empty()) {
    auto value = options.environment ? options.environment(signature.secret_env) : std::nullopt;
    if (!value && signature.required) return bad_configuration(signature.secret_env, "is not set in the environment");
    if (!value) return std::optional<std::string>{};
    secret = std::move(*value);
  } else {
    std::ifstream file(signature.secret_file, std::ios::binary);
    if (!file) return bad_configuration(signature.secret_file, "cannot be read");
    secret.resize(kSecret_max_bytes);
    file.read(secret.data(), static_cast<std::streamsize>(secret.size()));
    secret.resize(static_cast<std::size_t>(file.gcount()));
    // Editors end files with a line break.
    while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
  }
  if (secret.empty()) return bad_configuration(signature.secret_env + signature.secret_file, "holds no secret");
  return std::optional{std::move(secret)};
}

std::optional<http::Response> refuse_sender(const AdapterSpec& adapter, const HookOptions& options,
                                            const http::Request& request) {
  if (!adapter.signature) return std::nullopt;
  auto secret = read_secret(*adapter.signature, options);
  if (!secret) {
    spdlog::error("adapter {}: {}", adapter.name, secret.error().text());
    return http::problem(
        503, "Secret unavailable",
        fmt::format("the secret of adapter {} is not configured: {}", adapter.name,
                    adapter.signature->secret_env.empty()
                        ? "echoloop finds none in the file " + adapter.signature->secret_file
                        : "start echoloop with it in the environment variable " + adapter.signature->secret_env));
  }
  if (!*secret) {
    if (options.unsigned_hooks != nullptr) options.unsigned_hooks->count(adapter);
    return std::nullopt;
  }
  auto checked = check_signature(*adapter.signature, **secret, request, options.now());
  if (checked) return std::nullopt;
  // Not kept: a stranger could fill the disk.
  return http::problem(401, "Signature not accepted", checked.error().text());
}

// The platform's own parameters are known only by its adapter.
std::optional<http::Response> refuse_parameters(const AdapterSpec& adapter, const http::Request& request) {
  std::vector<std::string> known = adapter.parameters;
  known.push_back("tenant");
  if (adapter.signature) {
    for (const auto* name : {&adapter.signature->query, &adapter.signature->timestamp_query}) {
      if (!name->empty()) known.push_back(*name);
    }
  }
  return http::refuse_unknown(std::move(known), request.query);
}

// The tenant of the events: named, or the only one there is.
std::variant<std::string, http::Response> tenant_of_hook(const http::Request& request, const Domain& domain) {
  auto named = request.query.get("tenant");
  if (named && !named->empty()) return std::string(*named);
  if (domain.tenants.size() == 1) return domain.tenants.begin()->first;
  return http::problem(400, "Missing parameter", "say tenant: there is more than one",
                       {{"/query/tenant", "missing", ""}});
}

// The body written anew without a field of it; empty when it has none.
Result<std::string> without_field(std::string_view body, const std::string& field) {
  auto json = parse_shallow_json(body);
  if (!json) return tl::make_unexpected(json.error());
  if (!json->is_object() || json->erase(field) == 0) return std::string{};
  return json->dump();
}

bool carries(const WebhookSignature& signature, std::string_view header) {
  return std::any_of(signature.headers.begin(), signature.headers.end(),
                     [&](const std::string& one) { return http::same_ignoring_case(one, header); });
}

http::Response refuse_document(Door& door, std::string_view document, const Error& error, const Origin& origin) {
  Refused kept{document, error.where, error.reason, "", ""};
  auto done = door.reject({&kept, 1}, origin);
  if (!done) return broken_response(done.error());
  if (!*done) return full_response();
  Entered entered;
  entered.rejected.push_back({0, error.where, error.reason});
  return entered_response(entered);
}

http::Response post_hook(Door& door, const HookOptions& options, const http::Request& request) {
  auto domain = options.domain->get();
  const auto& name = request.parts.find("adapter")->second;
  auto found = domain->adapters.find(name);
  if (found == domain->adapters.end()) {
    std::vector<std::string> known;
    for (const auto& [known_name, spec] : domain->adapters) known.push_back(known_name);
    return http::problem(404, "Unknown adapter",
                         fmt::format("adapters.yaml has no '{}'; it has: {}", name, fmt::join(known, ", ")));
  }
  const auto& adapter = found->second;
  if (auto refusal = refuse_parameters(adapter, request)) return std::move(*refusal);
  if (auto refusal = refuse_sender(adapter, options, request)) return std::move(*refusal);
  auto tenant = tenant_of_hook(request, *domain);
  if (auto* refusal = std::get_if<http::Response>(&tenant)) return std::move(*refusal);

  Origin origin{"hook", name, std::get<std::string>(tenant), false};
  auto document = hook_document(request, adapter.signature, options.now());
  if (!document) {
    auto kept = refuse_document(door, request.body, document.error(), origin);
    return kept.status == 202 ? http::problem(400, "Undecodable body", document.error().text()) : kept;
  }
  auto outputs =
      options.adapters->run(options.adapter_folder + "/" + adapter.file, std::string(origin.tenant), *document);
  if (!outputs) {
    if (outputs.error().fault == Fault::bad_input) return refuse_document(door, *document, outputs.error(), origin);
    spdlog::error("adapter {}: {}", name, outputs.error().text());
    const bool program = outputs.error().fault == Fault::configuration;
    auto response = http::problem(
        503, "Adapter unavailable",
        fmt::format("the program of adapter {} {}", name, program ? "does not compile" : "cannot run now"));
    if (!program) response.headers.add("Retry-After", "5");
    return response;
  }
  std::vector<std::string_view> events;
  std::vector<std::string> skipped;
  for (const auto& output : *outputs) {
    if (output.skipped()) {
      skipped.push_back(output.skip);
    } else {
      events.push_back(output.event);
    }
  }
  return entered_response(door.enter_adapted(*document, events, origin), skipped);
}

}  // namespace

void UnsignedHooks::count(const AdapterSpec& adapter) {
  bool first = false;
  {
    std::lock_guard lock{mutex_};
    first = ++counts_[adapter.name] == 1;
  }
  if (first)
    spdlog::warn("adapter {}: webhooks are taken unsigned, because {} is not set in the environment", adapter.name,
                 adapter.signature->secret_env);
}

std::map<std::string, std::int64_t> UnsignedHooks::counts() const {
  std::lock_guard lock{mutex_};
  return counts_;
}

Result<std::string> hook_document(const http::Request& request, const std::optional<WebhookSignature>& signature,
                                  Time now) {
  std::string_view body = request.body;
  if (body.starts_with(kByte_order_mark)) body.remove_prefix(kByte_order_mark.size());
  // The body becomes part of a document. For nlohmann::json a NUL ends it: what follows could be anything; and it
  // leaves out a mark before it, a second one too.
  if (body.find('\0') != std::string_view::npos || body.starts_with(kByte_order_mark) || !nlohmann::json::accept(body))
    return bad_input("", "the body is not JSON in UTF-8");
  std::string without_secret;
  if (signature && !signature->body_field.empty()) {
    auto stripped = without_field(body, signature->body_field);
    if (!stripped) return tl::make_unexpected(stripped.error());
    without_secret = std::move(*stripped);
  }
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : request.headers.items()) {
    auto small = http::lower_case(name);
    bool secret = small == "authorization" || small == "proxy-authorization" || small == "cookie";
    if (secret || (signature && carries(*signature, small))) continue;
    auto [place, fresh] = headers.try_emplace(small, value);
    if (!fresh) place->second += ", " + value;
  }
  headers.try_emplace("x-request-start", fmt::format("t={}.{:03}", to_ms(now) / 1000, to_ms(now) % 1000));
  auto head = nlohmann::json(headers).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return fmt::format(R"({{"headers":{},"body":{}}})", head, without_secret.empty() ? body : without_secret);
}

Result<std::string> adapter_file(const Domain& domain, const std::string& folder, const std::string& name) {
  if (auto found = domain.adapters.find(name); found != domain.adapters.end()) return folder + "/" + found->second.file;
  // Only names: what is kept with a document came from outside, and must not choose a program elsewhere.
  auto stem = name.ends_with(".jq") ? name.substr(0, name.size() - 3) : name;
  bool plain = !stem.empty() && std::all_of(stem.begin(), stem.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (!plain) return bad_configuration(name, "is no name of an adapter");
  return find_adapter(stem, folder);
}

void add_hook_routes(http::Router& router, Door& door, const HookOptions& options) {
  http::Operation operation{.method = "POST", .path = "/api/v1/hooks/{adapter}", .parameters = {"tenant"}};
  operation.more_parameters = true;
  operation.body_types = {"application/json"};
  router.add(std::move(operation),
             [&door, options](const http::Request& request) { return post_hook(door, options, request); });
}

}  // namespace echoloop
