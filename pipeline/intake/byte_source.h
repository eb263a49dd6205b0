// Bytes of an import file as UTF-8: from a file or standard input, out of gzip, out of another encoding. Layers of one
// interface; each owns the one below it. Not thread-safe, save for progress().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "pipeline/base/result.h"

namespace echoloop {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills some of `buffer` (never empty); 0 at the end. Error (world): the disk failed; (bad input): the compressed
  // data is damaged.
  virtual Result<std::size_t> read(std::span<char> buffer) = 0;
};

// How far reading has come, in bytes as they lie on disk. Written by the reading thread, read by any.
struct ReadProgress {
  std::atomic<std::int64_t> done{0};
  std::int64_t total = 0;  // 0: not known (a pipe)
};

// `file` or "-" for standard input. gzip is recognised by its first bytes, several members in a row are read as one.
// `encoding` is a name that ICU knows ("gb18030", "big5", "utf-16le"); bytes that it cannot decode become the byte FF,
// so that the document which holds them is rejected as no UTF-8 and nothing is invented. A byte order mark at the start
// is left out. Error: the file cannot be opened (world), the encoding is unknown (bad input).
Result<std::unique_ptr<ByteSource>> open_bytes(const std::string& file, const std::string& encoding,
                                               ReadProgress& progress);

// Whether there is such an encoding. Error (bad input): none.
Result<void> check_encoding(const std::string& encoding);

}  // namespace echoloop
