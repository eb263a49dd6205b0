#include "pipeline/aggregates/delta.h"

#include <algorithm>
#include <bit>
#include <map>

#include "pipeline/aggregates/cube.h"
#include "pipeline/aggregates/row.h"
#include "pipeline/base/bytes.h"

namespace echoloop::aggregates {
namespace {

// More texts than one epoch's cells usually name.
constexpr std::size_t kKnown_texts_max = 100'000;
// Entry ids: bins from 0, score points behind them.
constexpr std::uint32_t kFirst_point = kIds_end - kFirstBin;
// A cell with more entries is summed by id instead of sorted.
constexpr std::size_t kSorted_entries_max = 1024;
// Numbers of pairs lie above those of texts.
constexpr std::uint32_t kFirst_pair = 1u << 31;

enum class Tag : std::uint8_t { cell = 1, evidence_added = 2, evidence_removed = 3 };

// A key begins with the partition key: two texts that 00 01 ends.
std::size_t partition_bytes(std::string_view key) {
  int texts = 0;
  for (std::size_t at = 0; at + 1 < key.size(); ++at) {
    if (key[at] == '\0' && key[++at] == '\1' && ++texts == 2) return at + 1;
  }
  return key.size();
}

// Of the longer histogram the entries past the middle.
Measures upper_half(const Measures& sum) {
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

// Builds the records of one partition and begins a new one when the next item does not fit.
class Writer {
 public:
  Writer(std::string_view partition, std::size_t bytes_max, DeltaPacker::Emit emit)
      : partition_(partition), bytes_max_(bytes_max), emit_(emit) {}

  void put_evidence(std::string_view key, bool added) {
    item_.assign(1, static_cast<char>(added ? Tag::evidence_added : Tag::evidence_removed));
    put_text(item_, key);
    append();
  }

  void put_cell(std::string_view key, std::string_view row) {
    item_.assign(1, static_cast<char>(Tag::cell));
    put_text(item_, key);
    put_text(item_, row);
    if (item_.size() > bytes_max_) {
      // Measures add up, so a cell can travel in parts.
      Measures lower;
      if (lower.parse(row) && lower.scores().size() + lower.bins().size() > 1) {
        const Measures upper = upper_half(lower);
        lower.merge(upper, -1);
        put_cell(key, lower.bytes());
        put_cell(key, upper.bytes());
        return;
      }
    }
    append();
  }

  void finish() {
    if (!record_.empty()) emit_(std::string(partition_), std::move(record_));
    record_.clear();
  }

 private:
  void append() {
    if (record_.size() + item_.size() > bytes_max_) finish();
    record_ += item_;
  }

  std::string_view partition_;
  std::size_t bytes_max_;
  DeltaPacker::Emit emit_;
  std::string record_, item_;
};

}  // namespace

struct DeltaPacker::Sheet {
  std::uint32_t tenant = 0;
  std::int64_t bucket_ms = 0;
  std::vector<absl::flat_hash_map<std::uint64_t, std::uint32_t>> pages;  // by set: value numbers → cell
};

struct DeltaPacker::Partition {
  struct Page {
    std::int64_t bucket_ms;
    std::vector<std::uint32_t> cells;
  };
  std::vector<Page> pages;
  std::vector<std::pair<std::string_view, std::int64_t>> evidence;
};

DeltaPacker::DeltaPacker(std::size_t record_bytes_max) : record_bytes_max_(record_bytes_max) {}
DeltaPacker::~DeltaPacker() = default;

std::uint32_t DeltaPacker::set_number(std::string_view name) {
  auto found = std::find(sets_.begin(), sets_.end(), name);
  if (found == sets_.end()) found = sets_.insert(found, std::string(name));
  return static_cast<std::uint32_t>(found - sets_.begin());
}

std::uint32_t DeltaPacker::intern(std::string_view text) {
  auto found = numbers_.find(text);
  if (found == numbers_.end()) {
    found = numbers_.emplace(text, static_cast<std::uint32_t>(texts_.size())).first;
    texts_.push_back(found->first);
  }
  return found->second;
}

Gain DeltaPacker::gain_of(const Measures& measures) {
  Gain gain;
  for (std::size_t id = 0; id < kCounters; ++id) {
    const std::int64_t n = measures.get(static_cast<Counter>(id));
    if (n == 0) continue;
    gain.counters.emplace_back(static_cast<std::uint8_t>(id), n);
    gain.mask |= std::uint64_t{1} << id;
  }
  const auto log = [&](std::uint32_t id, std::int64_t n) {
    for (; n != 0; n -= std::clamp<std::int64_t>(n, -32'000, 32'000)) {
      const auto part = static_cast<std::int16_t>(std::clamp<std::int64_t>(n, -32'000, 32'000));
      gain.entries.push_back({static_cast<std::uint16_t>(id), part});
    }
  };
  for (const auto& [timing, bin, n] : measures.bins()) log(id_of(timing, bin) - kFirstBin, n);
  for (const auto& [point, n] : measures.scores()) {
    auto [known, fresh] = point_numbers_.try_emplace(point, static_cast<std::uint16_t>(points_.size()));
    if (fresh) points_.push_back(point);
    log(kFirst_point + known->second, n);
  }
  return gain;
}

DeltaPacker::Sheet& DeltaPacker::sheet(std::uint32_t tenant, std::int64_t bucket_ms) {
  std::unique_ptr<Sheet>& sheet = sheets_[{tenant, bucket_ms}];
  if (!sheet) sheet = std::make_unique<Sheet>(Sheet{tenant, bucket_ms, {}});
  return *sheet;
}

// Values of one set are as many for each of its cells, so that two numbers side by side say enough.
std::uint64_t DeltaPacker::number_of(std::span<const std::uint32_t> values) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i >= 2)
      number = pairs_.try_emplace(number, kFirst_pair + static_cast<std::uint32_t>(pairs_.size())).first->second;
    number = number << 32 | values[i];
  }
  return number;
}

