#include "pipeline/engine/changes.h"

#include <algorithm>

namespace echoloop::engine {
namespace {

// INSIGHT writes its cells by key: they are in order already.
template <class Change>
void put_in_order(std::vector<Change*>& changes) {
  const auto by_key = [](const Change* a, const Change* b) { return a->key < b->key; };
  if (!std::is_sorted(changes.begin(), changes.end(), by_key)) std::sort(changes.begin(), changes.end(), by_key);
}

}  // namespace

const Changes::Change* Changes::find(std::string_view key) const {
  auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : found->second;
}

void Changes::set(std::string_view key, std::optional<std::string> value) {
  if (auto found = by_key_.find(key); found != by_key_.end()) {
    found->second->value = std::move(value);
    return;
  }
  Change& change = changes_.emplace_back(Change{std::string(key), std::move(value)});
  by_key_.emplace(change.key, &change);
  sorted_.clear();
}

std::vector<const Changes::Change*>::const_iterator Changes::lower_bound(std::string_view from) {
  sort();
  return std::lower_bound(sorted_.begin(), sorted_.end(), from,
                          [](const Change* change, std::string_view key) { return change->key < key; });
}

std::vector<Changes::Change*> Changes::take() {
  std::vector<Change*> out;
  out.reserve(changes_.size());
  for (Change& change : changes_) out.push_back(&change);
  put_in_order(out);
  return out;
}

void Changes::clear() {
  by_key_.clear();
  sorted_.clear();
  changes_.clear();
}

void Changes::sort() {
  if (sorted_.size() == changes_.size()) return;
  sorted_.clear();
  for (const Change& change : changes_) sorted_.push_back(&change);
  put_in_order(sorted_);
}

}  // namespace echoloop::engine
