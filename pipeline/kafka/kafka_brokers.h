// Brokers by librdkafka.
#pragma once

#include <memory>

#include "pipeline/kafka/brokers.h"
#include "pipeline/kafka/member.h"

namespace echoloop::kafka {

// Ends what an earlier one of this worker left under way, and joins the group. Errors: configuration, away.
Result<std::unique_ptr<Brokers>> connect(const MemberOptions& options, int worker);
// The changelog alone. `name`: of the reader, in what brokers log. Errors: configuration, away.
// `patience`: how long one question to it may take.
Result<std::unique_ptr<ChangelogReader>> open_changelog(const MemberOptions& options, std::string_view name,
                                                        Duration patience);

}  // namespace echoloop::kafka