void DeltaPacker::add(Sheet& sheet, std::uint32_t set, std::span<const std::uint32_t> values, const Gain& gain,
                      int sign) {
  if (sheet.pages.size() <= set) sheet.pages.resize(sets_.size());
  const auto fresh_number = static_cast<std::uint32_t>(cells_.size());
  auto [found, fresh] = sheet.pages[set].try_emplace(number_of(values), fresh_number);
  if (fresh) {
    cells_.emplace_back().values = static_cast<std::uint32_t>(values_.size());
    cells_.back().values_n = static_cast<std::uint32_t>(values.size());
    values_.insert(values_.end(), values.begin(), values.end());
  }
  Cell& cell = cells_[found->second];
  cell.mask |= gain.mask;
  for (const auto& [id, n] : gain.counters) {
    const auto by = static_cast<std::uint64_t>(sign == 1 ? n : -n);
    cell.counters[id] = static_cast<std::int64_t>(static_cast<std::uint64_t>(cell.counters[id]) + by);
  }
  cell.logged += static_cast<std::uint32_t>(gain.entries.size());
  for (const Gain::Entry& entry : gain.entries)
    log_.push_back({found->second, {entry.id, static_cast<std::int16_t>(sign == 1 ? entry.n : -entry.n)}});
}

void DeltaPacker::evidence(std::string_view tenant, std::string_view set, std::string key, std::int64_t by) {
  evidence_[cube_partition_key(tenant, set) + key] += by;
}

// By cell, in linear time.
void DeltaPacker::sort_log() {
  ends_.assign(cells_.size(), 0);
  std::size_t end = 0;
  for (std::size_t cell = 0; cell < cells_.size(); ++cell) {
    ends_[cell] = end;  // its beginning; the end once all its entries lie there
    end += cells_[cell].logged;
  }
  sorted_.resize(log_.size());
  for (const Logged& logged : log_) sorted_[ends_[logged.cell]++] = logged.entry;
}

bool DeltaPacker::precedes(std::uint32_t cell, std::uint32_t other) const {
  const std::uint32_t* ours = values_.data() + cells_[cell].values;
  const std::uint32_t* theirs = values_.data() + cells_[other].values;
  for (std::uint32_t i = 0; i < cells_[cell].values_n; ++i) {
    if (ours[i] != theirs[i]) return texts_[ours[i]] < texts_[theirs[i]];
  }
  return false;
}

