// What a message about a task says, from the event that left CASEWORK: in Chinese or English, without anything about
// customers. Pure; safe from any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "schemas/domain.h"

namespace echoloop::delivery {

// A task event on its way out, or the digest of a week.
struct Told {
  std::string id;       // of the event: unique for ever, the same with every repetition
  std::string word;     // opened, handed_over, reminded, escalated, closed, verified, changed; weekly
  std::string text;     // the CloudEvent as it left
  nlohmann::json task;  // of weekly: the digest
  bool is_weekly() const { return word == "weekly"; }
  bool is_safety() const { return task.value("kind", "") == "safety"; }
};

// Error: not such an event.
Result<Told> read_told(std::string_view event);

// Whether the endpoint wants it.
bool wants(const Endpoint& endpoint, const Told& told);

struct Notice {
  std::string title;  // one line
  std::string text;   // a few lines more, without the title
  std::string link;   // empty: none
};
Notice notice_of(const Told& told, const Domain& domain, bool chinese);
// One for several.
Notice digest_of(const std::vector<Told>& told, const Domain& domain, bool chinese);

}  // namespace echoloop::delivery
