// What is said between echoloop and the processes that run its adapters: an ask, and an answer for the program and then
// for each document. Over a socket, each message behind its length. Pure but for the socket; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/intake/adapter.h"

namespace echoloop {

// Which program: compiled when first asked for, and anew when `turn` has changed, as its files may have.
struct AdapterProgram {
  std::string file, library, tenant;  // as Adapter::open takes them
  std::uint64_t turn = 0;
};

using AdapterResult = Result<std::vector<AdapterOutput>>;

// One message; documents are views into the bytes given to read_ask().
struct AdapterAsk {
  AdapterProgram program;
  std::vector<std::string_view> documents;
};
std::string write_ask(const AdapterProgram& program, std::span<const std::string_view> documents);
// Error (bad_input): malformed.
Result<AdapterAsk> read_ask(std::string_view bytes);

// Appends an answer, its length before it, so that several go out in one piece.
void append_answer(std::string& out, const AdapterResult& answer);
// Error (bad_input): malformed.
Result<AdapterResult> read_answer(std::string_view bytes);

inline constexpr std::size_t kLengthBytes = 8;
std::string with_length(std::string_view message);

enum class Sent { all, broken };
// Blocks until all is written; never raises SIGPIPE.
Sent send_all(int socket, std::string_view bytes);

// Reads messages from a socket, each whole; not thread-safe.
class MessageReader {
 public:
  explicit MessageReader(int socket) : socket_(socket) {}
  // The next message, valid until the next call; false at the end of the connection, after an error, a malformed length
  // or when the socket's time is up.
  bool next(std::string_view& message);

 private:
  bool fill(std::size_t wanted);
  int socket_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what was not given out yet
};

}  // namespace echoloop
