// Exports: everything of one kind as lines, from committed rows. The same on the command line and through a server.
// Answers an error when reading fails; `write` gets one line at a time, its newline included.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/serving/sources.h"

namespace echoloop::serving {

using WriteLine = std::function<void(std::string_view line)>;

// Canonical (docs/aggregates.md): sorted lines, so that two stores compare with cmp.
Result<void> export_aggregates(const Sources& sources, const WriteLine& write);
// One task a line, as the API has it, by tenant and id. `tenant`: only its.
Result<void> export_tasks(const Sources& sources, const std::optional<std::string>& tenant, const WriteLine& write);
// One session with evaluations a line, by shard and time.
Result<void> export_feedback(const Sources& sources, const std::optional<std::string>& tenant, const WriteLine& write);

}  // namespace echoloop::serving
