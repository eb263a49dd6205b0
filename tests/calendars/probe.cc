// Answers questions about the calendars of a configuration, one a line, for tests that compute the same by other means:
//   add CALENDAR FROM_MS WORKING_MS → the moment in ms      between CALENDAR FROM_MS TO_MS → working time in ms
#include <fmt/format.h>

#include <iostream>

#include "schemas/domain_load.h"

int main(int, char** arguments) {
  using namespace echoloop;
  const LoadedDomain domain = load_domain(std::filesystem::path{arguments[1]});
  if (!domain) {
    std::cerr << text_of(domain.error());
    return 1;
  }
  std::string what, calendar;
  std::int64_t from = 0, other = 0;
  while (std::cin >> what >> calendar >> from >> other) {
    const BusinessCalendar& of = domain->calendars.at(calendar);
    std::cout << (what == "add" ? to_ms(of.add(from_ms(from), Duration{other}))
                                : of.between(from_ms(from), from_ms(other)).count())
              << "\n";
  }
  return 0;
}
