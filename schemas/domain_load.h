// Loads the domain configuration: all files, checked against their schemas and against each other, or every fault with
// its place.
//
//   organisation.yaml, taxonomy.yaml, metrics.yaml, rules.yaml   must be there: without tenants, red lines, metrics or
//                          rules echoloop would be silent
//   surveys.yaml           missing: every survey is CSAT with the top and bottom two of five boxes
//   routing.yaml           missing: every task goes to triage
//   adapters/adapters.yaml missing: only canonical events come in
//   calendars/*.yaml       holidays of a region and year, for the calendars of organisation.yaml
// Any other .yaml or .yml in the folder is a fault. Pure but for reading the folder; any thread.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "schemas/domain.h"
#include "schemas/domain_fault.h"

namespace echoloop {

// By file, line, column; never empty.
using DomainFaults = std::vector<DomainFault>;
using LoadedDomain = tl::expected<Domain, DomainFaults>;

LoadedDomain load_domain(const std::filesystem::path& folder);

// The same from texts by name ("rules.yaml", "adapters/adapters.yaml", "adapters/chatwoot.jq", …). Faults name files
// below `shown_folder`.
using DomainTexts = std::map<std::string, std::string>;
LoadedDomain load_domain(const DomainTexts& texts, std::string_view shown_folder = "config");

// The folder with another rules.yaml in the place of its own, whose faults name it `shown`.
LoadedDomain load_domain_with_rules(const std::filesystem::path& folder, const std::string& rules,
                                    const std::string& shown);

// One fault a line.
std::string text_of(const DomainFaults& faults);

}  // namespace echoloop
