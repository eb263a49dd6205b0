// The progress bar of an import: one line on a terminal, with rows, rate and the time that is left.
// Boost's progress_display was looked at: 51 stars, no rate, no time left, no total that may be unknown.
#pragma once

#include <cstdio>
#include <string>

#include "pipeline/intake/import.h"

namespace echoloop {

// "[############..................]  40 %  1,234,567 rows  85,432 rows/s  0:12 left"; without a known total the bar and
// the time left stay away. At most `columns` wide. Pure.
std::string render_progress(const ImportProgress& progress, int columns);

// Draws on `terminal` at most ten times a second, nothing at all when that is not a terminal; wipes the line when it
// goes. One thread.
class ProgressLine {
 public:
  explicit ProgressLine(std::FILE* terminal);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(const ImportProgress& progress);

 private:
  std::FILE* terminal_;
  bool is_terminal_ = false;
  double shown_at_ = -1;
};

}  // namespace echoloop
