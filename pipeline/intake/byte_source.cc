#include "pipeline/intake/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unicode/ucnv.h>
#include <unicode/ucnv_cb.h>
#include <unicode/ucnv_err.h>
#include <unicode/utf16.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace echoloop {
namespace {

class FileBytes : public ByteSource {
 public:
  FileBytes(int descriptor, bool owned, std::string name, ReadProgress& progress)
      : descriptor_(descriptor), owned_(owned), name_(std::move(name)), progress_(progress) {}
  ~FileBytes() override {
    if (owned_) ::close(descriptor_);
  }
  Result<std::size_t> read(std::span<char> buffer) override {
    while (true) {
      ssize_t got = ::read(descriptor_, buffer.data(), buffer.size());
      if (got >= 0) {
        progress_.done += got;
        return static_cast<std::size_t>(got);
      }
      if (errno != EINTR) return broken_world(name_, std::strerror(errno));
    }
  }

 private:
  int descriptor_;
  bool owned_;
  std::string name_;
  ReadProgress& progress_;
};

// Hands out what was looked at already, then the rest.
class Rejoined : public ByteSource {
 public:
  Rejoined(std::string begin, std::unique_ptr<ByteSource> rest) : begin_(std::move(begin)), rest_(std::move(rest)) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    if (taken_ == begin_.size()) return rest_->read(buffer);
    std::size_t size = begin_.copy(buffer.data(), buffer.size(), taken_);
    taken_ += size;
    return size;
  }

 private:
  std::string begin_;
  std::size_t taken_ = 0;
  std::unique_ptr<ByteSource> rest_;
};

class Gunzipped : public ByteSource {
 public:
  Gunzipped(std::unique_ptr<ByteSource> packed, std::string name) : packed_(std::move(packed)), name_(std::move(name)) {
    good_ = inflateInit2(&stream_, 15 + 16) == Z_OK;
  }
  ~Gunzipped() override { inflateEnd(&stream_); }
  Result<std::size_t> read(std::span<char> buffer) override {
    if (!good_) return broken_world(name_, "no memory for gzip");
    if (damage_) return tl::make_unexpected(*damage_);
    stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(buffer.size(), 1u << 30));
    const std::size_t room = stream_.avail_out;
    while (stream_.avail_out == room) {
      if (stream_.avail_in == 0 && !ended_) {
        Result<std::size_t> got = packed_->read(input_);
        if (!got) return got;
        ended_ = *got == 0;
        stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
        stream_.avail_in = static_cast<uInt>(*got);
      }
      if (ended_) {
        if (between_members_) return 0;
        return bad_input(name_, "gzip data ends in the middle: the file is cut off");
      }
      if (between_members_) {
        // Some programs pad with zeros after the last member, as gzip(1) allows.
        if (*stream_.next_in == 0) {
          --stream_.avail_in;
          ++stream_.next_in;
          continue;
        }
        inflateReset2(&stream_, 15 + 16);
        between_members_ = false;
      }
      int answer = inflate(&stream_, Z_NO_FLUSH);
      if (answer == Z_STREAM_END) {
        between_members_ = true;
      } else if (answer != Z_OK && answer != Z_BUF_ERROR) {
        damage_ = Error{Fault::bad_input, name_, "gzip data is damaged"};
        if (stream_.msg != nullptr) damage_->reason += std::string(": ") + stream_.msg;
        break;
      }
    }
    // What came out before the damage is given first.
    if (damage_ && stream_.avail_out == room) return tl::make_unexpected(*damage_);
    return room - stream_.avail_out;
  }

 private:
  std::unique_ptr<ByteSource> packed_;
  std::string name_;
  z_stream stream_{};
  bool good_ = false;
  bool ended_ = false;
  bool between_members_ = false;
  std::optional<Error> damage_;
  std::array<char, 64u << 10> input_{};
};

constexpr UChar kUndecodable = 0xFDD0;  // a noncharacter: no text holds it

void mark_undecodable(const void*, UConverterToUnicodeArgs* arguments, const char*, std::int32_t,
                      UConverterCallbackReason reason, UErrorCode* code) {
  if (reason > UCNV_IRREGULAR) return;  // a reset or a close
  *code = U_ZERO_ERROR;
  const UChar mark = kUndecodable;
  ucnv_cbToUWriteUChars(arguments, &mark, 1, 0, code);
}

class Recoded : public ByteSource {
 public:
  Recoded(std::unique_ptr<ByteSource> bytes, UConverter* converter) : bytes_(std::move(bytes)), converter_(converter) {}
  ~Recoded() override { ucnv_close(converter_); }
  Result<std::size_t> read(std::span<char> buffer) override {
    while (taken_ == ready_.size()) {
      if (ended_) return 0;
      ready_.clear();
      taken_ = 0;
      Result<std::size_t> got = bytes_->read(input_);
      if (!got) return got;
      ended_ = *got == 0;
      const char* from = input_.data();
      const char* from_end = from + *got;
      UErrorCode code = U_BUFFER_OVERFLOW_ERROR;
      while (code == U_BUFFER_OVERFLOW_ERROR) {
        code = U_ZERO_ERROR;
        UChar* to = units_.data();
        ucnv_toUnicode(converter_, &to, units_.data() + units_.size(), &from, from_end, nullptr, ended_, &code);
        take(std::u16string_view(units_.data(), static_cast<std::size_t>(to - units_.data())));
        if (U_FAILURE(code) && code != U_BUFFER_OVERFLOW_ERROR)
          return broken_world("", std::string("ICU: ") + u_errorName(code));
      }
      if (ended_ && std::exchange(lead_, u'\0') != 0) ready_ += '\xFF';
    }
    std::size_t size = ready_.copy(buffer.data(), buffer.size(), taken_);
    taken_ += size;
    return size;
  }

