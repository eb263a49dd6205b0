// An import file of any bytes: format, encoding and the size of the pieces in which it arrives by the first three
// bytes. Read from a file and, piece by piece, from standard input.
#include "pipeline/intake/documents.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unicode/ucnv.h>
#include <unicode/ucnv_cb.h>
#include <unicode/unistr.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "pipeline/http/gzip.h"
#include "tests/fuzz/demand.h"

namespace echoloop::fuzz {
namespace {

constexpr std::array<const char*, 14> kEncodings{"utf-8",  "gb18030",     "gbk",      "big5",   "shift_jis",
                                                 "utf-16", "utf-16le",    "utf-16be", "utf-32", "utf-7",
                                                 "cesu-8", "iso-2022-jp", "hz",       "scsu"};
constexpr std::size_t kExpanded_bytes_max = 4u << 20;  // of a bomb no more is read

// The bytes as a file without a name on any disk.
class Folderless {
 public:
  explicit Folderless(std::string_view bytes) : descriptor_(memfd_create("input", MFD_CLOEXEC)) {
    demand(::write(descriptor_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "memory is written");
  }
  Folderless(const Folderless&) = delete;
  Folderless& operator=(const Folderless&) = delete;
  ~Folderless() { ::close(descriptor_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

// Lays the bytes before standard input in pieces: each read takes one. The first three arrive alone, as the reader
// looks at the beginning before it has a buffer.
void put_on_standard_input(std::string_view bytes, std::size_t piece) {
  int ends[2];
  demand(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0, "there are sockets");
  const int room = 4 << 20;
  ::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto part = bytes.substr(sent, sent < 3 ? 1 : piece);
    demand(::send(ends[1], part.data(), part.size(), 0) == static_cast<ssize_t>(part.size()), "a socket takes a piece");
    sent += part.size();
  }
  ::close(ends[1]);
  ::dup2(ends[0], STDIN_FILENO);
  ::close(ends[0]);
}

struct Read {
  struct One {
    std::string text;
    std::int64_t line;
    std::optional<std::int64_t> index;
    std::string problem;
    friend bool operator==(const One&, const One&) = default;
  };
  std::vector<One> documents;
  std::string error;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read_documents(const std::string& file, FileFormat format, const std::string& encoding) {
  Read out;
  ReadProgress progress;
  auto reader = DocumentReader::open(file, format, encoding, progress);
  DocumentBatch batch;
  std::size_t bytes = 0;
  while (reader && bytes < kExpanded_bytes_max) {
    auto more = (*reader)->next(batch);
    if (!more) out.error = more.error().reason;
    if (!more || !*more) return out;
    for (const auto& one : batch.documents()) {
      out.documents.push_back({std::string(one.text), one.line, one.index, one.problem});
      bytes += one.text.size();
    }
  }
  if (!reader) out.error = reader.error().reason;
  return out;
}

void check_documents(const Read& read, FileFormat format) {
  std::int64_t line = 1;
  for (const auto& one : read.documents) {
    demand(one.line >= line, "documents come by rising line");
    line = one.line;
    if (format != FileFormat::csv) continue;
    const auto json = nlohmann::json::parse(one.text, nullptr, false);
    demand(one.problem.empty() ? json.is_object() : json.is_array(), "a row is an object, a rejected one an array",
           one.text);
  }
}

// What can be read before the end or the first error.
std::string read_bytes(const std::string& file, const std::string& encoding, std::string& error) {
  std::string out;
  ReadProgress progress;
  auto source = open_bytes(file, encoding, progress);
  std::array<char, 4096> buffer;
  while (source && out.size() < kExpanded_bytes_max) {
    auto got = (*source)->read(buffer);
    if (!got) error = got.error().reason;
    if (!got || *got == 0) return out;
    out.append(buffer.data(), *got);
  }
  if (!source) error = source.error().reason;
  return out;
}

constexpr UChar kUndecodable = 0xFDD0;

void mark(const void*, UConverterToUnicodeArgs* arguments, const char*, std::int32_t, UConverterCallbackReason reason,
          UErrorCode* code) {
  if (reason > UCNV_IRREGULAR) return;
  *code = U_ZERO_ERROR;
  ucnv_cbToUWriteUChars(arguments, &kUndecodable, 1, 0, code);
}

// The whole text at once: UTF-8 as it is; else what ICU cannot decode, and what is no character, is the byte FF.
std::string recoded(std::string_view bytes, const char* encoding) {
  if (encoding == kEncodings[0]) return std::string(bytes.starts_with("\xEF\xBB\xBF") ? bytes.substr(3) : bytes);
  UErrorCode code = U_ZERO_ERROR;
  std::unique_ptr<UConverter, void (*)(UConverter*)> converter(ucnv_open(encoding, &code), ucnv_close);
  ucnv_setToUCallBack(converter.get(), mark, nullptr, nullptr, nullptr, &code);
  std::u16string units(bytes.size() * 4 + 16, u'\0');
  const auto size = ucnv_toUChars(converter.get(), units.data(), static_cast<std::int32_t>(units.size()), bytes.data(),
                                  static_cast<std::int32_t>(bytes.size()), &code);
  demand(U_SUCCESS(code) && size >= 0, "ICU decodes the whole text");
  units.resize(static_cast<std::size_t>(size));
  std::string out;
  for (std::size_t at = 0; at < units.size();) {
    UChar32 character;
    U16_NEXT(units.data(), at, units.size(), character);
    if (character == kUndecodable || U_IS_SURROGATE(character)) {
      out += '\xFF';
    } else {
      icu::UnicodeString(character).toUTF8String(out);
    }
  }
  if (out.starts_with("\xEF\xBB\xBF")) out.erase(0, 3);
  return out;
}

void check_bytes(std::string_view bytes, const std::string& file, const char* encoding) {
  std::string error;
  const auto read = read_bytes(file, encoding, error);
  const bool packed = bytes.starts_with("\x1f\x8b");
  if (!packed) {
    demand(error.empty() && read == recoded(bytes, encoding), "an encoding is read as ICU reads the whole", encoding);
  } else if (encoding == kEncodings[0]) {
    std::string expanded;
    auto whole = http::gunzip(bytes, kExpanded_bytes_max, expanded);
    if (!whole || *whole != http::Gunzip::whole) return;
    if (expanded.starts_with("\xEF\xBB\xBF")) expanded.erase(0, 3);
    demand(error.empty() && read == expanded, "gzip is read as it is at once");
  }
}

}  // namespace
}  // namespace echoloop::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace echoloop;
  using namespace echoloop::fuzz;
  auto bytes = text_of(data, size);
  const auto format = static_cast<FileFormat>(take_choice(bytes) % 3);
  const char* encoding = kEncodings[take_choice(bytes) % kEncodings.size()];
  const std::size_t piece = take_choice(bytes) + 1 + bytes.size() / 256;
  const Folderless file{bytes};
  const auto whole = read_documents(file.path(), format, encoding);
  check_documents(whole, format);
  put_on_standard_input(bytes, piece);
  const auto pieces = read_documents("-", format, encoding);
  demand(pieces == whole, "pieces make the same documents as the whole", pieces.error + " / " + whole.error);
  check_bytes(bytes, file.path(), encoding);
  return 0;
}
