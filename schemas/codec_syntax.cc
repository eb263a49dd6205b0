#include "schemas/codec_syntax.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace echoloop::codec {
namespace {

constexpr std::size_t kDepthMax = 1024;  // as deep as simdjson goes

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Length of the well-formed UTF-8 sequence at `at` (Unicode table 3-7), 0 when there is none.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    bool good = first == 0xE0 ? second >= 0xA0 : first == 0xED ? second < 0xA0 : true;
    return good && follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    bool good = first == 0xF0 ? second >= 0x90 : first == 0xF4 ? second < 0x90 : true;
    return good && follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

enum class Look { all, outline };  // outline: brackets, commas, colons and words; texts and numbers may hold anything

// Past the string that begins at `at`; nothing when it does not end.
std::optional<std::size_t> skip_text(std::string_view json, std::size_t at) {
  for (++at; at < json.size(); ++at) {
    if (json[at] == '\\') {
      ++at;
    } else if (json[at] == '"') {
      return at + 1;
    }
  }
  return std::nullopt;
}

class Scanner {
 public:
  explicit Scanner(std::string_view json, Look look = Look::all) : json_(json), look_(look) {}

  std::optional<Error> run() {
    for (std::size_t i = 0; look_ == Look::all && i < json_.size();) {
      std::size_t length = utf8_length(json_, i);
      if (length == 0) {
        fail(i, "not valid UTF-8");
        return fault_;
      }
      i += length;
    }
    document();
    return fault_;
  }

 private:
  bool fail(std::size_t at, std::string reason) {
    fault_ = Error{Fault::bad_input, fmt::format("byte {}", at), std::move(reason)};
    return false;
  }
  void space() {
    while (at_ < json_.size() && is_space(json_[at_])) ++at_;
  }
  bool ended() const { return at_ >= json_.size(); }
  char here() const { return json_[at_]; }

  bool document() {
    space();
    if (ended()) return fail(at_, "empty: no JSON here");
    std::vector<char> open;  // closing brackets awaited
    bool wants_value = true;
    while (true) {
      space();
      if (wants_value) {
        if (!begin_value(open, wants_value)) return false;
      } else if (open.empty()) {
        return ended() || fail(at_, "something follows the end of the JSON document");
      } else if (!after_value(open, wants_value)) {
        return false;
      }
    }
  }

