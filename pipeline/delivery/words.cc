#include "pipeline/delivery/words.h"

#include <unicode/msgfmt.h>

namespace echoloop::delivery {

std::string formatted(const char* pattern, bool chinese, const std::vector<Argument>& arguments) {
  UErrorCode code = U_ZERO_ERROR;
  icu::MessageFormat format{icu::UnicodeString::fromUTF8(pattern),
                            chinese ? icu::Locale::getSimplifiedChinese() : icu::Locale::getEnglish(), code};
  std::vector<icu::UnicodeString> names;
  std::vector<icu::Formattable> values;
  for (const Argument& one : arguments) {
    names.emplace_back(one.name);
    values.push_back(one.value);
  }
  icu::UnicodeString out;
  format.format(names.data(), values.data(), static_cast<int32_t>(names.size()), out, code);
  std::string text;
  if (U_SUCCESS(code)) out.toUTF8String(text);
  return text;
}

}  // namespace echoloop::delivery
