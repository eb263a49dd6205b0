#include "pipeline/intake/http_signature.h"

#include <openssl/crypto.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "pipeline/base/bytes.h"
#include "pipeline/base/digest.h"

namespace echoloop {
namespace {

using Scheme = WebhookSignature::Scheme;

// The template with its parts put in; what they hold is not looked at again.
std::string filled(std::string_view message, std::string_view secret, std::string_view body, std::string_view time) {
  std::string out;
  while (!message.empty()) {
    const std::size_t open = std::min(message.find('{'), message.size());
    out.append(message.substr(0, open));
    message.remove_prefix(open);
    if (message.empty()) break;
    const std::size_t end = std::min(message.find('}'), message.size() - 1);
    const auto name = message.substr(1, end - 1);
    if (name == "body") out.append(body);
    if (name == "time") out.append(time);
    if (name == "secret") out.append(secret);
    if (name == "md5") out.append(to_hex(digest_of(Digest::md5, body)));
    message.remove_prefix(end + 1);
  }
  return out;
}

// RFC 3339, or digits: Unix milliseconds from 100,000,000,000 on (the year 5138 in seconds), else seconds.
std::optional<Time> moment_of(std::string_view text) {
  std::int64_t number = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec == std::errc{} && end == text.data() + text.size()) {
    if (number < 0 || number > 100'000'000'000'000) return std::nullopt;
    return from_ms(number >= 100'000'000'000 ? number : number * kSecond_ms);
  }
  auto time = parse_time(text);
  return time ? std::optional{*time} : std::nullopt;
}

// A name and what stands there; no value where it is missing or stands twice.
struct Place {
  std::string name;
  std::optional<std::string> value;
};

std::optional<std::string> only_header(const http::Headers& headers, const std::string& name) {
  auto value = headers.get(name);
  if (!value || headers.count(name) != 1) return std::nullopt;
  return std::string(http::trimmed(*value));
}

std::optional<std::string> only_parameter(const http::Query& query, const std::string& name) {
  auto values = query.all(name);
  return values.size() == 1 ? std::optional{std::string(values.front())} : std::nullopt;
}

Place find_signature(const WebhookSignature& signature, const http::Request& request) {
  if (!signature.query.empty()) return {signature.query, only_parameter(request.query, signature.query)};
  if (!signature.body_field.empty()) {
    auto body = nlohmann::json::parse(request.body, nullptr, false);
    auto found = body.is_object() ? body.find(signature.body_field) : body.end();
    if (!body.is_object() || found == body.end() || !found->is_string()) return {signature.body_field, std::nullopt};
    return {signature.body_field, found->get<std::string>()};
  }
  for (const auto& header : signature.headers) {
    if (request.headers.count(header) > 0) return {header, only_header(request.headers, header)};
  }
  return {signature.headers.empty() ? "" : signature.headers.front(), std::nullopt};
}

std::optional<Place> find_time(const WebhookSignature& signature, const http::Request& request) {
  if (!signature.timestamp_query.empty())
    return Place{signature.timestamp_query, only_parameter(request.query, signature.timestamp_query)};
  if (!signature.timestamp_header.empty()) {
    // Sent without it is another thing than sent twice.
    if (request.headers.count(signature.timestamp_header) == 0 && !signature.untimed.empty()) return std::nullopt;
    return Place{signature.timestamp_header, only_header(request.headers, signature.timestamp_header)};
  }
  return std::nullopt;
}

bool same(std::string_view offered, std::string_view wanted) {
  return offered.size() == wanted.size() && CRYPTO_memcmp(offered.data(), wanted.data(), wanted.size()) == 0;
}

}  // namespace

std::string signature_of(const WebhookSignature& signature, std::string_view secret, std::string_view body,
                         std::string_view time) {
  if (signature.scheme == Scheme::token) return signature.prefix + std::string(secret);
  const auto& shape = time.empty() && !signature.untimed.empty() ? signature.untimed : signature.message;
  const auto message = filled(shape, secret, body, time);
  std::string digest;
  switch (signature.scheme) {
    case Scheme::hmac_sha256:
      digest = hmac_of(Digest::sha256, secret, message);
      break;
    case Scheme::hmac_sha1:
      digest = hmac_of(Digest::sha1, secret, message);
      break;
    case Scheme::sha256:
      digest = digest_of(Digest::sha256, message);
      break;
    case Scheme::sha1:
    case Scheme::token:
      digest = digest_of(Digest::sha1, message);
      break;
  }
  return signature.prefix +
         (signature.encoding == WebhookSignature::Encoding::base64 ? to_base64(digest) : to_hex(digest));
}

Result<void> check_signature(const WebhookSignature& signature, std::string_view secret, const http::Request& request,
                             Time now) {
  auto given = find_signature(signature, request);
  if (!given.value) return bad_input(given.name, "must stand there once");
  if (!given.value->starts_with(signature.prefix))
    return bad_input(given.name, "does not begin with " + signature.prefix);
  std::string sent_at;
  if (auto time = find_time(signature, request)) {
    if (!time->value) return bad_input(time->name, "must stand there once");
    auto moment = moment_of(*time->value);
    if (!moment) return bad_input(time->name, "is no time: Unix seconds, milliseconds, or RFC 3339");
    if (now - *moment > kSignatureAge_max || *moment - now > kSignatureAge_max)
      return bad_input(time->name, "is more than five minutes off");
    sent_at = std::move(*time->value);
  }
  auto offered = std::move(*given.value);
  const bool digits = signature.scheme != Scheme::token && signature.encoding == WebhookSignature::Encoding::hex;
  if (digits) offered = signature.prefix + http::lower_case(std::string_view(offered).substr(signature.prefix.size()));
  const auto wanted = signature_of(signature, secret, request.body, sent_at);
  // Where OpenSSL is set up to refuse an algorithm there is no digest, which nobody may hit by sending none.
  if (wanted.size() == signature.prefix.size()) return bad_input(given.name, "cannot be checked here");
  if (same(offered, wanted)) return {};
  return bad_input(given.name, signature.scheme == Scheme::token ? "is not the secret" : "does not fit the body");
}

}  // namespace echoloop
