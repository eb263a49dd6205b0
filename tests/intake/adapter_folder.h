// Where the project keeps its adapters.
#pragma once

#include <string>

namespace echoloop {

inline const std::string kAdapter_folder = std::string(ECHOLOOP_SOURCE_DIR) + "/config/adapters";

}  // namespace echoloop
