#include "schemas/codec_reading.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace echoloop::codec {
namespace {

// Above this many keys sorting beats comparing all pairs.
constexpr std::size_t kPairwiseKeys_max = 12;

constexpr Time kTimeFirst = from_ms(0);
constexpr Time kTimeEnd{std::chrono::sys_days{std::chrono::year{2200} / 1 / 1}};

std::string_view type_of(Element value) {
  switch (value.type()) {
    case simdjson::dom::element_type::ARRAY:
      return "an array";
    case simdjson::dom::element_type::OBJECT:
      return "an object";
    case simdjson::dom::element_type::STRING:
      return "a string";
    case simdjson::dom::element_type::BOOL:
      return "a boolean";
    case simdjson::dom::element_type::NULL_VALUE:
      return "null";
    default:
      return "a number";
  }
}

std::size_t code_points(Text text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }));
}

}  // namespace

std::string Path::pointer() const {
  if (up == nullptr) return "";
  std::string out = up->pointer() + "/";
  if (index) return out + std::to_string(*index);
  for (char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string quoted(Text text) {
  constexpr std::size_t kShown_bytes = 64;
  if (text.size() <= kShown_bytes) return fmt::format("'{}'", text);
  std::size_t end = kShown_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  return fmt::format("'{}…'", text.substr(0, end));
}

std::string duplicate_key(Text key) { return fmt::format("key {} stands twice in one object", quoted(key)); }

bool Reading::fail(const Path& at, std::string reason) {
  if (!fault_) fault_ = Error{Fault::bad_input, at.pointer(), std::move(reason)};
  return false;
}

bool Reading::fail_type(const Path& at, std::string_view wanted, Element found) {
  return fail(at, fmt::format("must be {}, not {}", wanted, type_of(found)));
}

void Reading::restart() {
  fault_.reset();
  last_time_text_ = {};
  keys_.clear();
}

Text Reading::keep(std::int64_t number) {
  auto& digits = kept_.emplace_back();
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return Text(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

bool Reading::fail_text(Element value, const Path& at, std::size_t bytes_max) {
  Text text;
  if (value.get(text) != simdjson::SUCCESS) return fail_type(at, "a string", value);
  if (text.empty()) return fail(at, "must not be empty");
  return fail(at, fmt::format("{} bytes long, at most {} are allowed", text.size(), bytes_max));
}

bool Reading::prose(Element value, const Path& at, Text& out) {
  if (value.get(out) != simdjson::SUCCESS) return fail_type(at, "a string", value);
  if (out.size() <= kProse_code_points_max) return true;
  std::size_t length = code_points(out);
  return length <= kProse_code_points_max ||
         fail(at, fmt::format("{} characters long, at most {} are allowed", length, kProse_code_points_max));
}

bool Reading::integer(Element value, const Path& at, std::int64_t min, std::int64_t max, std::int64_t& out) {
  double number = 0;
  bool inside = false;
  switch (value.type()) {
    case simdjson::dom::element_type::INT64:
      out = value.get_int64().value_unsafe();
      inside = out >= min && out <= max;
      break;
    case simdjson::dom::element_type::UINT64:
      break;  // above 2^63, and so above every max
    case simdjson::dom::element_type::DOUBLE:
      // 5.0 and 1e3 are integers too (JSON Schema draft 7, validation 6.1.1)
      number = value.get_double().value_unsafe();
      if (number != std::floor(number)) return fail(at, "must be an integer, not a fraction");
      inside = number >= static_cast<double>(min) && number <= static_cast<double>(max);
      if (inside) out = static_cast<std::int64_t>(number);
      break;
    default:
      return fail_type(at, "an integer", value);
  }
  return inside || fail(at, fmt::format("must be between {} and {}", min, max));
}

bool Reading::thousandths(Element value, const Path& at, std::int64_t& out) {
  double number = 0;
  switch (value.type()) {
    case simdjson::dom::element_type::INT64:
      out = value.get_int64().value_unsafe();
      if (out >= -kScore_max && out <= kScore_max) {
        out *= 1000;
        return true;
      }
      number = static_cast<double>(out);
      break;
    case simdjson::dom::element_type::UINT64:
      number = static_cast<double>(value.get_uint64().value_unsafe());
      break;
    case simdjson::dom::element_type::DOUBLE:
      number = value.get_double().value_unsafe();
      break;
    default:
      return fail_type(at, "a number", value);
  }
  if (std::abs(number) > static_cast<double>(kScore_max)) {
    return fail(at, fmt::format("must be between -{0} and {0}", kScore_max));
  }
  // t / 1000 is correctly rounded, and so is the parsed text: they are equal exactly when the text reads as t
  // thousandths.
  out = std::llround(number * 1000);
  return static_cast<double>(out) / 1000 == number || fail(at, "at most three decimals are allowed");
}

bool Reading::time(Element value, const Path& at, Time& out) {
  Text text;
  if (value.get(text) != simdjson::SUCCESS) return fail_type(at, "a string", value);
  if (!text.empty() && text == last_time_text_) {  // most events say one time twice
    out = last_time_;
    return true;
  }
  auto parsed = parse_time(text);
  if (parsed) {
    out = *parsed;
    // An offset may carry the first and last day beyond the years that can be written back.
    if (out < kTimeFirst || out >= kTimeEnd)
      return fail(at, quoted(text) + " lies outside the years 1970..2199 of UTC");
    last_time_text_ = text;
    last_time_ = out;
    return true;
  }
  if (text.size() > 64) return fail(at, quoted(text) + " is not an RFC 3339 time");
  return fail(at, std::move(parsed.error().reason));
}

bool Reading::version(Element value, const Path& at, Text& out) {
  if (value.is_string()) return text(value, at, 0, kId_bytes_max, out);
  if (!value.is_number()) return fail_type(at, "a string or an integer", value);
  std::int64_t number = 0;
  if (!integer(value, at, -kVersion_max, kVersion_max, number)) return false;
  out = keep(number);
  return true;
}

bool Reading::ignore(Element value, const Path& at) {
  bool object = value.is_object();
  if (!object && !value.is_array()) return true;
  if (at.depth >= kDepth_max) return fail(at, fmt::format("nested more than {} levels deep", kDepth_max));
  if (!object) {
    std::size_t index = 0;
    for (Element element : simdjson::dom::array(value)) {
      if (!ignore(element, at.element(index++))) return false;
    }
    return true;
  }
  std::size_t start = mark();
  for (auto [key, inner] : simdjson::dom::object(value)) {
    add_key(key);
    if (!ignore(inner, at.field(key))) return false;
  }
  return distinct_since(start, at);
}

bool Reading::distinct_since(std::size_t mark, const Path& at) {
  auto from = keys_.begin() + static_cast<std::ptrdiff_t>(mark);
  auto twice = keys_.end();
  if (keys_.size() - mark <= kPairwiseKeys_max) {
    for (auto one = from; one != keys_.end() && twice == keys_.end(); ++one) {
      if (std::find(from, one, *one) != one) twice = one;
    }
  } else {
    std::sort(from, keys_.end());
    twice = std::adjacent_find(from, keys_.end());
  }
  if (twice != keys_.end()) return fail(at.field(*twice), duplicate_key(*twice));
  keys_.resize(mark);
  return true;
}

}  // namespace echoloop::codec
