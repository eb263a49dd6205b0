// adapters/adapters.yaml.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "schemas/domain_draft.h"
#include "schemas/domain_schema.h"

namespace echoloop {
namespace {

using Scheme = WebhookSignature::Scheme;

void check_file(const yaml::Document& document, const yaml::Node& adapter, std::string_view key,
                const std::set<std::string>& files) {
  const yaml::Node* path = adapter.find(key);
  if (path == nullptr || path->kind != yaml::Node::Kind::text || path->scalar.find("..") != std::string::npos) return;
  if (files.contains("adapters/" + path->scalar)) return;
  document.fault(path->place, fmt::format("there is no file adapters/{}", path->scalar));
}

Scheme scheme_of(std::string_view word) {
  static constexpr std::array kSchemes = {
      std::pair{"hmac-sha256", Scheme::hmac_sha256}, std::pair{"hmac-sha1", Scheme::hmac_sha1},
      std::pair{"sha256", Scheme::sha256}, std::pair{"sha1", Scheme::sha1}, std::pair{"token", Scheme::token}};
  for (const auto& [name, scheme] : kSchemes) {
    if (word == name) return scheme;
  }
  return Scheme::hmac_sha256;  // the schema has refused it
}

std::vector<std::string> comma_list(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::size_t begin = std::min(text.find_first_not_of(' ', at), comma);
    if (begin < comma) names.push_back(text.substr(begin, comma - begin));
    at = comma + 1;
  }
  return names;
}

// What would let strangers in, or nobody.
void check_signature_makes_sense(const yaml::Document& document, const yaml::Node& node,
                                 const WebhookSignature& signature) {
  auto fault = [&](const char* key, std::string message) {
    const yaml::Node* value = node.find(key);
    document.fault(value != nullptr ? value->place : node.place, std::move(message));
  };
  const int places =
      (signature.headers.empty() ? 0 : 1) + (signature.query.empty() ? 0 : 1) + (signature.body_field.empty() ? 0 : 1);
  if (places != 1) fault("", "exactly one of 'header', 'query', 'body_field' must stand here");
  const bool timed = !signature.timestamp_header.empty() || !signature.timestamp_query.empty();
  if (!signature.timestamp_header.empty() && !signature.timestamp_query.empty())
    fault("timestamp_query", "a timestamp stands in one place: 'timestamp_header' or 'timestamp_query'");
  if (signature.scheme == Scheme::token) {
    for (const char* key : {"signed", "untimed", "encoding", "timestamp_header", "timestamp_query"}) {
      if (node.find(key) != nullptr) fault(key, "a token is the secret itself: nothing is signed");
    }
    return;
  }
  const bool keyed = signature.scheme == Scheme::hmac_sha256 || signature.scheme == Scheme::hmac_sha1;
  auto check_message = [&](const char* key, const std::string& message) {
    if (message.find("{body}") == std::string::npos && message.find("{md5}") == std::string::npos)
      fault(key, "signs no body: {body} or {md5} must be part of it");
    if (!keyed && message.find("{secret}") == std::string::npos)
      fault(key, "anybody can compute it: without hmac, {secret} must be part of it");
  };
  check_message("signed", signature.message);
  if (timed != (signature.message.find("{time}") != std::string::npos))
    fault("signed", timed ? "a timestamp that is not signed proves nothing: {time} must be part of it"
                          : "{time} needs 'timestamp_header' or 'timestamp_query'");
  if (signature.untimed.empty()) return;
  if (!timed) fault("untimed", "needs 'timestamp_header' or 'timestamp_query'");
  check_message("untimed", signature.untimed);
}

WebhookSignature read_signature(const yaml::Document& document, const yaml::Node& node) {
  WebhookSignature signature;
  signature.scheme = scheme_of(read_text(node, "scheme"));
  if (read_text(node, "encoding") == "base64") signature.encoding = WebhookSignature::Encoding::base64;
  signature.headers = comma_list(read_text(node, "header"));
  signature.query = read_text(node, "query");
  signature.body_field = read_text(node, "body_field");
  signature.prefix = read_text(node, "prefix");
  signature.timestamp_header = read_text(node, "timestamp_header");
  signature.timestamp_query = read_text(node, "timestamp_query");
  signature.secret_file = read_text(node, "secret_file");
  signature.secret_env = read_text(node, "secret_env");
  if (const yaml::Node* required = node.find("required")) signature.required = required->scalar == "true";
  signature.message = read_text(node, "signed");
  if (signature.message.empty()) {
    const bool timed = !signature.timestamp_header.empty() || !signature.timestamp_query.empty();
    signature.message = timed ? "{time}.{body}" : "{body}";
  }
  signature.untimed = read_text(node, "untimed");
  check_signature_makes_sense(document, node, signature);
  return signature;
}

}  // namespace

void read_adapters(const yaml::Document& document, const std::set<std::string>& files, Draft& draft) {
  Unique names{document, "adapter"};
  for (const yaml::Node& one : document.root.list("adapters")) {
    const yaml::Node* name = one.find("name");
    if (name == nullptr || name->kind != yaml::Node::Kind::text || !names.take(name->place, name->scalar)) continue;
    AdapterSpec adapter;
    adapter.name = name->scalar;
    adapter.file = read_text(one, "file");
    adapter.example = read_text(one, "example");
    adapter.expected = read_text(one, "expected");
    adapter.source = read_text(one, "source");
    for (std::string_view key : {"file", "example", "expected"}) check_file(document, one, key, files);
    for (const yaml::Node* parameter : read_texts(one, "parameters")) adapter.parameters.push_back(parameter->scalar);
    if (const yaml::Node* signature = one.find("signature");
        signature != nullptr && signature->kind == yaml::Node::Kind::map) {
      adapter.signature = read_signature(document, *signature);
    }
    draft.domain.adapters.emplace(adapter.name, adapter);
  }
}

}  // namespace echoloop
