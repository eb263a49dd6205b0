// How the door's outcomes read over HTTP; shared by the routes of this room. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/http/message.h"
#include "pipeline/intake/door.h"

namespace echoloop {

// 202 {"accepted":n,"rejected":[{"index","where","reason"}]}, with "skipped":[reasons] where an adapter skipped
// something; 429 when nothing could be taken; 503 when the log is broken.
http::Response entered_response(const Result<Entered>& entered, const std::vector<std::string>& skipped = {});

http::Response full_response();                      // 429 with Retry-After
http::Response broken_response(const Error& error);  // 503 with Retry-After; the reason goes to the log

}  // namespace echoloop
