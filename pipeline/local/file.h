// A file on disk, read and written at explicit positions, and the few folder operations that make changes durable.
// Errors (world) name the path. Reading is safe from any thread; writing belongs to one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"

namespace echoloop::local {

class File {
 public:
  enum class Mode { read, create };  // create: read and write, made when missing
  static Result<File> open(const std::filesystem::path& path, Mode mode);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  const std::string& path() const { return path_; }
  Result<std::uint64_t> size() const;
  // As many bytes as there are, up to size.
  Result<std::size_t> read(std::uint64_t position, char* out, std::size_t size) const;
  // The parts, one behind the other. After an error any of the bytes may have been written.
  Result<void> write(std::uint64_t position, std::span<const std::string_view> parts);
  Result<void> sync();
  Result<void> truncate(std::uint64_t size);
  // Takes the exclusive lock that ends with this file or the process; false: another one holds it.
  Result<bool> lock();

 private:
  File(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  std::string path_;
  int descriptor_;
};

// Bytes of a file through a buffer that slides over them: for walking along a log with few system calls. One thread.
class Window {
 public:
  Window(const File& file, std::uint64_t end) : file_(file), end_(end) {}
  // [position, position + size), shorter where the end comes first; valid until the next call.
  Result<std::string_view> at(std::uint64_t position, std::size_t size);
  const File& file() const { return file_; }
  std::uint64_t end() const { return end_; }

 private:
  static constexpr std::size_t kAhead_bytes = 128 << 10;
  const File& file_;
  std::uint64_t end_;
  std::uint64_t start_ = 0;
  std::string buffer_;
};

// Makes the names in a folder durable.
Result<void> sync_folder(const std::filesystem::path& folder);
Result<std::string> read_whole(const std::filesystem::path& path);
// The file has these bytes, durably, or is as it was before.
Result<void> replace_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace echoloop::local
