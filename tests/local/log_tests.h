// What the tests of the event log share: a temporary folder, appending and reading by text.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "pipeline/base/hash.h"
#include "pipeline/local/event_log.h"

namespace echoloop::local {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    // Memory where there is some: hundreds of fsyncs take no time there.
    std::error_code fault;
    const std::filesystem::path shm = "/dev/shm";
    const auto parent = std::filesystem::is_directory(shm, fault) ? shm : std::filesystem::temp_directory_path();
    std::string pattern = (parent / "echoloop-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder can be made");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code fault;
    std::filesystem::remove_all(path_, fault);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<EventLog> open_log(const std::filesystem::path& folder, const LogOptions& options) {
  auto log = EventLog::open(folder, options);
  EXPECT_TRUE(log) << log.error().text();
  return log ? std::move(*log) : nullptr;
}

// A key that lands on that partition.
inline std::string key_for(int partition, int partitions) {
  std::string key = "k";
  while (partition_of(key, partitions) != partition) key += "k";
  return key;
}

inline Result<std::uint64_t> append_text(EventLog& log, int partition, std::string_view value, std::int64_t at_ms = 0) {
  const std::string key = key_for(partition, log.partitions());
  const Append one[] = {{stage::Kind::event, key, value, from_ms(at_ms)}};
  return log.append(one);
}

inline std::vector<std::string> values_of(const stage::Slice& slice) {
  std::vector<std::string> values;
  for (const stage::Record& record : slice.records) values.emplace_back(record.value);
  return values;
}

// Everything of a partition, with offsets checked to be dense.
inline std::vector<std::string> read_all(const EventLog& log, int partition, const stage::PollLimits& limits = {}) {
  std::vector<std::string> values;
  for (;;) {
    auto slice = log.read(partition, static_cast<std::int64_t>(values.size()), limits);
    EXPECT_TRUE(slice) << slice.error().text();
    if (!slice || slice->records.empty()) return values;
    for (const stage::Record& record : slice->records) {
      EXPECT_EQ(record.offset, static_cast<std::int64_t>(values.size()));
      values.emplace_back(record.value);
    }
  }
}

inline std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

inline void write_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace echoloop::local
