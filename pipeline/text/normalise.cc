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
#include <vector>

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

// Traditional → simplified by ICU's rules Hant-Hans, which are plain: at each place the first rule whose left side
// stands there writes its right side. ICU tries its rules some hundred times slower than a table does.
class Simplifier {
 public:
  Simplifier() {
    UErrorCode status = U_ZERO_ERROR;
    std::unique_ptr<icu::Transliterator> transliterator{
        icu::Transliterator::createInstance("Hant-Hans", UTRANS_FORWARD, status)};
    demand(status, "transliterator Hant-Hans");
    icu::UnicodeString rules;
    transliterator->toRules(rules, true);
    read(rules);
  }

  void apply(icu::UnicodeString& text) const {
    icu::UnicodeString out;
    int32_t copied = 0;  // of the text
    for (int32_t at = 0; at < text.length();) {
      const Rule* rule = rule_at(text, at);
      if (rule == nullptr) {
        ++at;
        continue;
      }
      out.append(text, copied, at - copied).append(rule->to);
      copied = at += rule->from.length();
    }
    if (copied == 0) return;
    out.append(text, copied, text.length() - copied);
    text = std::move(out);
  }

 private:
  struct Rule {
    icu::UnicodeString from, to;
  };

  // "\u9918\u91CF > \u4F59\u91CF;" a line. Anything else would be a rule of a kind not known here.
  void read(const icu::UnicodeString& rules) {
    UErrorCode status = rules.isEmpty() ? U_INVALID_FORMAT_ERROR : U_ZERO_ERROR;
    for (int32_t at = 0; at < rules.length();) {
      const int32_t arrow = rules.indexOf(u" > ", 3, at), end = rules.indexOf(u';', at);
      if (arrow < at || end < arrow) status = U_INVALID_FORMAT_ERROR;
      demand(status, "plain rules Hant-Hans");
      Rule rule{rules.tempSubStringBetween(at, arrow).unescape(),
                rules.tempSubStringBetween(arrow + 3, end).unescape()};
      if (!is_plain(rule.from) || !is_plain(rule.to)) status = U_INVALID_FORMAT_ERROR;
      demand(status, "plain rules Hant-Hans");
      rules_[rule.from[0]].push_back(std::move(rule));
      for (at = end + 1; at < rules.length() && rules[at] == u'\n';) ++at;
    }
  }
  static bool is_plain(const icu::UnicodeString& side) {
    if (side.isEmpty()) return false;
    for (int32_t at = 0; at < side.length(); ++at) {
      if (side[at] < 0x80) return false;
    }
    return true;
  }
  const Rule* rule_at(const icu::UnicodeString& text, int32_t at) const {
    for (const Rule& rule : rules_[text[at]]) {
      if (text.compare(at, rule.from.length(), rule.from) == 0) return &rule;
    }
    return nullptr;
  }

  std::vector<std::vector<Rule>> rules_ = std::vector<std::vector<Rule>>(0x10000);  // by first code unit, in order
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
  static const Simplifier simplifier;
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
