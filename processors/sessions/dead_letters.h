// Dead letters: what could not become part of a session, kept with its reason until somebody mends it. Rows of table
// `dead`, keyed by an id that names where the letter entered: "<shard>-<offset>".
#pragma once

#include <string>
#include <string_view>

#include "pipeline/stage/processor.h"
#include "pipeline/stage/row_ages.h"

namespace echoloop::sessions {

std::string dead_letter_id(int shard, std::int64_t offset);

// A document that intake refused (record kind `rejected`).
void keep_rejected(const stage::Record& record, stage::Context& context);
// A record that this stage itself refuses. `tenant` is empty where it is not known.
void keep_refused(const stage::Record& record, std::string_view tenant, const Error& error, stage::Context& context);
// A letter was replayed or dropped (record kind `dead_settled`).
void settle(const stage::Record& record, Duration retention, stage::Context& context);
// Erases letters that were settled longer ago than the retention.
void expire_settled(stage::RowAges& ages, Duration retention, stage::Context& context);

}  // namespace echoloop::sessions
