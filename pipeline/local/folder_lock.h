// DATA/lock: one process at a time has a data folder open.
#pragma once

#include <filesystem>

#include "pipeline/local/file.h"

namespace echoloop::local {

// Error (world): it is the folder of a member on Kafka.
Result<void> check_folder(const std::filesystem::path& folder);

// Makes the folder where there is none, and holds it as long as the file lives; the process id stands in it. Error
// (world): "data folder … is in use by process PID".
Result<File> take_folder(const std::filesystem::path& folder);

}  // namespace echoloop::local
