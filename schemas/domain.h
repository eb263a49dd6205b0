// The domain configuration: what a user writes in config/*.yaml, checked and resolved. Immutable once loaded; the
// running echoloop swaps the whole Domain at an epoch boundary. Loading, with every fault and its place, stands in
// domain_load.h; JSON Schemas in schemas/config/.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pipeline/base/business_calendar.h"
#include "pipeline/base/hash.h"
#include "pipeline/base/time.h"
#include "pipeline/base/time_zone.h"

namespace echoloop {

// A text for people in both languages.
struct Bilingual {
  std::string zh, en;
};

// ---------------------------------------------------------------- organisation.yaml
// When departments are told of the week before, by the tenant's clocks.
struct DigestTime {
  int weekday = 0;  // Monday is 0
  Duration at{};    // since midnight
};

struct Tenant {
  std::string id;
  Bilingual name;
  TimeZone zone;
  std::optional<DigestTime> digest;  // none: nobody is told
};

struct Department {
  std::string id;
  Bilingual name;
  std::string lead;                // the person a task goes to when nobody is named
  std::string manager, executive;  // the next rungs of the escalation ladder
  std::string entity;              // the company or branch that it belongs to
  std::string calendar;            // when it works; empty: always
};

// ---------------------------------------------------------------- surveys.yaml
enum class SurveyKind : std::uint8_t { csat = 0, nps = 1, ces = 2 };

// Boxes of one survey from effective_from on. Scores are thousandths on the survey's own scale: top when value ≥
// top_from, bottom when value ≤ bottom_to.
struct Boxes {
  std::int64_t min = 0, max = 0;
  std::int64_t top_from = 0, bottom_to = 0;
};

// What a survey means for sessions closed in one counting interval.
struct Survey {
  std::string id;
  SurveyKind kind = SurveyKind::csat;
  // Scales with boxes of their own. A score on any other scale: csat and ces: top when 4·(value − min) ≥ 3·(max − min),
  // bottom when 4·(value − min) ≤ (max − min) (top two and bottom two of five). nps: on 0..10, promoters ≥ 9,
  // detractors ≤ 6; other scales: ≥ 9/10 and ≤ 6/10 of the span.
  std::vector<Boxes> boxes;
};

// ---------------------------------------------------------------- taxonomy.yaml
// The nine moments of truth, F16; "unknown" where a tag names none.
inline constexpr std::string_view kMoments[] = {
    "entry", "before_entry", "waiting", "greeting", "language", "scope", "speed", "closing_confirmation", "evaluation"};

enum class Sentiment : std::uint8_t { neutral, positive, negative };

struct Tag {
  std::string id;  // canonical
  Bilingual name;
  std::string moment;  // one of kMoments or "unknown"
  Sentiment sentiment = Sentiment::neutral;
};

struct RedLine {
  std::string id;
  int version = 1;
  Bilingual title;
  std::set<std::string> tags;      // canonical tag ids
  std::vector<std::string> words;  // normalised (text/normalise.h); found anywhere in the normalised comment
};

// ---------------------------------------------------------------- metrics.yaml
enum class Audience : std::uint8_t { executive, cross_department, internal };

// How a metric is computed: its value as a share of n (rate), the count itself (n = the count), or something else over
// n.
enum class MetricShape : std::uint8_t { count, rate, mean, points };

// The metrics that echoloop computes, by their public names.
struct MetricForm {
  std::string_view name;
  MetricShape shape = MetricShape::rate;
  bool handlers = false;  // credits every human handler: exists only in sets with agent, group or department
  bool in_rules = false;  // a threshold may watch it
};
inline constexpr MetricForm kMetricForms[] = {
    {"sessions", MetricShape::count, false, true},
    {"evaluations", MetricShape::count, false, true},
    {"csat", MetricShape::rate, false, true},
    {"dsat", MetricShape::rate, false, true},
    {"average_score", MetricShape::mean},
    {"nps", MetricShape::points},
    {"ces", MetricShape::mean},
    {"resolved_rate", MetricShape::rate, false, true},
    {"unresolved_rate", MetricShape::rate, false, true},
    {"response_rate", MetricShape::rate, false, true},
    {"coverage", MetricShape::rate, false, true},
    {"resolution_mismatch_rate", MetricShape::rate, false, true},
    {"handle_time", MetricShape::mean},
    {"queue_time", MetricShape::mean},
    {"first_reply", MetricShape::mean},
    {"csat_all_handlers", MetricShape::rate, true, true},
    {"csat_time_weighted", MetricShape::rate, true},  // its n are milliseconds: minimum_n would mean nothing
};

struct Metric {
  std::string name;  // one of kMetricForms
  std::string formula, unit, source, owner;
  Audience audience = Audience::internal;
  int version = 1;
  std::int64_t minimum_n = 0;  // below: value and interval are suppressed
};

inline constexpr std::string_view kDimensions[] = {
    "channel",  "department",      "group",      "agent",  "category", "category1",
    "tag",      "agent_tag",       "review_tag", "moment", "survey",   "survey_version",
    "question", "routing_version", "delay",      "entity", "language", "bot"};

using DimensionSet = std::vector<std::string>;  // in the order written in the configuration; the empty one is ()

// Everything that changes counting, as it holds for sessions closed in [from, the next one's from).
struct Counting {
  Time from{};  // the epoch for the first: no session closes before
  std::uint64_t hash =
      0;  // of all below and the tenants' time zones: tells whether a session was counted by the same rules
  using Texts = std::unordered_map<std::string, std::string, TextHash, std::equal_to<>>;
  Texts alias;   // normalised text → canonical tag id (the ids themselves included)
  Texts moment;  // canonical tag id → moment
  std::map<std::string, Survey, std::less<>> surveys;
  std::vector<DimensionSet> sets;

