#include "pipeline/aggregates/delta.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "pipeline/aggregates/cube.h"
#include "pipeline/base/bytes.h"

namespace echoloop::aggregates {
namespace {

// More texts than one epoch's cells usually name.
constexpr std::size_t kKnown_texts_max = 100'000;

// How the key of a cell begins in memory.
struct Place {
  std::uint32_t tenant = 0, set = 0;
  std::int64_t bucket_ms = 0;
};
constexpr std::size_t kPlace_bytes = sizeof(Place);
static_assert(kPlace_bytes == 16, "no padding: the bytes are compared");

enum class Tag : std::uint8_t { cell = 1, evidence_added = 2, evidence_removed = 3 };

// A key begins with the partition key: two texts that 00 01 ends.
std::size_t partition_bytes(std::string_view key) {
  int texts = 0;
  for (std::size_t at = 0; at + 1 < key.size(); ++at) {
    if (key[at] == '\0' && key[++at] == '\1' && ++texts == 2) return at + 1;
  }
  return key.size();
}

struct Item {
  std::string_view partition;
  Tag tag{};
  std::string_view key;
  const Measures* sum = nullptr;  // of a cell
};

// Builds the records of one partition and begins a new one when the next item does not fit.
class Writer {
 public:
  Writer(std::size_t bytes_max, const DeltaPacker::Emit& emit) : bytes_max_(bytes_max), emit_(emit) {}

  void put(const Item& item) {
    if (item.partition != partition_) finish();
    partition_ = item.partition;
    if (item.sum == nullptr) {
      put_evidence(item);
    } else {
      put_cell(item.key, *item.sum);
    }
  }

  void finish() {
    if (!record_.empty()) emit_(std::string(partition_), std::move(record_));
    record_.clear();
  }

 private:
  void put_evidence(const Item& item) {
    item_.assign(1, static_cast<char>(item.tag));
    put_text(item_, item.key);
    append();
  }

  void put_cell(std::string_view key, const Measures& sum) {
    item_.assign(1, static_cast<char>(Tag::cell));
    put_text(item_, key);
    put_text(item_, sum.bytes());
    if (item_.size() > bytes_max_ && sum.scores().size() + sum.bins().size() > 1) {
      // Measures add up, so a cell can travel in parts.
      const Measures upper = upper_half(sum);
      Measures lower = sum;
      lower.merge(upper, -1);
      put_cell(key, lower);
      put_cell(key, upper);
      return;
    }
    append();
  }

  // Of the longer histogram the entries past the middle.
  static Measures upper_half(const Measures& sum) {
    Measures out;
    const auto& bins = sum.bins();
    const auto& scores = sum.scores();
    if (scores.size() >= bins.size()) {
      for (std::size_t i = scores.size() / 2; i < scores.size(); ++i) out.add_score(scores[i].point, scores[i].n);
    } else {
      for (std::size_t i = bins.size() / 2; i < bins.size(); ++i) out.add_time(bins[i].timing, bins[i].bin, bins[i].n);
    }
    return out;
  }

  void append() {
    if (record_.size() + item_.size() > bytes_max_) finish();
    record_ += item_;
  }

  std::size_t bytes_max_;
  const DeltaPacker::Emit& emit_;
  std::string_view partition_;
  std::string record_, item_;
};

}  // namespace

std::uint32_t DeltaPacker::intern(std::string_view text) {
  auto found = numbers_.find(text);
  if (found == numbers_.end()) {
    found = numbers_.emplace(text, static_cast<std::uint32_t>(texts_.size())).first;
    texts_.push_back(found->first);
  }
  return found->second;
}

Measures& DeltaPacker::cell(std::uint32_t tenant, std::uint32_t set, std::int64_t bucket_ms,
                            std::span<const std::uint32_t> values) {
  scratch_.resize(kPlace_bytes + values.size_bytes());
  const Place place{tenant, set, bucket_ms};
  std::memcpy(scratch_.data(), &place, kPlace_bytes);
  if (!values.empty()) std::memcpy(scratch_.data() + kPlace_bytes, values.data(), values.size_bytes());
  auto [found, fresh] = cells_.try_emplace(scratch_, sums_.size());
  if (fresh) sums_.emplace_back();
  return sums_[found->second];
}

std::string DeltaPacker::cube_key_of(std::string_view cell) const {
  Place place;
  std::memcpy(&place, cell.data(), kPlace_bytes);
  std::vector<std::string_view> values;
  for (cell.remove_prefix(kPlace_bytes); !cell.empty(); cell.remove_prefix(sizeof(std::uint32_t))) {
    std::uint32_t value = 0;
    std::memcpy(&value, cell.data(), sizeof value);
    values.push_back(texts_[value]);
  }
  return cube_key(texts_[place.tenant], texts_[place.set], place.bucket_ms, values);
}

void DeltaPacker::evidence(std::string_view tenant, std::string_view set, std::string key, std::int64_t by) {
  evidence_[cube_partition_key(tenant, set) + key] += by;
}

void DeltaPacker::flush(const Emit& emit) {
  std::vector<Item> items;
  std::vector<std::string> keys;  // of the cells
  items.reserve(cells_.size() + evidence_.size());
  keys.reserve(cells_.size());
  for (const auto& [cell, place] : cells_) {
    if (sums_[place].empty()) continue;
    const std::string_view key = keys.emplace_back(cube_key_of(cell));
    items.push_back({key.substr(0, partition_bytes(key)), Tag::cell, key, &sums_[place]});
  }
  for (const auto& entry : evidence_) {
    const std::string_view key{entry.first};
    const std::size_t split = partition_bytes(key);
    const Tag tag = entry.second > 0 ? Tag::evidence_added : Tag::evidence_removed;
    if (entry.second != 0) items.push_back({key.substr(0, split), tag, key.substr(split), nullptr});
  }
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return std::tuple(a.partition, a.sum == nullptr, a.key) < std::tuple(b.partition, b.sum == nullptr, b.key);
  });
  Writer writer{record_bytes_max_, emit};
  for (const Item& item : items) writer.put(item);
  writer.finish();
  cells_.clear();
  sums_.clear();
  evidence_.clear();
  if (texts_.size() > kKnown_texts_max) {
    texts_.clear();
    numbers_.clear();
    ++generation_;
  }
}

bool unpack(std::string_view record, const DeltaVisitor& visitor) {
  Reader reader{record};
  while (reader.ok() && !reader.done()) {
    auto tag = static_cast<Tag>(reader.byte());
    std::string_view key = reader.text();
    if (tag == Tag::cell) {
      Measures measures;
      std::string_view bytes = reader.text();
      if (!reader.ok() || !measures.parse(bytes)) return false;
      if (visitor.cell) visitor.cell(key, measures);
    } else if (tag == Tag::evidence_added || tag == Tag::evidence_removed) {
      if (!reader.ok()) return false;
      if (visitor.evidence) visitor.evidence(key, tag == Tag::evidence_added);
    } else {
      return false;
    }
  }
  return reader.ok();
}

}  // namespace echoloop::aggregates
