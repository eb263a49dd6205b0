// Text as people write it, made comparable: one form for each tag, words out of comments, and well-formed UTF-8. Pure
// functions; safe from any thread (the costly ICU objects are made once per thread). Every text is UTF-8; ill-formed
// sequences read as U+FFFD.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace echoloop {

// The normal form of docs/aggregates.md: NFKC, case folding, traditional → simplified, NFKC; runs of white space become
// one blank, none at the ends. Emoji stay, joined ones too.
std::string normalise_tag(std::string_view text);

// The same form for a whole comment, so that a normalised word is found in it as a plain substring.
std::string normalise_comment(std::string_view text);

// The words of a text in order, Chinese and English, by ICU's dictionaries (UAX #29): letters, numbers, ideographs and
// emoji, no blanks and no punctuation. Views into `text`.
std::vector<std::string_view> segment(std::string_view text);

// The first `code_points_max` code points: never ends inside one.
std::string_view cut_text(std::string_view text, std::size_t code_points_max);

// Well-formed as RFC 3629 says: no overlong form, no surrogate, nothing above U+10FFFF.
bool valid_utf8(std::string_view text);

}  // namespace echoloop