  // The canonical tag of a normalised text: its alias' tag, else the text itself.
  std::string_view canonical(std::string_view normalised) const {
    auto found = alias.find(normalised);
    return found == alias.end() ? normalised : std::string_view{found->second};
  }
};

// ---------------------------------------------------------------- rules.yaml
enum class Severity : std::uint8_t { low = 0, medium = 1, high = 2, critical = 3 };
std::string_view name_of(Severity severity);

struct Tier {
  std::int64_t bound_ppm =
      0;  // rates: parts per million; counts: the count × 10^6; over_usual: the excess in ppm (0.05 → 50 000)
  Severity severity = Severity::medium;
  std::string escalate_to;  // level of the escalation ladder: person, lead, manager, executive
};

// How it is told whether the work on a task had an effect (docs/verification.md).
struct VerifyRule {
  int weeks_before = 6, weeks_after = 6;
  std::int64_t minimum_n = 100;  // in each of the four parts that are compared
  std::string outside;           // name of an outcome whose course is shown beside the verdict; empty: none
};

// A threshold over aggregates opens one improvement task per cause (rule, scope).
struct ThresholdRule {
  std::string id;
  int version = 1;
  Bilingual title;        // {category} and so on stand for the scope's values
  std::string metric;     // a rate (numerator over n) or `sessions`, `evaluations`
  bool below = false;     // tiers are lower bounds that the value must not fall under; evidence is then n − numerator
  DimensionSet group_by;  // one of the stored sets, not ()
  std::map<std::string, std::set<std::string>> where;  // dimension of group_by → values it is limited to
  std::set<std::string> tenants;                       // empty: all
  Interval window = Interval::day;
  std::int64_t minimum_n = 20;
  std::optional<int> usual_periods;  // over the usual level: mean of the same window in that many earlier days (weeks
                                     // for week windows)
  std::vector<Tier> tiers;           // from the mildest to the worst: bounds rise (below: fall)
  std::int64_t hysteresis_ppm = 0;
  Duration reopen_within{};  // a closed cause that returns within this is reopened
  VerifyRule verify;
};

// One session that calls for a recovery task of its own. Every condition that is set must hold.
struct RecoveryRule {
  std::string id;
  int version = 1;
  Bilingual title;
  std::optional<bool> unresolved;  // the customer says: not resolved
  std::optional<bool> low_score;   // a standing score in the bottom boxes
  std::optional<bool> wants_contact;
  std::set<std::string> tenants;
  Severity severity = Severity::high;
};

// ---------------------------------------------------------------- routing.yaml
struct Route {
  // Conditions: kind, rule, tag, category (that path or below), moment, channel, department, group, entity, severity.
  // All must hold.
  std::map<std::string, std::string> match;
  std::vector<std::string> departments;  // the first owns the task; a rejected one goes to the next
};

struct RoutingVersion {
  int version = 0;
  Time effective_from{};
  std::vector<Route> routes;
};

// A length of time that somebody is given. Where they have a calendar it is working time, and a day is one of their
// working days.
struct Allowance {
  Duration elapsed{};     // as written, a day being 24 hours
  std::int64_t days = 0;  // what was written in days

