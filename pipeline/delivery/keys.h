// Keys of what deliveries keep. Pure.
#pragma once

#include <string>
#include <string_view>

#include "schemas/state.pb.h"

namespace echoloop::delivery {

// Keys of table deliveries: how far an endpoint has been told, and what it shall be told once more.
std::string endpoint_key(std::string_view id);
std::string again_key(const state::Delivery& delivery);
std::string again_prefix();
// The endpoint that such a row is for; empty: that is none.
std::string again_endpoint(std::string_view key);
// Keys of table delivery_log: by endpoint, newest first.
std::string delivery_key(const state::Delivery& delivery);
std::string delivery_prefix(std::string_view endpoint);

}  // namespace echoloop::delivery
