// From dated aliases, boxes and dimension sets to intervals in which nothing of them changes.
#include <algorithm>
#include <set>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "schemas/domain_draft.h"

namespace echoloop {
namespace {

void resolve_surveys(const Draft& draft, Counting& counting) {
  for (const auto& [id, kind] : draft.survey_kinds) counting.surveys[id] = {id, kind, {}};
  std::map<std::tuple<std::string, std::int64_t, std::int64_t>, const DatedBoxes*> latest;  // by scale
  for (const DatedBoxes& dated : draft.boxes) {
    if (dated.from > counting.from) continue;
    const DatedBoxes*& stands = latest[{dated.survey, dated.boxes.min, dated.boxes.max}];
    if (stands == nullptr || stands->from < dated.from) stands = &dated;
  }
  for (const auto& [scale, dated] : latest) counting.surveys[dated->survey].boxes.push_back(dated->boxes);
}

Counting resolve(const Draft& draft, Time from) {
  Counting counting;
  counting.from = from;
  for (const Tag& tag : draft.domain.tags) counting.moment[tag.id] = tag.moment;
  for (const DatedAlias& alias : draft.aliases) {
    if (alias.from <= from) counting.alias.emplace(alias.normalised, alias.tag);
  }
  resolve_surveys(draft, counting);
  for (const DatedSet& dated : draft.sets) {
    if (dated.from <= from) counting.sets.push_back(dated.set);
  }
  return counting;
}

// Everything that counts, in an order of its own, so that equal rules have equal bytes wherever they stand in the
// files.
std::string canonical_bytes(const Counting& counting) {
  std::string out;
  const auto put_sorted = [&](const Counting::Texts& map) {
    put_varint(out, map.size());
    for (const auto& [key, value] : std::map<std::string, std::string>{map.begin(), map.end()}) {
      put_text(out, key);
      put_text(out, value);
    }
  };
  put_sorted(counting.alias);
  put_sorted(counting.moment);
  put_varint(out, counting.surveys.size());
  for (const auto& [id, survey] : counting.surveys) {
    put_text(out, id);
    put_varint(out, static_cast<std::uint64_t>(survey.kind));
    put_varint(out, survey.boxes.size());
    for (const Boxes& boxes : survey.boxes) {
      for (std::int64_t value : {boxes.min, boxes.max, boxes.top_from, boxes.bottom_to}) put_signed(out, value);
    }
  }
  std::set<DimensionSet> sets{counting.sets.begin(), counting.sets.end()};
  put_varint(out, sets.size());
  for (const DimensionSet& set : sets) {
    put_varint(out, set.size());
    for (const std::string& dimension : set) put_text(out, dimension);
  }
  return out;
}

// Where the hours and days of each tenant begin.
std::string zone_bytes(const Draft& draft) {
  std::string out;
  for (const auto& [id, tenant] : draft.domain.tenants) {
    put_text(out, id);
    put_text(out, tenant.zone.name());
  }
  return out;
}

}  // namespace

std::vector<Counting> counting_intervals(const Draft& draft) {
  std::set<Time> breaks{kBeginning};
  for (const DatedAlias& alias : draft.aliases) breaks.insert(alias.from);
  for (const DatedBoxes& boxes : draft.boxes) breaks.insert(boxes.from);
  for (const DatedSet& set : draft.sets) breaks.insert(set.from);
  std::vector<Counting> intervals;
  const std::string zones = zone_bytes(draft);
  std::string last;
  for (Time from : breaks) {
    Counting counting = resolve(draft, from);
    std::string bytes = canonical_bytes(counting);
    counting.hash = hash64(bytes + zones);
    if (!intervals.empty() && bytes == last) continue;
    last = std::move(bytes);
    intervals.push_back(std::move(counting));
  }
  return intervals;
}

}  // namespace echoloop