  Duration working(const BusinessCalendar& calendar) const { return days > 0 ? calendar.day_length() * days : elapsed; }
};

struct DueTimes {
  Allowance acknowledge{Duration{kDay_ms}, 1}, done{Duration{7 * kDay_ms}, 7};
  Allowance tell{Duration{kDay_ms}, 1};      // to tell the customer, to close, to answer a verdict
  Allowance escalate{Duration{kDay_ms}, 1};  // a step of the ladder
  std::optional<Allowance> contact;          // of recovery and safety: without anything done by a person it is stalled
};

// What routing may ask of a task; a session has several tags, and each its moment.
using RoutingProperties = std::multimap<std::string, std::string>;

inline constexpr std::string_view kTriage = "triage";

// Who is told of tasks, and by which way (docs/delivery.md).
enum class Way : std::uint8_t { webhook, feishu, dingtalk, wecom, email, jira, servicenow };

struct Endpoint {
  std::string id;
  Way way = Way::webhook;
  std::string url;
  std::string secret_env, secret_file;                        // at most one is set
  std::string user, project, issue_type;                      // jira, servicenow, e-mail
  std::string from;                                           // e-mail
  std::vector<std::string> to;                                // e-mail
  std::set<std::string> departments, tenants, kinds, events;  // empty: all; events: the usual ones
  Severity severity = Severity::low;                          // and above
  bool chinese = true;
  bool private_network = false;  // may lead to addresses that are not public
  bool customers = false;        // may name customers
  bool old = false;              // also what was opened by events more than a day old
  int per_minute = 0;            // 0: as many as its platform takes
  std::string awake;             // calendar outside of which only safety speaks; empty: always
  Duration give_up_after{3 * kDay_ms};
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// ---------------------------------------------------------------- adapters/adapters.yaml
// How a platform proves that a webhook is its own: a digest of a message that holds the body, or a token that both
// sides know; and where that and its time stand in the request.
struct WebhookSignature {
  enum class Scheme : std::uint8_t { hmac_sha256, hmac_sha1, sha256, sha1, token };
  enum class Encoding : std::uint8_t { hex, base64 };
  Scheme scheme = Scheme::hmac_sha256;
  Encoding encoding = Encoding::hex;
  std::string message = "{body}";      // {body}, {md5} (of the body, in small hexadecimal), {time} as sent, {secret}
  std::string untimed{};               // the same of a request that carries no timestamp; empty: such a one is refused
  std::vector<std::string> headers{};  // the first that a request has counts
  std::string query{}, body_field{};   // of these three exactly one is set
  std::string prefix{};                // before the digits
  std::string timestamp_header{}, timestamp_query{};  // at most one is set
  std::string secret_file{}, secret_env{};            // exactly one is set
  bool required = false;                              // without its secret nothing is taken
};

struct AdapterSpec {
  std::string name;
  std::string file, example, expected;    // below <configuration folder>/adapters
  std::string source;                     // which system it reads, for people; may be empty
  std::vector<std::string> parameters{};  // of the address, which the platform adds
  std::optional<WebhookSignature> signature;
};

// ---------------------------------------------------------------- all of it
struct Domain {
  std::map<std::string, Tenant> tenants;
  std::map<std::string, Department> departments;  // triage always among them
  std::map<std::string, BusinessCalendar> calendars;
  std::vector<std::string> provisional;  // files of holidays that are not announced yet
  Duration hold_at_most{30 * kDay_ms};   // elapsed time
  std::vector<Tag> tags;
  std::vector<RedLine> red_lines;
  std::vector<Counting> counting;  // by from, rising; the first from the beginning of time; never empty
  std::map<std::string, Metric> metrics;
  std::vector<ThresholdRule> thresholds;
  std::vector<RecoveryRule> recoveries;
  std::vector<RoutingVersion> routing;  // by effective_from, rising
  std::vector<Endpoint> endpoints;
  std::string public_url;            // of the console and API, for links; may be empty
  std::map<Severity, DueTimes> due;  // all four
  std::map<std::string, AdapterSpec> adapters;
  std::uint64_t hash =
      0;  // of everything that is written, comments and layout aside: tells whether a reload changed anything
  // Of the process, not of the folder:
  bool strict_tenants = false;
  Duration session_retention{400 * kDay_ms};  // stage time that a session's row lives after its last touch

  std::uint64_t values_max = 10'000;  // of a dimension, counted under their own name; see insight/admission.h

  const Counting& counting_at(Time closed_at) const;
  // UTC for tenants that the configuration does not know.
  const TimeZone& zone_of(std::string_view tenant) const;
  // Departments for these properties by the routing in force at `at`, by the most specific route; {"triage"} when none
  // matches. Version 0: no routing is in force yet.
  struct Routed {
    int version = 0;
    std::vector<std::string> departments;
    std::map<std::string, std::string> match{};  // conditions of the route that held; empty: none did
  };
  Routed route(const RoutingProperties& properties, Time at) const;
};

}  // namespace echoloop
