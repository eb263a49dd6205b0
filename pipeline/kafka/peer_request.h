// A request to another member of the group, over HTTP.
#pragma once

#include <string>

#include "pipeline/base/result.h"
#include "pipeline/base/time.h"
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

}  // namespace echoloop::kafka