 private:
  void take(std::u16string_view units) {
    for (char16_t unit : units) {
      const char16_t lead = std::exchange(lead_, u'\0');
      if (lead != 0 && U16_IS_TRAIL(unit)) {
        put(U16_GET_SUPPLEMENTARY(lead, unit));
        continue;
      }
      if (lead != 0) ready_ += '\xFF';  // half a character: some encodings, such as UTF-7, write one
      if (U16_IS_LEAD(unit)) {
        lead_ = unit;
      } else if (unit == kUndecodable || U16_IS_TRAIL(unit)) {
        ready_ += '\xFF';
      } else {
        put(unit);
      }
    }
  }
  void put(std::uint32_t c) {
    if (c < 0x80) {
      ready_ += static_cast<char>(c);
      return;
    }
    if (c < 0x800) {
      ready_ += static_cast<char>(0xC0 | c >> 6);
    } else {
      if (c < 0x10000) {
        ready_ += static_cast<char>(0xE0 | c >> 12);
      } else {
        ready_ += static_cast<char>(0xF0 | c >> 18);
        ready_ += static_cast<char>(0x80 | (c >> 12 & 0x3F));
      }
      ready_ += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    }
    ready_ += static_cast<char>(0x80 | (c & 0x3F));
  }

  std::unique_ptr<ByteSource> bytes_;
  UConverter* converter_;
  std::array<char, 64u << 10> input_{};
  std::array<char16_t, 64u << 10> units_{};
  char16_t lead_ = 0;
  std::string ready_;
  std::size_t taken_ = 0;
  bool ended_ = false;
};

Result<std::string> first_bytes(ByteSource& source, std::size_t wanted) {
  std::string begin(wanted, '\0');
  std::size_t have = 0;
  while (have < wanted) {
    Result<std::size_t> got = source.read({begin.data() + have, wanted - have});
    if (!got) return tl::make_unexpected(got.error());
    if (*got == 0) break;
    have += *got;
  }
  begin.resize(have);
  return begin;
}

bool is_utf8_name(const std::string& encoding) { return ucnv_compareNames(encoding.c_str(), "UTF-8") == 0; }

}  // namespace

Result<void> check_encoding(const std::string& encoding) {
  UErrorCode code = U_ZERO_ERROR;
  // ICU reads an empty name as the platform's default.
  UConverter* converter = encoding.empty() ? nullptr : ucnv_open(encoding.c_str(), &code);
  bool known = converter != nullptr && U_SUCCESS(code);
  ucnv_close(converter);
  if (known) return {};
  return bad_input("--encoding", "unknown encoding '" + encoding + "' (for example utf-8, gb18030, gbk, big5, utf-16)");
}

Result<std::unique_ptr<ByteSource>> open_bytes(const std::string& file, const std::string& encoding,
                                               ReadProgress& progress) {
  UConverter* converter = nullptr;
  if (auto known = check_encoding(encoding); !known) return tl::make_unexpected(known.error());
  if (!is_utf8_name(encoding)) {
    UErrorCode code = U_ZERO_ERROR;
    converter = ucnv_open(encoding.c_str(), &code);
    ucnv_setToUCallBack(converter, mark_undecodable, nullptr, nullptr, nullptr, &code);
  }
  std::unique_ptr<UConverter, void (*)(UConverter*)> owned_converter(converter, ucnv_close);

  const bool standard_input = file == "-";
  int descriptor = standard_input ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return broken_world(file, std::strerror(errno));
  std::unique_ptr<ByteSource> bytes = std::make_unique<FileBytes>(descriptor, !standard_input, file, progress);
  struct stat about {};
  if (::fstat(descriptor, &about) == 0) {
    if (S_ISDIR(about.st_mode)) return broken_world(file, "is a folder");
    if (S_ISREG(about.st_mode)) progress.total = about.st_size;
  }

  Result<std::string> begin = first_bytes(*bytes, 2);
  if (!begin) return tl::make_unexpected(begin.error());
  const bool packed = *begin == "\x1f\x8b";
  bytes = std::make_unique<Rejoined>(std::move(*begin), std::move(bytes));
  if (packed) bytes = std::make_unique<Gunzipped>(std::move(bytes), file);
  if (owned_converter) bytes = std::make_unique<Recoded>(std::move(bytes), owned_converter.release());

  begin = first_bytes(*bytes, 3);
  if (!begin) return tl::make_unexpected(begin.error());
  if (*begin == "\xEF\xBB\xBF") begin->clear();
  return std::make_unique<Rejoined>(std::move(*begin), std::move(bytes));
}

}  // namespace echoloop
