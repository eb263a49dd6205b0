#include "tests/fuzz/log_files.h"

#include <fstream>
#include <iterator>

#include "pipeline/base/hash.h"
#include "tests/fuzz/demand.h"

namespace echoloop::fuzz {
namespace {

namespace fs = std::filesystem;

// `count` records of one append, which land on both partitions.
void append(local::EventLog& log, Written& written, int count, std::size_t bytes) {
  static int number = 0;
  std::vector<Written::One> ones;
  for (int i = 0; i < count; ++i, ++number) {
    ones.push_back({number % 5 == 0 ? stage::Kind::rejected : stage::Kind::event, "session-" + std::to_string(number),
                    std::to_string(number) + std::string(bytes, static_cast<char>('a' + number % 26)),
                    from_ms(1'772'323'200'000 + number * 250)});
  }
  std::vector<local::Append> appends;
  for (const auto& one : ones) appends.push_back({one.kind, one.key, one.value, one.at});
  demand(log.append(appends).has_value(), "the log is written");
  for (auto& one : ones) {
    written.partitions[static_cast<std::size_t>(partition_of(one.key, kPartitions))].push_back(std::move(one));
  }
}

Written write(const fs::path& folder) {
  Written out;
  out.partitions.resize(kPartitions);
  local::LogOptions options{.partitions = kPartitions, .sync = local::Sync::always, .segment_bytes = 700};
  for (auto compression : {local::Compression::lz4, local::Compression::zstd, local::Compression::none}) {
    options.compression = compression;
    auto log = local::EventLog::open(folder, options);
    demand(log.has_value(), "a log is made");
    append(**log, out, 1, 10);
    append(**log, out, 4, 300);
    append(**log, out, 2, 0);
    append(**log, out, 3, 5);
  }
  return out;
}

}  // namespace

LogFolder::LogFolder() {
  std::string pattern = (fs::temp_directory_path() / "echoloop-fuzz-XXXXXX").string();
  demand(mkdtemp(pattern.data()) != nullptr, "a temporary folder can be made", pattern);
  path_ = pattern;
}

LogFolder::~LogFolder() {
  std::error_code fault;
  fs::remove_all(path_, fault);
}

void LogFolder::put(const Files& files) const {
  for (const auto& entry : fs::directory_iterator(path_)) fs::remove_all(entry.path());
  for (const auto& [name, bytes] : files) {
    std::ofstream file{path_ / name, std::ios::binary};
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
}

Files LogFolder::read() const {
  Files out;
  for (const auto& entry : fs::directory_iterator(path_)) {
    std::ifstream file{entry.path(), std::ios::binary};
    out[entry.path().filename().string()] = {std::istreambuf_iterator<char>{file}, {}};
  }
  return out;
}

const Written& written_log(const LogFolder& folder) {
  static const Written kWritten = [&] {
    folder.put({});
    Written out = write(folder.path());
    out.files = folder.read();
    return out;
  }();
  return kWritten;
}

}  // namespace echoloop::fuzz
