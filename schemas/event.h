// The events that come in, as CloudEvents 1.0 carry them: one struct per type of `type`. JSON Schemas stand in
// schemas/events/, the codec in codec.h. Texts are views into the decoder's buffers (see codec.h) or whatever built the
// event. Numbers of scores are thousandths, so that sums stay exact.
#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "pipeline/base/time.h"

namespace echoloop {

using Text = std::string_view;
using Texts = std::vector<Text>;

enum class Resolution : std::uint8_t { unknown = 0, resolved = 1, unresolved = 2 };

struct Score {
  std::int64_t value = 0, min = 0, max = 0;  // thousandths; min < max, min ≤ value ≤ max
  friend bool operator==(const Score&, const Score&) = default;
};

struct Handler {
  Text id;  // never empty
  std::optional<Text> group, department;
  bool bot = false;
  std::optional<Time> from, to;  // to ≥ from
  friend bool operator==(const Handler&, const Handler&) = default;
};

struct Knowledge {
  std::int64_t lookups = 0, hits = 0;
  friend bool operator==(const Knowledge&, const Knowledge&) = default;
};

struct Routing {
  std::optional<Text> rule, version, intended_group;
  friend bool operator==(const Routing&, const Routing&) = default;
};

// echoloop.session.closed.v1
struct SessionClosed {
  Text tenant, session_id;
  Time closed_at{};
  std::optional<Text> customer_id, channel;
  std::optional<Time> opened_at;
  std::optional<std::int64_t> queued_ms, first_reply_ms, handle_ms;
  std::optional<Text> closed_by;  // customer, agent, system
  std::optional<Text> category;   // "a/b/c"
  std::optional<Text> entity;
  std::vector<Handler> agents;  // in the order they handled the session
  std::optional<std::int64_t> transfers, work_orders;
  std::optional<Knowledge> knowledge;
  Texts links;
  std::optional<Routing> routing;
  Resolution agent_resolution = Resolution::unknown;
  Texts agent_tags;
  std::optional<Text> previous_session;
  friend bool operator==(const SessionClosed&, const SessionClosed&) = default;
};

// echoloop.survey.invited.v1
struct SurveyInvited {
  Text tenant, session_id, survey;
  Time sent_at{};
  std::optional<Text> version, channel;
  std::optional<Text> outcome;  // delivered (when absent), refused, no_answer, failed
  friend bool operator==(const SurveyInvited&, const SurveyInvited&) = default;
};

struct Answer {
  Text question;
  std::optional<Text> text;            // a text answer
  std::optional<std::int64_t> number;  // a numeric answer, thousandths; at most one of the two
  bool skipped = false;
  friend bool operator==(const Answer&, const Answer&) = default;
};

// echoloop.evaluation.submitted.v1
struct EvaluationSubmitted {
  Text tenant, session_id, evaluation_id;
  Time submitted_at{};
  std::optional<Text> customer_id, survey, version;
  std::optional<Score> score;
  Resolution resolved = Resolution::unknown;  // yes → resolved, no → unresolved, absent → unknown (unanswered)
  Texts tags;
  std::optional<Text> comment;
  std::vector<Answer> answers;
  std::optional<Text> language;
  std::optional<bool> wants_contact;
  friend bool operator==(const EvaluationSubmitted&, const EvaluationSubmitted&) = default;
};

// echoloop.evaluation.withdrawn.v1
struct EvaluationWithdrawn {
  Text tenant, session_id, evaluation_id;
  Text reason;  // customer, appeal, forged, test
  friend bool operator==(const EvaluationWithdrawn&, const EvaluationWithdrawn&) = default;
};

enum class TaggedBy : std::uint8_t { customer = 0, agent = 1, reviewer = 2 };

// echoloop.tags.changed.v1
struct TagsChanged {
  Text tenant, session_id;
  TaggedBy by{};
  std::optional<Text> who;
  Texts add, remove;
  friend bool operator==(const TagsChanged&, const TagsChanged&) = default;
};

// echoloop.review.recorded.v1
struct ReviewRecorded {
  Text tenant, session_id, reviewer;
  std::optional<Text> cause;
  std::optional<bool> misrouted;
  Texts tags;
  std::optional<bool> agrees;
  std::optional<Text> note;
  friend bool operator==(const ReviewRecorded&, const ReviewRecorded&) = default;
};

// echoloop.outcome.observed.v1
struct OutcomeObserved {
  Text tenant, name;
  Time time{};
  std::int64_t numerator = 0, denominator = 0;
  std::optional<Text> department, category, group, entity;
  friend bool operator==(const OutcomeObserved&, const OutcomeObserved&) = default;
};

// echoloop.task.command.v1: what each command needs stands in schemas/events/task_command.schema.json.
struct TaskCommand {
  Text tenant, task_id, command, by;
  std::optional<Text> reason, note, text;             // reject, hold, close, reopen; done; comment
  std::optional<Text> action_type;                    // start
  std::optional<Time> effective_from, until;          // start; hold
  std::optional<Text> department, person, into, how;  // assign; merge; tell_customer
  Texts sessions, customers;                          // split; tell_customer
  std::optional<Text> if_match;                       // the ETag the caller saw; "*" or absent: any
  Texts only_in;                                      // states in which it is meant; empty: all
  friend bool operator==(const TaskCommand&, const TaskCommand&) = default;
};

using EventData = std::variant<SessionClosed, SurveyInvited, EvaluationSubmitted, EvaluationWithdrawn, TagsChanged,
                               ReviewRecorded, OutcomeObserved, TaskCommand>;

struct Event {
  Text source, id;              // identify the event within its session
  std::optional<Text> subject;  // the session id where there is one
  std::optional<Time> time;
  EventData data;
  friend bool operator==(const Event&, const Event&) = default;
};

// The values of `type`, in the order of EventData.
inline constexpr Text kEventTypes[] = {"echoloop.session.closed.v1",       "echoloop.survey.invited.v1",
                                       "echoloop.evaluation.submitted.v1", "echoloop.evaluation.withdrawn.v1",
                                       "echoloop.tags.changed.v1",         "echoloop.review.recorded.v1",
                                       "echoloop.outcome.observed.v1",     "echoloop.task.command.v1"};
static_assert(std::size(kEventTypes) == std::variant_size_v<EventData>);

Text type_name(const Event& event);
Text tenant_of(const Event& event);
// The session id; the task id for a command, the name for an outcome. murmur2 of it chooses the partition.
Text partition_key_of(const Event& event);
// When the event happened, by the times in its data; none for events that need not say it.
std::optional<Time> event_time(const Event& event);

}  // namespace echoloop
