// The domain configuration against its JSON Schemas (schemas/config/, inside the program): verdicts by valijson, said
// in the words of the user. Pure; any thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "pipeline/base/embedded.h"
#include "schemas/domain_yaml.h"

namespace echoloop {

extern const std::span<const Embedded> kConfigSchemas;  // "config/rules.schema.json" and so on

// Adds a fault for everything that schema `name` ("rules") does not allow in the document, each at its place.
void check_schema(std::string_view name, const yaml::Document& document);

// The candidate that a word with a typing error was meant to be; empty when none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);
// ", did you mean 'x'?" or nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace echoloop
