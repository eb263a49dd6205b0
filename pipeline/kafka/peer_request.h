// Requests among the members of a group, over HTTP: whoever asks shows the secret of the one that is asked (peers.h).
#pragma once

#include <optional>
#include <string>

#include "pipeline/base/result.h"
#include "pipeline/base/time.h"
#include "pipeline/http/message.h"
#include "pipeline/kafka/peers.h"

namespace echoloop::kafka {

struct PeerAnswer {
  long status = 0;
  std::string body;
};
// `curl`: a handle of libcurl that nobody else uses meanwhile; what was set before stays, but for what this sets.
// Error (away): no answer within the time, or nobody is there.
Result<PeerAnswer> ask_peer(void* curl, const Owner& owner, const char* method, const std::string& path,
                            Duration timeout);
// What a member answers to whoever does not show its secret; none: he does.
std::optional<http::Response> refuse_stranger(const http::Request& request, const std::string& secret);

}  // namespace echoloop::kafka
