#include "pipeline/intake/http_hooks.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "pipeline/intake/http_answers.h"
#include "pipeline/intake/http_signature.h"

namespace echoloop {
namespace {

constexpr std::size_t kSecret_max_bytes = 4096;

Result<std::string> read_secret(const WebhookSignature& signature, const HookOptions& options) {
  std::string secret;
  if (!signature.secret_env.empty()) {
    auto value = options.environment ? options.environment(signature.secret_env) : std::nullopt;
    if (!value) return bad_configuration(signature.secret_env, "is not set in the environment");
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
  return secret;
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
  auto checked = check_signature(*adapter.signature, *secret, request, options.now());
  if (checked) return std::nullopt;
  // Not kept: a stranger could fill the disk.
  return http::problem(401, "Signature not accepted", checked.error().text());
}

// The tenant of the events: named, or the only one there is.
std::variant<std::string, http::Response> tenant_of_hook(const http::Request& request, const Domain& domain) {
  auto named = request.query.get("tenant");
  if (named && !named->empty()) return std::string(*named);
  if (domain.tenants.size() == 1) return domain.tenants.begin()->first;
  return http::problem(400, "Missing parameter", "say tenant: there is more than one",
                       {{"/query/tenant", "missing", ""}});
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
  if (auto refusal = refuse_sender(adapter, options, request)) return std::move(*refusal);
  auto tenant = tenant_of_hook(request, *domain);
  if (auto* refusal = std::get_if<http::Response>(&tenant)) return std::move(*refusal);

  Origin origin{"hook", name, std::get<std::string>(tenant), false};
  auto document = hook_document(request, adapter.signature);
  if (!document) {
    auto kept = refuse_document(door, request.body, document.error(), origin);
    return kept.status == 202 ? http::problem(400, "Undecodable body", document.error().text()) : kept;
  }
  auto outputs =
      options.adapters->run(options.adapter_folder + "/" + adapter.file, std::string(origin.tenant), *document);
  if (!outputs) {
    if (outputs.error().fault == Fault::bad_input) return refuse_document(door, *document, outputs.error(), origin);
    spdlog::error("adapter {}: {}", name, outputs.error().text());
    return http::problem(503, "Adapter unavailable", fmt::format("the program of adapter {} does not compile", name));
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

Result<std::string> hook_document(const http::Request& request, const std::optional<WebhookSignature>& signature) {
  if (!nlohmann::json::accept(request.body)) return bad_input("", "the body is not JSON in UTF-8");
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : request.headers.items()) {
    auto small = http::lower_case(name);
    bool secret = small == "authorization" || small == "proxy-authorization" || small == "cookie";
    if (secret || (signature && http::same_ignoring_case(small, signature->header))) continue;
    auto [place, fresh] = headers.try_emplace(small, value);
    if (!fresh) place->second += ", " + value;
  }
  auto head = nlohmann::json(headers).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return fmt::format(R"({{"headers":{},"body":{}}})", head, request.body);
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
  operation.body_types = {"application/json"};
  router.add(std::move(operation),
             [&door, options](const http::Request& request) { return post_hook(door, options, request); });
}

}  // namespace echoloop
