#include "pipeline/text/normalise.h"

#include <fmt/format.h>
#include <unicode/normalizer2.h>
#include <unicode/translit.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace echoloop {
namespace {

// ICU keeps its data inside its libraries: without it nothing of what follows can be right, so there is nothing to
// return to.
void demand(UErrorCode status, const char* what) {
  if (U_SUCCESS(status)) return;
  fmt::print(stderr, "echoloop: ICU gives no {}: {}\n", what, u_errorName(status));
  std::abort();
}

constexpr bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// All steps at once for texts of ASCII only: NFKC and the transliterator leave it alone, folding is A–Z → a–z.
std::string normalise_ascii(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (is_ascii_space(c)) {
      if (!out.empty() && out.back() != ' ') out.push_back(' ');
    } else {
      out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c);
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Traditional → simplified. Few texts hold a character that it changes, and looking for one is far cheaper than
// transliterating.
class Simplifier {
 public:
  Simplifier() {
    UErrorCode status = U_ZERO_ERROR;
    transliterator_.reset(icu::Transliterator::createInstance("Hant-Hans", UTRANS_FORWARD, status));
    demand(status, "transliterator Hant-Hans");
    transliterator_->getSourceSet(changed_);
    changed_.freeze();
  }
  void apply(icu::UnicodeString& text) const {
    if (changed_.span(text.getBuffer(), text.length(), USET_SPAN_NOT_CONTAINED) == text.length()) return;
    transliterator_->transliterate(text);
  }

 private:
  std::unique_ptr<icu::Transliterator> transliterator_;
  icu::UnicodeSet changed_;
};

const icu::Normalizer2& nfkc() {
  static const icu::Normalizer2* const instance = [] {
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* found = icu::Normalizer2::getNFKCInstance(status);
    demand(status, "NFKC");
    return found;
  }();
  return *instance;
}

icu::UnicodeString nfkc_of(const icu::UnicodeString& text) {
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeString out = nfkc().normalize(text, status);
  demand(status, "NFKC form");
  return out;
}

void squeeze_blanks(icu::UnicodeString& text) {
  icu::UnicodeString out(text.length(), 0, 0);  // room for all of it
  bool blank = false;
  for (int32_t at = 0; at < text.length(); at = text.moveIndex32(at, 1)) {
    const UChar32 c = text.char32At(at);
    if (u_isUWhiteSpace(c)) {
      blank = !out.isEmpty();
      continue;
    }
    if (blank) out.append(u' ');
    blank = false;
    out.append(c);
  }
  text = std::move(out);
}

std::string normalise(std::string_view text) {
  if (is_ascii(text)) return normalise_ascii(text);
  thread_local const Simplifier simplifier;
  icu::UnicodeString work =
      nfkc_of(icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size()))));
  work.foldCase(U_FOLD_CASE_DEFAULT);
  simplifier.apply(work);
  work = nfkc_of(work);
  squeeze_blanks(work);
  std::string out;
  work.toUTF8String(out);
  return out;
}

}  // namespace

std::string normalise_tag(std::string_view text) { return normalise(text); }

std::string normalise_comment(std::string_view text) { return normalise(text); }

}  // namespace echoloop
