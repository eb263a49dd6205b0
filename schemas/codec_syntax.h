// Where and why a text is not JSON. simdjson says only that it is not; this slow second look runs for rejected
// documents alone. Also the lexical cut of an array into its elements. Pure; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"

namespace echoloop::codec {

// The first fault by RFC 8259 with echoloop's additions (UTF-8, no lone surrogates), or nullopt when there is none.
std::optional<Error> find_syntax_fault(std::string_view json);

// Integers of more than 64 bits, which simdjson refuses even in fields nobody reads, rewritten with an exponent ("123…"
// → "123…e0"). nullopt when there is none. `json` need not be JSON.
std::optional<std::string> widen_integers(std::string_view json);

// Whether the text is an array whose elements can be told apart: brackets, commas and words are in order, whatever its
// texts and numbers hold.
bool is_array_in_outline(std::string_view json);

// Hands out the elements of an array as views into its text. The text must be one in outline.
class ArrayCutter {
 public:
  explicit ArrayCutter(std::string_view array);
  bool done();
  std::string_view next();  // the next element without the space around it

 private:
  std::string_view json_;
  std::size_t at_ = 0;
};

}  // namespace echoloop::codec
