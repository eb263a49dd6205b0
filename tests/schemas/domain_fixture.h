// A small configuration that loads clean, and a way to break it in one place.
#pragma once

#include <string>
#include <string_view>

#include "schemas/domain_load.h"

namespace echoloop {

DomainTexts small_config();

// The configuration that echoloop ships, as texts.
DomainTexts shipped_config();

// Puts `with` in the place of `what` (which must stand there exactly once), loads, and expects exactly one fault:
// `message`, at the place of the mark ‸ in `with` (which is taken out), or of the file as a whole without one.
void expect_fault(std::string_view file, std::string_view what, std::string_view with, std::string_view message);
void expect_fault(DomainTexts texts, std::string_view file, std::string_view what, std::string_view with,
                  std::string_view message);

// The small configuration with one change, which must load.
Domain load_changed(std::string_view file, std::string_view what, std::string_view with);

}  // namespace echoloop
