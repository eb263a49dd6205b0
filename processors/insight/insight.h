// INSIGHT, the second stage: the cube. Reads topic deltas; merges them into exact rows per (tenant, dimension set,
// bucket, values), keeps the evidence behind rules, and evaluates every threshold rule on each window that changed. Its
// findings go to CASEWORK.
#pragma once

#include <memory>

#include "pipeline/stage/processor.h"
#include "schemas/current_domain.h"

namespace echoloop::insight {

stage::StageSpec insight_stage(std::shared_ptr<const CurrentDomain> domain);

}  // namespace echoloop::insight
