// Configurations for tests of the stages.
#pragma once

#include <filesystem>
#include <memory>

#include "schemas/domain_load.h"

namespace echoloop::stages {

// The small house of tests/behaviour/config, by file name.
DomainTexts small_house();
// The same with rules that random streams of few sessions meet.
DomainTexts ruled_house();

// Throws std::runtime_error with every fault.
std::shared_ptr<const Domain> loaded(const DomainTexts& texts, bool strict_tenants = false,
                                     Duration session_retention = Domain{}.session_retention);

}  // namespace echoloop::stages
