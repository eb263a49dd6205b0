// The domain configuration while it is being read: what each file adds, and what the others refer to. Private to
// schemas/domain_*.cc.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schemas/domain.h"
#include "schemas/domain_yaml.h"

namespace echoloop {

// The first counting interval begins here: before any event there can be.
inline constexpr Time kBeginning{};

struct DatedAlias {
  Time from = kBeginning;
  std::string normalised;
  std::string tag;
};
struct DatedBoxes {
  Time from = kBeginning;
  std::string survey;
  Boxes boxes;
};
struct DatedSet {
  Time from = kBeginning;
  DimensionSet set;
};

// Holidays of a region (calendars/*.yaml).
struct Region {
  std::set<std::int64_t> holidays, work_days;  // local dates as days since 1970-01-01
  std::set<int> years;
};

struct Draft {
  Domain domain;
  std::map<std::string, Region> regions;
  std::vector<DatedAlias> aliases;
  std::map<std::string, SurveyKind> survey_kinds;
  std::vector<DatedBoxes> boxes;
  std::vector<DatedSet> sets;
  // Files that could be read: references into the others are not judged.
  std::set<std::string> read;  // "organisation", …
  std::vector<std::string> tag_ids() const;
  std::vector<std::string> department_ids() const;
  std::vector<std::string> tenant_ids() const;
  std::vector<std::string> rule_ids() const;  // thresholds, recoveries, red lines
};

// Each reads one file into the draft, in this order (later ones refer to earlier ones). A node whose shape the schema
// refused is passed over.
void read_calendar_year(const yaml::Document& document, Draft& draft);
void read_organisation(const yaml::Document& document, Draft& draft);
void read_calendars(const yaml::Document& document, Draft& draft);  // parts of it
void read_delivery(const yaml::Document& document, Draft& draft);
void read_surveys(const yaml::Document& document, Draft& draft);
void read_taxonomy(const yaml::Document& document, Draft& draft);
void read_metrics(const yaml::Document& document, Draft& draft);
void read_rules(const yaml::Document& document, Draft& draft);
void read_routing(const yaml::Document& document, Draft& draft);
void read_adapters(const yaml::Document& document, const std::set<std::string>& files, Draft& draft);

// The intervals between all effective_from of the draft, resolved and hashed; neighbours that count alike are one.
std::vector<Counting> counting_intervals(const Draft& draft);

// Readers of single values; a value of the wrong type gives the default in silence (the schema has spoken), a text that
// cannot be read is a fault.
std::string read_text(const yaml::Node& node, std::string_view key);
Bilingual read_bilingual(const yaml::Node& node, std::string_view key);
std::int64_t read_integer(const yaml::Node& node, std::string_view key, std::int64_t otherwise);
std::optional<std::int64_t> read_decimal(const yaml::Document& document, const yaml::Node& node, std::string_view key,
                                         int places);
std::optional<Duration> read_duration(const yaml::Document& document, const yaml::Node& node, std::string_view key);
// "09:00" … "24:00", since midnight.
std::optional<Duration> read_time_of_day(const yaml::Document& document, const yaml::Node& node, std::string_view key);
inline constexpr std::string_view kWeekdays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
std::optional<Time> read_effective_from(const yaml::Document& document, const yaml::Node& node);
std::optional<Severity> read_severity(const yaml::Node& node, std::string_view key);
// The texts of a list with their places.
std::vector<const yaml::Node*> read_texts(const yaml::Node& node, std::string_view key);

// Remembers ids of one kind; answers false, after a fault, for the second of the same.
class Unique {
 public:
  Unique(const yaml::Document& document, std::string what) : document_(document), what_(std::move(what)) {}
  bool take(const yaml::Place& place, const std::string& id);

 private:
  const yaml::Document& document_;
  std::string what_;
  std::map<std::string, int> lines_;
};

// A fault when the text is none of the known words: "unknown tag 'x', did you mean 'y'?".
bool check_reference(const yaml::Document& document, const yaml::Node& text, std::string_view what,
                     const std::vector<std::string>& known);

}  // namespace echoloop
