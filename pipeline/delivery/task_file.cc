#include "pipeline/delivery/task_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "pipeline/base/bytes.h"
#include "pipeline/base/crash_point.h"

namespace echoloop::delivery {
namespace {

constexpr std::string_view kPlace_key = "task-file";
// Looks again after this even if no bell rang.
constexpr Duration kTry_again{1000};

tl::unexpected<Error> failed(std::string_view what) {
  Fault fault = errno == ENOSPC || errno == EDQUOT ? Fault::no_room : Fault::world;
  return tl::make_unexpected(Error{fault, "outbox file", fmt::format("{}: {}", what, std::strerror(errno))});
}

}  // namespace

Result<std::unique_ptr<TaskFile>> TaskFile::open(const std::filesystem::path& file, TaskFileParts parts) {
  std::error_code fault;
  std::filesystem::create_directories(file.parent_path(), fault);
  int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return broken_world(file.string(), std::strerror(errno));
  std::unique_ptr<TaskFile> out{new TaskFile(descriptor, std::move(parts))};
  if (auto loaded = out->load(); !loaded) return tl::make_unexpected(loaded.error());
  return out;
}

TaskFile::~TaskFile() {
  stopping_ = true;
  parts_.bell->ring();
  if (thread_.joinable()) thread_.join();
  ::close(descriptor_);
}

Result<void> TaskFile::load() {
  next_.assign(static_cast<std::size_t>(parts_.partitions), 0);
  auto row = parts_.rows->get(stage::Table::deliveries, 0, kPlace_key);
  if (!row) return tl::make_unexpected(row.error());
  if (*row) {
    Reader reader{**row};
    bytes_ = static_cast<std::int64_t>(reader.varint());
    for (std::int64_t& next : next_) next = static_cast<std::int64_t>(reader.varint());
  }
  off_t end = ::lseek(descriptor_, 0, SEEK_END);
  if (end < 0) return failed("cannot be read");
  // A shorter file was cut or rotated by somebody: what comes next goes to its end.
  if (end < bytes_) bytes_ = end;
  if (::ftruncate(descriptor_, bytes_) != 0) return failed("cannot be cut");
  if (::lseek(descriptor_, bytes_, SEEK_SET) < 0) return failed("cannot be read");
  return {};
}

void TaskFile::start() {
  thread_ = std::thread([this] {
    Result<void> written;
    bool troubled = false;
    const auto goes_on = [&] { return written || written.error().fault == Fault::no_room; };
    while (goes_on() && !stopping_) {
      written = write_on();
      if (goes_on() && troubled != !written && parts_.on_trouble)
        parts_.on_trouble(written ? std::nullopt : std::optional{written.error()});
      troubled = !written;
      bool first = !troubled;  // returns at the next ring, but does not run against a full disk at each
      if (goes_on() && !stopping_)
        parts_.bell->wait(kTry_again, [&] { return stopping_ || (!troubled && !std::exchange(first, false)); });
    }
    if (goes_on()) written = write_on();
    if (!written && parts_.on_failure) parts_.on_failure(written.error());
  });
}

Result<void> TaskFile::write_on() {
  std::string lines;
  std::vector<std::int64_t> reached = next_;
  for (int partition = 0; partition < parts_.partitions; ++partition) {
    std::int64_t& next = reached[static_cast<std::size_t>(partition)];
    while (true) {
      auto slice = parts_.read(partition, next);
      if (!slice) return tl::make_unexpected(slice.error());
      if (slice->records.empty()) break;
      for (const stage::Record& record : slice->records) {
        lines.append(record.value);
        lines.push_back('\n');
        next = record.offset + 1;
      }
    }
  }
  if (lines.empty()) return {};
  std::int64_t bytes = bytes_ + static_cast<std::int64_t>(lines.size());
  Result<void> done = append(lines);
  if (done) done = keep_place(bytes, reached);
  if (!done) {
    if (::ftruncate(descriptor_, bytes_) != 0 || ::lseek(descriptor_, bytes_, SEEK_SET) < 0)
      return failed("cannot be cut");
    return done;
  }
  bytes_ = bytes;
  next_ = std::move(reached);
  return {};
}

Result<void> TaskFile::append(std::string_view lines) {
  ECHOLOOP_CRASH_POINT("tasks.before_write");
  while (!lines.empty()) {
    ssize_t n = ::write(descriptor_, lines.data(), lines.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("cannot be written");
    lines.remove_prefix(static_cast<std::size_t>(n));
  }
  ECHOLOOP_CRASH_POINT("tasks.after_write");
  if (::fdatasync(descriptor_) != 0) return failed("cannot be synced");
  ECHOLOOP_CRASH_POINT("tasks.before_keep_place");
  return {};
}

Result<void> TaskFile::keep_place(std::int64_t bytes, const std::vector<std::int64_t>& reached) {
  std::string value;
  put_varint(value, static_cast<std::uint64_t>(bytes));
  for (std::int64_t next : reached) put_varint(value, static_cast<std::uint64_t>(next));
  return parts_.write({{stage::Table::deliveries, 0, std::string(kPlace_key), std::move(value)}});
}

}  // namespace echoloop::delivery
