// Sessions as JSON: a line of the feedback list, and everything known about one.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "pipeline/serving/parameters.h"
#include "pipeline/serving/sources.h"
#include "schemas/session.h"

namespace echoloop::serving {

// What of a session the feedback list shows: its standing evaluations and its dimensions.
nlohmann::ordered_json feedback_json(const std::string& tenant, const std::string& session_id,
                                     const state::Session& row);

// Everything: the row, the facts as counted, the raw events and what became of each.
Result<nlohmann::ordered_json> session_json(const std::string& tenant, const std::string& session_id,
                                            const state::Session& row, const Sources& sources);

// A page of the feedback list, newest first.
struct FeedbackQuery {
  std::string tenant;
  Filters filters;
  std::optional<Time> from, to;         // of the latest standing submitted_at
  std::optional<std::int64_t> score;    // thousandths, of any standing evaluation
  std::optional<std::string> resolved;  // yes, no, unanswered
  std::optional<std::string> text;      // normalised; somewhere in a comment
  std::optional<bool> has_comment;
  std::size_t limit = 50;
  std::optional<std::string> after;  // key of the last one of the page before
};
Result<FeedbackQuery> read_feedback_query(const http::Request& request, const Domain& domain);
// Appends to the array `items`; answers the key to go on after, where there is more.
Result<std::optional<std::string>> feedback_page(const FeedbackQuery& query, const Sources& sources,
                                                 nlohmann::ordered_json& items);

}  // namespace echoloop::serving
