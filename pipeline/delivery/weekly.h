// What a message about a week says: from the data of echoloop.digest.v1, in Chinese or English. Pure; safe from any
// thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace echoloop::delivery {

// A few lines, without the title.
std::string weekly_text(const nlohmann::json& digest, bool chinese);

}  // namespace echoloop::delivery
