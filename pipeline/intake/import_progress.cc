#include "pipeline/intake/import_progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace echoloop {
namespace {

constexpr double kInterval_s = 0.1;
constexpr double kRateFrom_s = 0.5;  // a rate over less time says nothing

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string clock_of(double seconds) {
  auto s = static_cast<std::int64_t>(std::ceil(seconds));
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

}  // namespace

std::string render_progress(const ImportProgress& progress, int columns) {
  std::string facts = grouped(progress.rows) + " rows";
  const bool timed = progress.seconds >= kRateFrom_s;
  if (timed) facts += "  " + grouped(std::llround(static_cast<double>(progress.rows) / progress.seconds)) + " rows/s";
  if (progress.bytes_total <= 0) return facts.substr(0, static_cast<std::size_t>(std::max(columns, 0)));

  const double share =
      std::clamp(static_cast<double>(progress.bytes_done) / static_cast<double>(progress.bytes_total), 0.0, 1.0);
  if (timed && share > 0) facts += "  " + clock_of(progress.seconds * (1 - share) / share) + " left";
  facts = fmt::format("{:3} %  {}", static_cast<int>(share * 100), facts);
  const int bar = std::min(30, columns - static_cast<int>(facts.size()) - 3);
  if (bar < 5) return facts.substr(0, static_cast<std::size_t>(std::max(columns, 0)));
  const auto full = static_cast<std::size_t>(share * bar);
  return "[" + std::string(full, '#') + std::string(static_cast<std::size_t>(bar) - full, '.') + "] " + facts;
}

ProgressLine::ProgressLine(std::FILE* terminal) : terminal_(terminal), is_terminal_(isatty(fileno(terminal)) == 1) {}

ProgressLine::~ProgressLine() {
  if (shown_at_ >= 0) {
    std::fputs("\r\033[K", terminal_);
    std::fflush(terminal_);
  }
}

void ProgressLine::show(const ImportProgress& progress) {
  if (!is_terminal_ || (shown_at_ >= 0 && progress.seconds < shown_at_ + kInterval_s)) return;
  shown_at_ = progress.seconds;
  winsize size{};
  int columns = 80;
  if (ioctl(fileno(terminal_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) columns = size.ws_col;
  // The last column stays free: some terminals wrap when it is written.
  std::fprintf(terminal_, "\r%s\033[K", render_progress(progress, columns - 1).c_str());
  std::fflush(terminal_);
}

}  // namespace echoloop
