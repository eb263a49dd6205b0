#include "pipeline/intake/http_signature.h"

#include <sodium.h>

#include <charconv>
#include <chrono>

#include "pipeline/base/bytes.h"

namespace echoloop {
namespace {

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Result<void> check_age(const WebhookSignature& signature, std::string_view text, Time now) {
  std::int64_t seconds = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (ec != std::errc{} || end != text.data() + text.size() || seconds < 0 || seconds > 100'000'000'000) {
    return bad_input(signature.timestamp_header, "is no time in Unix seconds");
  }
  auto age = now - from_ms(seconds * kSecond_ms);
  if (age > kSignatureAge_max || age < -kSignatureAge_max)
    return bad_input(signature.timestamp_header, "is not of now");
  return {};
}

}  // namespace

std::string hmac_sha256(std::string_view secret, std::string_view message) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes_of(secret), secret.size());
  crypto_auth_hmacsha256_update(&state, bytes_of(message), message.size());
  std::string digest(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(digest.data()));
  return to_hex(digest);
}

Result<void> check_signature(const WebhookSignature& signature, std::string_view secret, const http::Request& request,
                             Time now) {
  auto given = request.headers.get(signature.header);
  if (!given || request.headers.count(signature.header) != 1)
    return bad_input(signature.header, "must stand there once");
  auto digits = http::trimmed(*given);
  if (!digits.starts_with(signature.prefix))
    return bad_input(signature.header, "does not begin with " + signature.prefix);
  digits.remove_prefix(signature.prefix.size());

  std::string timed;
  auto message = std::string_view{request.body};
  auto time = signature.timestamp_header.empty() ? std::nullopt : request.headers.get(signature.timestamp_header);
  if (time) {
    if (auto fresh = check_age(signature, *time, now); !fresh) return fresh;
    timed.append(*time).append(".").append(request.body);
    message = timed;
  }
  auto wanted = hmac_sha256(secret, message);
  auto offered = http::lower_case(digits);
  bool same = offered.size() == wanted.size() && sodium_memcmp(offered.data(), wanted.data(), wanted.size()) == 0;
  if (!same) return bad_input(signature.header, "does not fit the body");
  return {};
}

}  // namespace echoloop
