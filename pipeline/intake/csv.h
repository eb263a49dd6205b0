// Reads CSV as RFC 4180 has it, as a stream: quoted fields with commas, newlines and doubled quotes, CRLF or LF or CR,
// a header row. A quote inside a field that does not begin with one is taken literally, as spreadsheets do. The
// separator is the comma. Input is UTF-8 without a byte order mark.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"

namespace echoloop {

inline constexpr std::size_t kCsvFieldBytes_max = 1u << 20;  // longer is a quote that nobody closed, not a remark
inline constexpr std::size_t kCsvColumns_max = 1'000;

// One row: a JSON object of texts by header, or what is wrong with the row beside a JSON array of the fields read.
struct CsvRow {
  std::string_view json;     // lives during the call
  std::int64_t line = 0;     // where the row begins, 1 = the header's line
  std::string_view problem;  // empty when the row is good
};
using CsvVisitor = std::function<void(const CsvRow&)>;

// Not thread-safe.
class CsvReader {
 public:
  // Takes the next bytes of the file, in pieces of any size, and shows every row that they complete. Error (bad input):
  // the header cannot be used (a name twice, too many columns); nothing after it can be read.
  Result<void> feed(std::string_view bytes, const CsvVisitor& visit);
  // The file ends here: the last row may lack its newline.
  Result<void> end(const CsvVisitor& visit);

 private:
  enum class State { field_start, plain, quoted, quote_in_quoted, after_quote };

  void put(char byte);
  void end_field();
  Result<void> end_row(const CsvVisitor& visit);
  Result<void> take_header();
  void write_row(const CsvVisitor& visit);
  std::string_view field(std::size_t index) const;

  State state_ = State::field_start;
  bool skip_newline_ = false;  // the LF of a CRLF
  std::int64_t line_ = 1;
  std::int64_t row_line_ = 1;
  std::int64_t quote_line_ = 0;
  std::string row_;                // the fields' bytes, one after the other
  std::vector<std::size_t> ends_;  // where each ends in row_
  std::size_t field_begin_ = 0;
  std::string problem_;
  bool have_header_ = false;
  std::vector<std::string> names_;  // as JSON strings with their colon; empty: a column without use
  std::vector<std::string> plain_names_;
  std::string json_;
};

// Appends text as a JSON string in quotes. The text must be UTF-8.
void append_json_string(std::string& out, std::string_view text);

}  // namespace echoloop
