// Words for people: patterns of ICU's MessageFormat, in Chinese or English. Pure; safe from any thread.
#pragma once

#include <unicode/fmtable.h>
#include <unicode/unistr.h>

#include <string>
#include <vector>

namespace echoloop::delivery {

struct Argument {
  const char* name;
  icu::Formattable value;
};

inline icu::UnicodeString wide(const std::string& text) { return icu::UnicodeString::fromUTF8(text); }

// Empty when the pattern is none.
std::string formatted(const char* pattern, bool chinese, const std::vector<Argument>& arguments);

}  // namespace echoloop::delivery
