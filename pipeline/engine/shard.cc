#include "pipeline/engine/shard.h"

#include <algorithm>

#include "pipeline/base/bytes.h"

namespace echoloop::engine {
namespace {

// Stage time survives a restart as a counter row of its own, so that now() never runs backwards.
std::string now_key(const stage::StageSpec& spec) { return spec.name + "/now"; }

std::int64_t parse_count(const std::optional<std::string>& bytes) {
  if (!bytes) return 0;
  return Reader{*bytes}.signed_varint();
}

}  // namespace

Shard::Shard(const stage::StageSpec& spec, int number, int partitions, const stage::View& committed)
    : spec_(&spec), number_(number), partitions_(partitions), committed_(&committed), processor_(spec.make(number)) {
  load_now();
  processor_->begin(*this);
}

void Shard::load_now() { now_ = from_ms(parse_count(get(stage::Table::counters, now_key(*spec_)))); }

void Shard::process(const stage::Slice& slice) {
  touched_ = true;
  for (const stage::Record& record : slice.records) {
    now_ = std::max(now_, record.at);
    processor_->process(record, *this);
  }
  if (!slice.records.empty()) next_offsets_[slice.partition.topic] = slice.records.back().offset + 1;
}

void Shard::end_epoch(stage::Epoch& epoch) {
  if (!touched_) return;
  processor_->end_epoch(*this);
  write_counters();
  for (auto& [table, changes] : changes_) {
    for (Changes::Change* change : changes.take())
      epoch.rows.push_back({table, number_, std::move(change->key), std::move(change->value)});
    changes.clear();
  }
  std::move(outputs_.begin(), outputs_.end(), std::back_inserter(epoch.outputs));
  for (const auto& [topic, offset] : next_offsets_) epoch.positions.push_back({{topic, number_}, offset});
  outputs_.clear();
  touched_ = hurried_ = false;
}

void Shard::write_counters() {
  for (const auto& [name, by] : counts_) {
    std::string value;
    put_signed(value, parse_count(get(stage::Table::counters, name)) + by);
    put(stage::Table::counters, name, std::move(value));
  }
  counts_.clear();
  std::string value;
  put_signed(value, to_ms(now_));
  put(stage::Table::counters, now_key(*spec_), std::move(value));
}

std::optional<std::string> Shard::get(stage::Table table, std::string_view key) {
  if (auto changes = changes_.find(table); changes != changes_.end()) {
    if (const Changes::Change* change = changes->second.find(key)) return change->value;
  }
  auto found = committed_->get(table, number_, key);
  if (!found) throw stage::BrokenWorld(found.error());
  return std::move(*found);
}

void Shard::put(stage::Table table, std::string_view key, std::string value) {
  changes_[table].set(key, std::move(value));
}

void Shard::erase(stage::Table table, std::string_view key) { changes_[table].set(key, std::nullopt); }

void Shard::scan(stage::Table table, std::string_view from, std::string_view to, const stage::RowVisitor& visit) {
  Changes& changes = changes_[table];
  auto changed = changes.lower_bound(from);
  const auto changed_end = to.empty() ? changes.end() : changes.lower_bound(to);
  bool go_on = true;
  // Changes that lie before `key` come first; a changed row stands for the committed one.
  const auto visit_changes_before = [&](std::optional<std::string_view> key) {
    while (go_on && changed != changed_end && (!key || (*changed)->key < *key)) {
      if ((*changed)->value) go_on = visit((*changed)->key, *(*changed)->value);
      ++changed;
    }
  };
  auto scanned = committed_->scan(table, number_, from, to, [&](std::string_view key, std::string_view value) {
    visit_changes_before(key);
    if (!go_on) return false;
    if (changed != changed_end && (*changed)->key == key) {
      if ((*changed)->value) go_on = visit((*changed)->key, *(*changed)->value);
      ++changed;
    } else {
      go_on = visit(key, value);
    }
    return go_on;
  });
  if (!scanned) throw stage::BrokenWorld(scanned.error());
  visit_changes_before(std::nullopt);
}

void Shard::emit(stage::Topic topic, stage::Kind kind, std::string key, std::string value) {
  outputs_.push_back({topic, kind, std::move(key), std::move(value), now_});
}

void Shard::count(std::string_view name, std::int64_t by) {
  if (auto found = counts_.find(name); found != counts_.end()) {
    found->second += by;
  } else {
    counts_.emplace(name, by);
  }
}

}  // namespace echoloop::engine
