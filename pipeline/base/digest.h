// Digests, keyed digests and base64, by OpenSSL. Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace echoloop {

enum class Digest : std::uint8_t { md5, sha1, sha256 };

// The bytes; empty when OpenSSL will not compute it (a build for FIPS has no MD5).
std::string digest_of(Digest digest, std::string_view text);
std::string hmac_of(Digest digest, std::string_view secret, std::string_view text);

std::string to_base64(std::string_view bytes);
// Of the standard alphabet, padded; none when it is something else.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace echoloop