void DeltaPacker::put_row(const Cell& cell, std::span<Gain::Entry> entries, RowWriter& row) {
  for (std::uint64_t left = cell.mask; left != 0; left &= left - 1) {
    const int id = std::countr_zero(left);
    if (cell.counters[id] != 0) row.entry(static_cast<std::uint32_t>(id), cell.counters[id]);
  }
  std::vector<std::pair<ScorePoint, std::int64_t>> scores;
  const auto put = [&](std::uint32_t id, std::int64_t n) {
    if (n == 0) return;
    if (id < kFirst_point) {
      row.entry(kFirstBin + id, n);
    } else {
      scores.emplace_back(points_[id - kFirst_point], n);
    }
  };
  if (entries.size() <= kSorted_entries_max) {
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    for (std::size_t i = 0; i < entries.size();) {
      const std::uint16_t id = entries[i].id;
      std::int64_t n = 0;
      for (; i < entries.size() && entries[i].id == id; ++i) n += entries[i].n;
      put(id, n);
    }
  } else {
    sums_.resize(kFirst_point + points_.size());
    for (const Gain::Entry& entry : entries) sums_[entry.id] += entry.n;
    for (std::uint32_t id = 0; id < sums_.size(); ++id) put(id, std::exchange(sums_[id], 0));
  }
  std::sort(scores.begin(), scores.end());
  for (const auto& [point, n] : scores) row.score(point, n);
}

void DeltaPacker::flush(Emit emit) {
  std::map<std::string, Partition> partitions;
  for (const auto& [place, sheet] : sheets_) {
    for (std::uint32_t set = 0; set < sheet->pages.size(); ++set) {
      if (sheet->pages[set].empty()) continue;
      Partition::Page page{sheet->bucket_ms, {}};
      for (const auto& [values, cell] : sheet->pages[set]) page.cells.push_back(cell);
      std::sort(page.cells.begin(), page.cells.end(), [this](auto a, auto b) { return precedes(a, b); });
      partitions[cube_partition_key(texts_[sheet->tenant], sets_[set])].pages.push_back(std::move(page));
    }
  }
  for (const auto& [key, n] : evidence_) {
    if (n == 0) continue;
    const std::size_t split = partition_bytes(key);
    partitions[key.substr(0, split)].evidence.emplace_back(std::string_view{key}.substr(split), n);
  }
  sort_log();
  std::string key, row;
  RowWriter row_writer;
  for (auto& [partition, parts] : partitions) {
    Writer writer{partition, record_bytes_max_, emit};
    std::sort(parts.pages.begin(), parts.pages.end(),
              [](const auto& a, const auto& b) { return a.bucket_ms < b.bucket_ms; });
    for (const Partition::Page& page : parts.pages) {
      for (std::uint32_t number : page.cells) {
        const Cell& cell = cells_[number];
        put_row(cell, {sorted_.data() + ends_[number] - cell.logged, cell.logged}, row_writer);
        if (row_writer.empty()) continue;
        row.clear();
        row_writer.finish(row);
        key.clear();
        put_key_time(key, page.bucket_ms);
        for (std::uint32_t i = 0; i < cell.values_n; ++i) put_key_text(key, texts_[values_[cell.values + i]]);
        writer.put_cell(key, row);
      }
    }
    std::sort(parts.evidence.begin(), parts.evidence.end());
    for (const auto& [evidence, n] : parts.evidence) writer.put_evidence(evidence, n > 0);
    writer.finish();
  }
  clear();
}

void DeltaPacker::clear() {
  sheets_.clear();
  pairs_.clear();
  cells_.clear();
  values_.clear();
  log_.clear();
  point_numbers_.clear();
  points_.clear();
  evidence_.clear();
  if (texts_.size() > kKnown_texts_max) {
    texts_.clear();
    numbers_.clear();
  }
}

bool unpack(std::string_view record, const DeltaVisitor& visitor) {
  Reader reader{record};
  while (reader.ok() && !reader.done()) {
    auto tag = static_cast<Tag>(reader.byte());
    std::string_view key = reader.text();
    if (tag == Tag::cell) {
      std::string_view row = reader.text();
      if (!reader.ok()) return false;
      visitor.cell(key, row);
    } else if (tag == Tag::evidence_added || tag == Tag::evidence_removed) {
      if (!reader.ok()) return false;
      visitor.evidence(key, tag == Tag::evidence_added);
    } else {
      return false;
    }
  }
  return reader.ok();
}

}  // namespace echoloop::aggregates
