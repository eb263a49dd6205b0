#include "processors/insight/admission.h"

#include <algorithm>
#include <utility>

#include "pipeline/aggregates/cube.h"
#include "pipeline/base/bytes.h"
#include "pipeline/base/time.h"

namespace echoloop::insight {
namespace {

// They stand for what has no value, and for what has too many: never refused, never counted.
constexpr std::string_view kAlways[] = {"unknown", aggregates::kOther};

std::string in_key(std::string_view value) {
  std::string out;
  put_key_text(out, value);
  return out;
}

std::string dimension_key(std::string_view partition_key, std::string_view dimension) {
  std::string out{partition_key};
  put_key_text(out, dimension);
  return out;
}

// Takes the bytes of the next text, its end included.
std::string_view take_text(KeyReader& reader) {
  const std::string_view from = reader.rest();
  reader.skip_text();
  return from.substr(0, from.size() - reader.rest().size());
}

std::vector<std::string> names_in(const Domain& domain, std::string_view dimension) {
  std::vector<std::string> out;
  if (dimension == "department") {
    for (const auto& [id, department] : domain.departments) out.push_back(id);
  } else if (dimension == "survey") {
    for (const auto& [id, survey] : domain.counting.back().surveys) out.push_back(id);
  } else if (dimension == "tag" || dimension == "agent_tag" || dimension == "review_tag") {
    for (const Tag& tag : domain.tags) out.push_back(tag.id);
  }
  return out;
}

stage::BrokenWorld unreadable(std::string_view table) {
  return stage::BrokenWorld({Fault::world, "table " + std::string(table), "a row that cannot be read"});
}

}  // namespace

std::optional<std::string> Admission::folded(std::string_view cube_key, const Domain& domain, stage::Context& context) {
  if (place_ == nullptr || !cube_key.starts_with(partition_key_)) {
    KeyReader reader{cube_key};
    reader.skip_text();
    const std::string set = reader.text();
    if (!reader.ok()) throw unreadable("cube");
    partition_key_ = cube_key.substr(0, cube_key.size() - reader.rest().size());
    place_ = &place_of(partition_key_, set, context);
  }
  if (place_->dimensions.empty()) return std::nullopt;
  KeyReader reader{cube_key.substr(partition_key_.size())};
  const std::int64_t bucket_ms = reader.time_ms();
  std::optional<std::string> out;
  for (Dimension& dimension : place_->dimensions) {
    const std::string_view before = reader.rest();
    const std::string_view value = take_text(reader);
    const bool admitted = admits(dimension, value, bucket_ms, domain, context);
    if (!admitted && !out) out = cube_key.substr(0, cube_key.size() - before.size());
    if (!admitted) {
      put_key_text(*out, aggregates::kOther);
    } else if (out) {
      out->append(value);
    }
  }
  if (!reader.ok() || !reader.done()) throw unreadable("cube");
  return out;
}

bool Admission::is_mixed(std::string_view tenant, std::string_view set, std::size_t dimension,
                         stage::Context& context) {
  const std::string key = aggregates::cube_partition_key(tenant, set);
  return place_of(key, set, context).dimensions.at(dimension).refused_until.has_value();
}

void Admission::end_epoch(stage::Context& context) {
  std::size_t held = 0;
  for (auto& [key, place] : places_) {
    for (Dimension& dimension : place.dimensions) {
      held += dimension.admitted.size();
      if (dimension.refused == 0) continue;
      std::string row;
      put_signed(row, *dimension.refused_until);
      context.put(stage::Table::admissions, dimension.key, std::move(row));
      context.count("cells_other/" + dimension.name, dimension.refused);
      dimension.refused = 0;
    }
  }
  place_ = nullptr;
  absl::erase_if(places_, [&](auto& entry) { return !std::exchange(entry.second.asked, false) && held > kHeld_max; });
}

Admission::Place& Admission::place_of(std::string_view partition_key, std::string_view set, stage::Context& context) {
  if (auto known = places_.find(partition_key); known != places_.end()) {
    known->second.asked = true;
    return known->second;
  }
  Place place;
  place.asked = true;
  for (const std::string& name : aggregates::dimensions_of(set)) {
    Dimension& dimension = place.dimensions.emplace_back();
    dimension.name = name;
    dimension.key = dimension_key(partition_key, name);
    for (std::string_view value : kAlways) dimension.admitted.insert(hash64(in_key(value)));
  }
  if (!place.dimensions.empty()) read(partition_key, place, context);
  place_ = nullptr;  // places move
  return places_.emplace(partition_key, std::move(place)).first->second;
}

void Admission::read(std::string_view partition_key, Place& place, stage::Context& context) const {
  bool known = false;
  context.scan(stage::Table::admissions, partition_key, prefix_end(partition_key).value_or(""),
               [&](std::string_view key, std::string_view value) {
                 KeyReader reader{key.substr(partition_key.size())};
                 if (reader.done()) {
                   known = true;
                   return true;
                 }
                 const std::string name = reader.text();
                 auto dimension = std::find_if(place.dimensions.begin(), place.dimensions.end(),
                                               [&](const Dimension& d) { return d.name == name; });
                 if (dimension == place.dimensions.end()) throw unreadable("admissions");
                 if (reader.done()) {
                   dimension->refused_until = Reader{value}.signed_varint();
                   return true;
                 }
                 const Hash hash = reader.u64();
                 if (!reader.ok()) throw unreadable("admissions");
                 dimension->admitted.insert(hash);
                 if (!value.empty()) dimension->from[hash] = Reader{value}.signed_varint();
                 return true;
               });
  if (known) return;
  admit_cube(partition_key, place, context);
  context.put(stage::Table::admissions, partition_key, "");
}

// Cells that were counted before there was a bound: their values stay.
void Admission::admit_cube(std::string_view partition_key, Place& place, stage::Context& context) const {
  context.scan(stage::Table::cube, partition_key, prefix_end(partition_key).value_or(""),
               [&](std::string_view key, std::string_view) {
                 KeyReader reader{key.substr(partition_key.size())};
                 reader.time_ms();
                 for (Dimension& dimension : place.dimensions) {
                   const Hash hash = hash64(take_text(reader));
                   if (!dimension.admitted.contains(hash)) admit(dimension, hash, std::nullopt, context);
                 }
                 if (!reader.ok()) throw unreadable("cube");
                 return true;
               });
}

void Admission::admit(Dimension& dimension, Hash hash, std::optional<std::int64_t> from_ms, stage::Context& context) {
  dimension.admitted.insert(hash);
  std::string key = dimension.key, row;
  put_key_u64(key, hash);
  if (from_ms) {
    dimension.from[hash] = *from_ms;
    put_signed(row, *from_ms);
  }
  context.put(stage::Table::admissions, key, std::move(row));
}

const Admission::Hashes& Admission::configured(const std::string& dimension, const Domain& domain) {
  if (configured_by_ != domain.hash) configured_.clear();
  configured_by_ = domain.hash;
  auto [known, fresh] = configured_.try_emplace(dimension);
  if (fresh) {
    for (const std::string& name : names_in(domain, dimension)) known->second.insert(hash64(in_key(name)));
  }
  return known->second;
}

bool Admission::admits(Dimension& dimension, std::string_view value_in_key, std::int64_t bucket_ms,
                       const Domain& domain, stage::Context& context) {
  const Hash hash = hash64(value_in_key);
  if (!dimension.admitted.contains(hash)) {
    const bool room = dimension.admitted.size() - std::size(kAlways) < domain.values_max;
    if (room || configured(dimension.name, domain).contains(hash)) {
      std::optional<std::int64_t> from;
      if (dimension.refused_until) from = *dimension.refused_until + 1;
      admit(dimension, hash, from, context);
    }
  }
  bool admitted = dimension.admitted.contains(hash);
  if (admitted && !dimension.from.empty()) {
    auto from = dimension.from.find(hash);
    admitted = from == dimension.from.end() || bucket_ms >= from->second;
  }
  if (admitted) return true;
  // Now that some are refused, who comes later is not known to be new. What has a name by the configuration is.
  if (!dimension.refused_until) {
    for (Hash known : configured(dimension.name, domain)) {
      if (!dimension.admitted.contains(known)) admit(dimension, known, std::nullopt, context);
    }
  }
  dimension.refused_until = std::max(dimension.refused_until.value_or(bucket_ms), bucket_ms);
  ++dimension.refused;
  return false;
}

Result<bool> is_mixed(const stage::View& rows, int shard, std::string_view tenant, std::string_view set,
                      std::string_view dimension) {
  auto row =
      rows.get(stage::Table::admissions, shard, dimension_key(aggregates::cube_partition_key(tenant, set), dimension));
  if (!row) return tl::make_unexpected(row.error());
  return row->has_value();
}

}  // namespace echoloop::insight
