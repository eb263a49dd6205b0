// gzip (RFC 1952) for bodies, on zlib. The functions are pure; a GzipStream belongs to one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"

namespace echoloop::http {

enum class Gunzip { whole, too_large };

// Expands all members of `bytes` into `out`; stops with too_large as soon as more than `max_bytes` come out, so that a
// bomb costs no more than that. Error: truncated, damaged, or followed by something else.
Result<Gunzip> gunzip(std::string_view bytes, std::size_t max_bytes, std::string& out);

std::string gzip(std::string_view bytes);

// The same piece by piece, for streamed bodies.
class GzipStream {
 public:
  GzipStream();
  ~GzipStream();
  GzipStream(GzipStream&&) noexcept;
  GzipStream& operator=(GzipStream&&) noexcept;
  // Appends to `out` what came out so far; the rest comes with later calls.
  void write(std::string_view bytes, std::string& out);
  void finish(std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Whether an Accept-Encoding header takes gzip (RFC 9110, 12.5.3).
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace echoloop::http