  // A scalar, or the start of a container up to where its first value stands.
  bool begin_value(std::vector<char>& open, bool& wants_value) {
    if (ended()) return fail(at_, "the JSON text ends too early");
    wants_value = false;
    switch (here()) {
      case '{':
      case '[':
        open.push_back(here() == '{' ? '}' : ']');
        if (look_ == Look::all && open.size() > kDepthMax) return fail(at_, "nested too deeply");
        ++at_;
        space();
        if (!ended() && here() == open.back()) {
          ++at_;
          open.pop_back();
          return true;
        }
        wants_value = true;
        return open.back() == ']' || key();
      case '"':
        return text();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  bool after_value(std::vector<char>& open, bool& wants_value) {
    if (ended()) return fail(at_, "the JSON text ends too early");
    if (here() == open.back()) {
      ++at_;
      open.pop_back();
      return true;
    }
    if (here() != ',') return fail(at_, fmt::format("expected ',' or '{}'", open.back()));
    ++at_;
    wants_value = true;
    if (open.back() == ']') return true;
    space();
    return key();
  }

  bool key() {
    if (ended()) return fail(at_, "the JSON text ends too early");
    if (here() != '"') return fail(at_, "expected a key in double quotes");
    if (!text()) return false;
    space();
    if (ended()) return fail(at_, "the JSON text ends too early");
    if (here() != ':') return fail(at_, "expected ':'");
    ++at_;
    return true;
  }

  bool word(std::string_view wanted) {
    if (json_.substr(at_, wanted.size()) != wanted) return fail(at_, "expected a JSON value");
    at_ += wanted.size();
    return true;
  }

  std::optional<std::uint32_t> hex4(std::size_t at) const {
    std::uint32_t value = 0;
    if (at + 4 > json_.size()) return std::nullopt;
    auto [end, failure] = std::from_chars(json_.data() + at, json_.data() + at + 4, value, 16);
    if (failure != std::errc{} || end != json_.data() + at + 4) return std::nullopt;
    return value;
  }

  bool text() {
    if (look_ == Look::outline) {
      const auto end = skip_text(json_, at_);
      at_ = end.value_or(json_.size());
      return end || fail(at_, "the JSON text ends inside a string");
    }
    for (++at_; !ended(); ++at_) {
      if (here() == '"') {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(here()) < 0x20) return fail(at_, "a control character in a text must be escaped");
      if (here() == '\\' && !escape()) return false;
    }
    return fail(at_, "the JSON text ends inside a string");
  }

  // Leaves at_ on the last character of the escape.
  bool escape() {
    std::size_t start = at_++;
    if (ended()) return fail(at_, "the JSON text ends inside a string");
    if (here() != 'u') {
      return std::string_view(R"("\/bfnrt)").find(here()) != std::string_view::npos || fail(start, "no such escape");
    }
    auto unit = hex4(at_ + 1);
    if (!unit) return fail(start, "\\u wants four hexadecimal digits");
    at_ += 4;
    if (*unit < 0xD800 || *unit > 0xDFFF) return true;
    std::uint32_t low = json_.substr(at_ + 1, 2) == "\\u" ? hex4(at_ + 3).value_or(0) : 0;
    if (*unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF) return fail(start, "a lone surrogate is no character");
    at_ += 6;
    return true;
  }

  bool digits() {
    std::size_t start = at_;
    while (!ended() && is_digit(here())) ++at_;
    return at_ > start;
  }

  bool number() {
    std::size_t start = at_;
    if (look_ == Look::outline) {
      at_ = std::min(json_.find_first_not_of("+-.0123456789eE", at_), json_.size());
      return at_ > start || fail(start, "expected a JSON value");
    }
    if (here() == '-') ++at_;
    if (ended() || !is_digit(here())) return fail(start, "expected a JSON value");
    if (here() == '0') {
      ++at_;
    } else {
      digits();
    }
    bool good = ended() || !is_digit(here());
    if (good && !ended() && here() == '.') {
      ++at_;
      good = digits();
    }
    if (good && !ended() && (here() == 'e' || here() == 'E')) {
      ++at_;
      if (!ended() && (here() == '+' || here() == '-')) ++at_;
      good = digits();
    }
    if (!good) return fail(start, "not a JSON number");
    return !std::isinf(std::strtod(std::string(json_.substr(start, at_ - start)).c_str(), nullptr)) ||
           fail(start, "a number too large for double precision");
  }

  std::string_view json_;
  const Look look_;
  std::size_t at_ = 0;
  std::optional<Error> fault_;
};

bool fits_64_bits(std::string_view integer) {
  const char* end = integer.data() + integer.size();
  std::uint64_t positive = 0;
  std::int64_t any = 0;
  auto failure = integer[0] == '-' ? std::from_chars(integer.data(), end, any).ec
                                   : std::from_chars(integer.data(), end, positive).ec;
  return failure == std::errc{};
}

}  // namespace

std::optional<Error> find_syntax_fault(std::string_view json) { return Scanner(json).run(); }

bool is_array_in_outline(std::string_view json) {
  const auto first = std::find_if_not(json.begin(), json.end(), is_space);
  return first != json.end() && *first == '[' && !Scanner(json, Look::outline).run();
}

std::optional<std::string> widen_integers(std::string_view json) {
  std::string out;
  std::size_t copied = 0;
  for (std::size_t i = 0; i < json.size();) {
    if (json[i] == '"') {
      i = skip_text(json, i).value_or(json.size());
      continue;
    }
    if (json[i] != '-' && !is_digit(json[i])) {
      ++i;
      continue;
    }
    std::size_t start = i++;
    while (i < json.size() && is_digit(json[i])) ++i;
    bool integer = i - start > 1 && (i == json.size() || (json[i] != '.' && json[i] != 'e' && json[i] != 'E'));
    if (integer && !fits_64_bits(json.substr(start, i - start))) {
      out.append(json.substr(copied, i - copied)).append("e0");
      copied = i;
    }
    while (i < json.size() && (is_digit(json[i]) || std::string_view(".eE+-").find(json[i]) != std::string_view::npos))
      ++i;
  }
  if (copied == 0) return std::nullopt;
  out.append(json.substr(copied));
  return out;
}

ArrayCutter::ArrayCutter(std::string_view array) : json_(array), at_(array.find('[') + 1) {}

bool ArrayCutter::done() {
  while (at_ < json_.size() && (is_space(json_[at_]) || json_[at_] == ',')) ++at_;
  return at_ >= json_.size() || json_[at_] == ']';
}

std::string_view ArrayCutter::next() {
  while (at_ < json_.size() && (is_space(json_[at_]) || json_[at_] == ',')) ++at_;
  std::size_t start = at_;
  int depth = 0;
  while (at_ < json_.size()) {
    char c = json_[at_];
    if (c == '"') {
      at_ = skip_text(json_, at_).value_or(json_.size());
      continue;
    }
    if (depth == 0 && (c == ',' || c == ']')) break;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    ++at_;
  }
  std::size_t end = at_;
  while (end > start && is_space(json_[end - 1])) --end;
  return json_.substr(start, end - start);
}

}  // namespace echoloop::codec
