// Whether a webhook comes from the platform that it claims: what adapters.yaml says of its signature against what the
// request carries. Pure; any thread.
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

// Error (bad_input): missing, malformed, wrong or too old; where: its header, parameter or field. Never says which
// digest would have been right, and takes the same time wherever the first difference is.
Result<void> check_signature(const WebhookSignature& signature, std::string_view secret, const http::Request& request,
                             Time now);

// What a platform with that secret sends with this body, at `time` as it writes it (empty: without one), prefix
// included.
std::string signature_of(const WebhookSignature& signature, std::string_view secret, std::string_view body,
                         std::string_view time);

}  // namespace echoloop
