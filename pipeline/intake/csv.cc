#include "pipeline/intake/csv.h"

#include <simdjson.h>

#include <algorithm>
#include <set>

namespace echoloop {
namespace {

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

// For the record of a rejected row: bytes that are no text become "?".
std::string printable(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return out;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, done, i - done);
    done = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out.append(text, done);
  out += '"';
}

std::string_view CsvReader::field(std::size_t index) const {
  std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::string_view(row_).substr(begin, ends_[index] - begin);
}

void CsvReader::put(char byte) {
  if (row_.size() - field_begin_ >= kCsvFieldBytes_max) {
    if (problem_.empty()) {
      problem_ = "field is longer than 1 MiB";
      if (state_ == State::quoted) problem_ += " (its quote opened in line " + std::to_string(quote_line_) + ")";
    }
    return;
  }
  row_ += byte;
}

void CsvReader::end_field() {
  if (ends_.size() < kCsvColumns_max) {
    ends_.push_back(row_.size());
  } else {
    row_.resize(ends_.back());
    if (problem_.empty()) problem_ = "row has more than 1000 fields";
  }
  field_begin_ = row_.size();
  state_ = State::field_start;
}

Result<void> CsvReader::feed(std::string_view bytes, const CsvVisitor& visit) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (skip_newline_) {
      skip_newline_ = false;
      if (c == '\n') continue;
    }
    const bool newline = c == '\n' || c == '\r';
    switch (state_) {
      case State::quoted:
        if (c == '"') {
          state_ = State::quote_in_quoted;
        } else {
          if (c == '\n') ++line_;
          put(c);
        }
        continue;
      case State::quote_in_quoted:
        if (c == '"') {
          state_ = State::quoted;
          put(c);
          continue;
        }
        state_ = State::after_quote;
        break;
      case State::field_start:
        if (c == '"') {
          state_ = State::quoted;
          quote_line_ = line_;
          continue;
        }
        if (c != ',' && !newline) state_ = State::plain;
        break;
      case State::plain:
      case State::after_quote:
        break;
    }
    if (c == ',') {
      end_field();
    } else if (newline) {
      skip_newline_ = c == '\r';
      ++line_;
      if (Result<void> done = end_row(visit); !done) return done;
    } else {
      if (state_ == State::after_quote && problem_.empty()) problem_ = "text after a closing quote";
      put(c);
    }
  }
  return {};
}

Result<void> CsvReader::end(const CsvVisitor& visit) {
  if (state_ == State::quoted) {
    problem_ = "quoted field has no end (its quote opened in line " + std::to_string(quote_line_) + ")";
  } else if (state_ == State::field_start && ends_.empty()) {
    return {};  // the file ended with a newline
  }
  return end_row(visit);
}

Result<void> CsvReader::end_row(const CsvVisitor& visit) {
  const bool blank = ends_.empty() && row_.empty() && state_ == State::field_start && problem_.empty();
  end_field();
  Result<void> done;
  if (!blank) {
    if (have_header_) {
      write_row(visit);
    } else {
      done = take_header();
    }
  }
  row_.clear();
  ends_.clear();
  problem_.clear();
  field_begin_ = 0;
  row_line_ = line_;
  return done;
}

Result<void> CsvReader::take_header() {
  const std::string where = "line " + std::to_string(row_line_);
  if (!problem_.empty()) return bad_input(where, "header: " + problem_);
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    std::string_view name = field(i);
    if (!is_utf8(name))
      return bad_input(where, "header: column " + std::to_string(i + 1) + " is not UTF-8 (see --encoding)");
    std::string json;
    // Exports often carry an unnamed column of row numbers, or trailing commas: the first keeps the empty name, the
    // others have no use.
    if (seen.insert(name).second) {
      append_json_string(json, name);
      json += ':';
    } else if (!name.empty()) {
      return bad_input(where, "header names '" + std::string(name) + "' twice");
    }
    names_.push_back(std::move(json));
    plain_names_.emplace_back(name);
  }
  have_header_ = true;
  return {};
}

void CsvReader::write_row(const CsvVisitor& visit) {
  if (problem_.empty() && ends_.size() != names_.size()) {
    problem_ = "row has " + std::to_string(ends_.size()) + (ends_.size() == 1 ? " field" : " fields") +
               ", the header " + std::to_string(names_.size());
  }
  json_.clear();
  if (problem_.empty()) {
    for (std::size_t i = 0; i < ends_.size(); ++i) {
      if (!is_utf8(field(i))) {
        problem_ = "field '" + plain_names_[i] + "' is not UTF-8 (see --encoding)";
        break;
      }
    }
  }
  if (problem_.empty()) {
    json_ += '{';
    for (std::size_t i = 0; i < ends_.size(); ++i) {
      if (names_[i].empty()) continue;
      if (json_.size() > 1) json_ += ',';
      json_ += names_[i];
      append_json_string(json_, field(i));
    }
    json_ += '}';
  } else {
    json_ += '[';
    for (std::size_t i = 0; i < ends_.size(); ++i) {
      if (i > 0) json_ += ',';
      append_json_string(json_, printable(field(i)));
    }
    json_ += ']';
  }
  visit({json_, row_line_, problem_});
}

}  // namespace echoloop
