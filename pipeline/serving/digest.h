// A week as a department is told of it (what came, what ended, what worked, what waits, what customers said), and the
// praise of a tenant's customers. Numbers of metrics are those of GET /api/v1/metrics, of tasks those of its lists.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "pipeline/serving/sources.h"

namespace echoloop::serving {

// Half open, from a Monday of the zone to the next.
struct Week {
  Time from, to;
};
// The last whole one before that time.
Week week_before(const TimeZone& zone, Time time);
// When digests were due last, by `now`.
Time digest_due(const DigestTime& digest, const TimeZone& zone, Time now);

// The data of echoloop.digest.v1. None: nothing came, ended, proved or waits, and nobody said anything. What waits is
// as of now. Errors: those of reading rows.
Result<std::optional<nlohmann::ordered_json>> department_digest(const std::string& tenant,
                                                                const std::string& department, Week week,
                                                                const Sources& sources, const Domain& domain);
// Positive tags of the week, by group and agent. None: there are none.
Result<std::optional<nlohmann::ordered_json>> praise_digest(const std::string& tenant, Week week,
                                                            const Sources& sources, const Domain& domain);

}  // namespace echoloop::serving
