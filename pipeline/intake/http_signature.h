// Whether a webhook comes from the platform that it claims: its HMAC-SHA256 against ours. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/base/time.h"
#include "pipeline/http/message.h"
#include "schemas/domain.h"

namespace echoloop {

// A signed timestamp may differ from our clock by this much: an overheard request cannot be sent again later.
inline constexpr Duration kSignatureAge_max{300'000};

// Signed is the body; where the platform sends the signature's time in `timestamp_header` (Unix seconds),
// "<time>.<body>". Error (bad_input): missing, malformed, wrong or too old; never says which digest would have been
// right.
Result<void> check_signature(const WebhookSignature& signature, std::string_view secret, const http::Request& request,
                             Time now);

// HMAC-SHA256 in lower-case hexadecimal.
std::string hmac_sha256(std::string_view secret, std::string_view message);

}  // namespace echoloop
