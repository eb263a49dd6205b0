#include "pipeline/local/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>
#include <vector>

namespace echoloop::local {
namespace {

tl::unexpected<Error> failed(const std::string& path, std::string_view what) {
  return broken_world(path, fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

Result<File> File::open(const std::filesystem::path& path, Mode mode) {
  const int flags = mode == Mode::read ? O_RDONLY | O_CLOEXEC : O_RDWR | O_CREAT | O_CLOEXEC;
  const int descriptor = ::open(path.c_str(), flags, 0644);
  if (descriptor < 0) return failed(path.string(), "the file cannot be opened");
  return File{path.string(), descriptor};
}

File::File(File&& other) noexcept : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::uint64_t> File::size() const {
  struct stat facts {};
  if (fstat(descriptor_, &facts) != 0) return failed(path_, "the file's size cannot be read");
  return static_cast<std::uint64_t>(facts.st_size);
}

Result<std::size_t> File::read(std::uint64_t position, char* out, std::size_t size) const {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = pread(descriptor_, out + done, size - done, static_cast<off_t>(position + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(path_, "the file cannot be read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<void> File::write(std::uint64_t position, std::span<const std::string_view> parts) {
  std::vector<iovec> rest;
  rest.reserve(parts.size());
  for (std::string_view part : parts) {
    if (!part.empty()) rest.push_back({const_cast<char*>(part.data()), part.size()});
  }
  std::size_t next = 0;
  while (next < rest.size()) {
    const int count = static_cast<int>(std::min<std::size_t>(rest.size() - next, IOV_MAX));
    const ssize_t wrote = pwritev(descriptor_, rest.data() + next, count, static_cast<off_t>(position));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failed(path_, "the file cannot be written");
    position += static_cast<std::uint64_t>(wrote);
    for (auto left = static_cast<std::size_t>(wrote); left > 0;) {
      const std::size_t step = std::min(left, rest[next].iov_len);
      rest[next].iov_base = static_cast<char*>(rest[next].iov_base) + step;
      rest[next].iov_len -= step;
      left -= step;
      if (rest[next].iov_len == 0) ++next;
    }
  }
  return {};
}

Result<void> File::sync() {
  while (fdatasync(descriptor_) != 0) {
    if (errno != EINTR) return failed(path_, "the file cannot be forced onto the disk");
  }
  return {};
}

Result<void> File::truncate(std::uint64_t size) {
  while (ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return failed(path_, "the file cannot be cut");
  }
  return {};
}

Result<bool> File::lock() {
  while (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return failed(path_, "the file cannot be locked");
  }
  return true;
}

Result<std::string_view> Window::at(std::uint64_t position, std::size_t size) {
  if (position >= end_) return std::string_view{};
  size = static_cast<std::size_t>(std::min<std::uint64_t>(size, end_ - position));
  if (position < start_ || position + size > start_ + buffer_.size()) {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(std::max(size, kAhead_bytes), end_ - position));
    buffer_.resize(wanted);
    start_ = position;
    Result<std::size_t> got = file_.read(position, buffer_.data(), wanted);
    buffer_.resize(got.value_or(0));
    if (!got) return tl::make_unexpected(got.error());
  }
  return std::string_view{buffer_}.substr(position - start_, size);
}

Result<void> sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return failed(folder.string(), "the folder cannot be opened");
  const int outcome = fsync(descriptor);
  const int fault = errno;
  ::close(descriptor);
  errno = fault;
  if (outcome != 0) return failed(folder.string(), "the folder cannot be forced onto the disk");
  return {};
}

Result<std::string> read_whole(const std::filesystem::path& path) {
  Result<File> file = File::open(path, File::Mode::read);
  if (!file) return tl::make_unexpected(file.error());
  Result<std::uint64_t> size = file->size();
  if (!size) return tl::make_unexpected(size.error());
  std::string bytes(*size, '\0');
  Result<std::size_t> got = file->read(0, bytes.data(), bytes.size());
  if (!got) return tl::make_unexpected(got.error());
  bytes.resize(*got);
  return bytes;
}

Result<void> replace_file(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::path fresh = path;
  fresh += ".new";
  Result<File> file = File::open(fresh, File::Mode::create);
  if (!file) return tl::make_unexpected(file.error());
  const std::string_view parts[] = {bytes};
  Result<void> done = file->truncate(0);
  if (done) done = file->write(0, parts);
  if (done) done = file->sync();
  if (done && std::rename(fresh.c_str(), path.c_str()) != 0)
    done = failed(path.string(), "the file cannot be replaced");
  if (!done) {
    ::unlink(fresh.c_str());
    return done;
  }
  return sync_folder(path.parent_path());
}

}  // namespace echoloop::local
