#include "pipeline/intake/adapter_messages.h"

#include <sys/socket.h>

#include <cerrno>

#include "pipeline/base/bytes.h"

namespace echoloop {
namespace {

// A batch, or one document or its outputs of 16 MiB each, with room for what stands around them.
constexpr std::uint64_t kFrameBytes_max = 64u << 20;
constexpr std::size_t kReadBytes = 256u << 10;

enum Kind : std::uint64_t { kOutputs = 0, kError = 1 };

void put_length(std::string& out, std::uint64_t length) {
  for (std::size_t i = 0; i < kLengthBytes; ++i) out += static_cast<char>(length >> (8 * i) & 0xFF);
}

std::uint64_t length_in(std::string_view bytes) {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    length |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return length;
}

}  // namespace

std::string write_ask(const AdapterProgram& program, std::span<const std::string_view> documents) {
  std::string out;
  put_text(out, program.file);
  put_text(out, program.library);
  put_text(out, program.tenant);
  put_varint(out, program.turn);
  put_varint(out, documents.size());
  for (std::string_view document : documents) put_text(out, document);
  return out;
}

Result<AdapterAsk> read_ask(std::string_view bytes) {
  Reader reader{bytes};
  AdapterAsk ask;
  ask.program.file = reader.text();
  ask.program.library = reader.text();
  ask.program.tenant = reader.text();
  ask.program.turn = reader.varint();
  for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) ask.documents.push_back(reader.text());
  if (!reader.ok() || !reader.done()) return bad_input("", "malformed ask");
  return ask;
}

void append_answer(std::string& out, const AdapterResult& answer) {
  const std::size_t begin = out.size();
  put_length(out, 0);
  if (answer) {
    put_varint(out, kOutputs);
    put_varint(out, answer->size());
    for (const AdapterOutput& output : *answer) {
      put_varint(out, output.skipped() ? 1 : 0);
      put_text(out, output.skipped() ? output.skip : output.event);
    }
  } else {
    put_varint(out, kError);
    put_varint(out, static_cast<std::uint64_t>(answer.error().fault));
    put_text(out, answer.error().where);
    put_text(out, answer.error().reason);
  }
  std::string length;
  put_length(length, out.size() - begin - kLengthBytes);
  out.replace(begin, kLengthBytes, length);
}

Result<AdapterResult> read_answer(std::string_view bytes) {
  Reader reader{bytes};
  AdapterResult answer;
  if (const std::uint64_t kind = reader.varint(); kind == kError) {
    const std::uint64_t fault = reader.varint();
    Error error;
    error.where = reader.text();
    error.reason = reader.text();
    if (fault > static_cast<std::uint64_t>(Fault::no_room)) return bad_input("", "malformed answer");
    error.fault = static_cast<Fault>(fault);
    answer = tl::make_unexpected(std::move(error));
  } else if (kind == kOutputs) {
    for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
      const bool skipped = reader.varint() == 1;
      AdapterOutput output;
      (skipped ? output.skip : output.event) = reader.text();
      answer->push_back(std::move(output));
    }
  } else {
    return bad_input("", "malformed answer");
  }
  if (!reader.ok() || !reader.done()) return bad_input("", "malformed answer");
  return answer;
}

std::string with_length(std::string_view message) {
  std::string out;
  out.reserve(kLengthBytes + message.size());
  put_length(out, message.size());
  out.append(message);
  return out;
}

Sent send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return Sent::broken;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return Sent::all;
}

bool MessageReader::fill(std::size_t wanted) {
  if (buffer_.size() - begin_ >= wanted) return true;
  buffer_.erase(0, begin_);
  begin_ = 0;
  while (buffer_.size() < wanted) {
    const std::size_t had = buffer_.size();
    buffer_.resize(had + kReadBytes);
    const ssize_t got = ::recv(socket_, buffer_.data() + had, kReadBytes, 0);
    buffer_.resize(had + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
  }
  return true;
}

bool MessageReader::next(std::string_view& message) {
  if (!fill(kLengthBytes)) return false;
  const std::uint64_t length = length_in(std::string_view(buffer_).substr(begin_, kLengthBytes));
  if (length > kFrameBytes_max || !fill(kLengthBytes + static_cast<std::size_t>(length))) return false;
  message = std::string_view(buffer_).substr(begin_ + kLengthBytes, static_cast<std::size_t>(length));
  begin_ += kLengthBytes + static_cast<std::size_t>(length);
  return true;
}

}  // namespace echoloop
