// The members of a group read their configuration again together: each its own files, asked by the one that was asked.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "pipeline/base/result.h"
#include "pipeline/http/router.h"
#include "pipeline/kafka/peers.h"

namespace echoloop::kafka {

using Reload = std::function<Result<std::string>()>;  // what it answers: what changed

// Other members reload this one here. `secret`: what they show.
void add_reload_route(http::Router& router, std::string secret, Reload reload);
// Asks them one after the other; each has ten seconds. What each says: what changed, or why not. Any thread.
std::map<std::string, Result<std::string>> reload_members(const std::map<std::string, Owner>& members);

}  // namespace echoloop::kafka
