#include "schemas/dead_letter.h"

#include <algorithm>
#include <cctype>

namespace echoloop {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool holds_digit(std::string_view text) { return std::any_of(text.begin(), text.end(), is_digit); }

// "reviews.csv:17", "day.json:3 (document 2)".
bool is_position(std::string_view text) {
  std::size_t colon = text.rfind(':');
  return colon != std::string_view::npos && colon > 0 && colon + 1 < text.size() && is_digit(text[colon + 1]);
}

// "/data/agents/3/id" → "/data/agents/*/id".
std::string without_places(std::string_view pointer) {
  std::string out;
  while (!pointer.empty()) {
    std::size_t end = std::min(pointer.find('/', 1), pointer.size());
    std::string_view step = pointer.substr(0, end);
    bool number = step.size() > 1 && step[0] == '/' && std::all_of(step.begin() + 1, step.end(), is_digit);
    out += number ? std::string_view("/*") : step;
    pointer.remove_prefix(end);
  }
  return out;
}

// The end of what is quoted from text[at] on; the end of the text where nothing closes it.
std::size_t end_of_quote(std::string_view text, std::size_t at) {
  std::size_t end = text.find(text[at], at + 1);
  return end == std::string_view::npos ? text.size() : end + 1;
}

// jq shows the value that it could not use in brackets behind its type, and cuts a long one off.
std::size_t end_of_shown_value(std::string_view text, std::size_t at) {
  if (std::size_t cut = text.find("...)", at); cut != std::string_view::npos) return cut + 4;
  std::size_t end = text.find(')', at);
  return end == std::string_view::npos ? text.size() : end + 1;
}

void append_word(std::string& out, std::string_view word) {
  if (!holds_digit(word)) {
    out += word;
  } else if (word.starts_with('/')) {
    out += without_places(word);
  } else {
    std::size_t end = word.find_last_not_of(".,:;)");
    out += "#";
    out += word.substr(end == std::string_view::npos ? word.size() : end + 1);
  }
}

std::string without_values(std::string_view reason) {
  std::string out;
  std::size_t at = 0;
  while (at < reason.size()) {
    char c = reason[at];
    bool in_word = at > 0 && is_letter(reason[at - 1]);
    if ((c == '\'' && !in_word) || c == '"') {
      out += "…";
      at = end_of_quote(reason, at);
    } else if (c == '(' && at + 1 < reason.size() &&
               (std::string_view("\"{[-").find(reason[at + 1]) != std::string_view::npos || is_digit(reason[at + 1]))) {
      out += "(…)";
      at = end_of_shown_value(reason, at);
    } else if (c == ' ' || c == '\'' || c == '(') {
      out += c;
      ++at;
    } else {
      std::size_t end = std::min(reason.find_first_of(" '\"(", at), reason.size());
      append_word(out, reason.substr(at, end - at));
      at = end;
    }
  }
  return out;
}

}  // namespace

LetterPlace place_of(std::string_view where) {
  for (std::size_t pointer : {where.rfind(" /"), where.rfind(" byte "), where.size()}) {
    if (pointer == std::string_view::npos || !is_position(where.substr(0, pointer))) continue;
    return {where.substr(0, pointer), where.substr(std::min(pointer + 1, where.size()))};
  }
  return {{}, where};
}

std::string fault_of(const state::Rejected& rejected) {
  std::string_view pointer = place_of(rejected.where()).pointer;
  if (pointer.starts_with("byte ")) pointer = {};
  std::string out = without_places(pointer);
  if (!out.empty() && !rejected.reason().empty()) out += ": ";
  out += without_values(rejected.reason());
  if (out.size() <= kFault_bytes_max) return out;
  std::size_t end = kFault_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;  // not within a character
  return out.substr(0, end);
}

std::string adapter_of(const state::Rejected& rejected) {
  std::string name = rejected.adapter();
  if (name.ends_with(".jq")) name.resize(name.size() - 3);
  return name.empty() ? "cloudevents" : name;
}

std::string shortened(std::string_view said) {
  if (said.size() <= kSaid_bytes_max) return std::string(said);
  std::size_t end = kSaid_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(said[end]) & 0xC0) == 0x80) --end;  // the rest of a character
  return std::string(said.substr(0, end)) + "…";
}

bool is_for(const state::DeadLetter& letter, std::string_view tenant) {
  const std::string& own = letter.rejected().tenant();
  return tenant.empty() || own.empty() || own == tenant;
}

bool DeadFilter::matches(const state::DeadLetter& letter) const {
  const state::Rejected& rejected = letter.rejected();
  if (state && letter.state() != *state) return false;
  if (tenant && rejected.tenant() != *tenant) return false;
  if (adapter && adapter_of(rejected) != *adapter && rejected.adapter() != *adapter) return false;
  if (before && rejected.received_at() >= to_ms(*before)) return false;
  return !reason || rejected.reason() == *reason || fault_of(rejected) == *reason;
}

}  // namespace echoloop
