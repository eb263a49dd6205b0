#include <fmt/format.h>
#include <unicode/brkiter.h>
#include <unicode/locid.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "pipeline/text/normalise.h"

namespace echoloop {
namespace {

std::unique_ptr<icu::BreakIterator> open_words() {
  UErrorCode status = U_ZERO_ERROR;
  // Han, kana and Thai are cut by dictionary in every locale; Latin by the rules of UAX #29.
  std::unique_ptr<icu::BreakIterator> words{icu::BreakIterator::createWordInstance(icu::Locale::getChinese(), status)};
  if (U_FAILURE(status)) {
    fmt::print(stderr, "echoloop: ICU cuts no words: {}\n", u_errorName(status));
    std::abort();
  }
  return words;
}

bool starts_with_emoji(std::string_view piece) {
  int32_t at = 0;
  UChar32 c;
  U8_NEXT(piece.data(), at, static_cast<int32_t>(piece.size()), c);
  return c >= 0 &&
         (u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC) || u_hasBinaryProperty(c, UCHAR_REGIONAL_INDICATOR));
}

}  // namespace

std::vector<std::string_view> segment(std::string_view text) {
  thread_local const std::unique_ptr<icu::BreakIterator> words = open_words();
  std::vector<std::string_view> out;
  UErrorCode status = U_ZERO_ERROR;
  UText view = UTEXT_INITIALIZER;
  utext_openUTF8(&view, text.data(), static_cast<int64_t>(text.size()), &status);
  words->setText(&view, status);
  if (U_SUCCESS(status)) {
    int32_t from = words->first();
    for (int32_t to = words->next(); to != icu::BreakIterator::DONE; from = to, to = words->next()) {
      std::string_view piece = text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from));
      if (words->getRuleStatus() >= UBRK_WORD_NONE_LIMIT || starts_with_emoji(piece)) out.push_back(piece);
    }
  }
  utext_close(&view);
  return out;
}

}  // namespace echoloop
