// A folder for the files of an event log, in $TMPDIR (./dev fuzz puts that into memory), and the logs that are written
// into it. One thread.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/local/event_log.h"

namespace echoloop::fuzz {

// Bytes of the files of a folder by name.
using Files = std::map<std::string, std::string>;

class LogFolder {
 public:
  LogFolder();
  LogFolder(const LogFolder&) = delete;
  LogFolder& operator=(const LogFolder&) = delete;
  ~LogFolder();

  const std::filesystem::path& path() const { return path_; }
  // The folder holds these files and no others.
  void put(const Files& files) const;
  Files read() const;

 private:
  std::filesystem::path path_;
};

// What was written into a log: by partition, in the order of offsets.
struct Written {
  struct One {
    stage::Kind kind;
    std::string key, value;
    Time at;
  };
  std::vector<std::vector<One>> partitions;
  Files files;
};

// A log of a few small segments whose groups have one block or several, packed and unpacked ones; written once.
const Written& written_log(const LogFolder& folder);

inline constexpr int kPartitions = 2;

}  // namespace echoloop::fuzz
