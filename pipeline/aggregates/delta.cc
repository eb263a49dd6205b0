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
// Numbers of pairs lie above those of texts.
constexpr std::uint32_t kFirst_pair = 1u << 31;

enum class Tag : std::uint8_t { cell = 1, evidence_added = 2, evidence_removed = 3 };

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

}  // namespace

// Builds the records of one partition and begins a new one when the next item does not fit.
class DeltaPacker::Writer {
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
  std::vector<std::uint32_t> windows;
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

std::uint32_t DeltaPacker::add(Sheet& sheet, std::uint32_t set, std::span<const std::uint32_t> values,
                               std::uint32_t gain, int sign) {
  if (sheet.pages.size() <= set) sheet.pages.resize(sets_.size());
  const auto fresh_number = static_cast<std::uint32_t>(cells_.size());
  auto [found, fresh] = sheet.pages[set].try_emplace(number_of(values), fresh_number);
  if (fresh) {
    cells_.push_back({static_cast<std::uint32_t>(values_.size()), static_cast<std::uint32_t>(values.size())});
    values_.insert(values_.end(), values.begin(), values.end());
  }
  ++cells_[found->second].terms;
  log_.push_back({found->second, Gains::Term(gain, sign)});
  return found->second;
}

std::uint32_t DeltaPacker::window(std::string_view tenant, std::uint32_t set, std::string_view key) {
  std::string whole = cube_partition_key(tenant, sets_[set]);
  const std::size_t split = whole.size();
  whole.append(key);
  auto [known, fresh] = windows_.try_emplace(std::move(whole), static_cast<std::uint32_t>(window_keys_.size()));
  if (fresh) {
    const std::string_view both = known->first;
    window_keys_.emplace_back(both.substr(0, split), both.substr(split));
  }
  return known->second;
}

void DeltaPacker::evidence(std::uint32_t window, std::string_view session_id, int by) {
  changes_.push_back({window, by, {sessions_.size(), session_id.size()}});
  sessions_.append(session_id);
}

// By cell, in linear time.
void DeltaPacker::sort_log() {
  ends_.assign(cells_.size(), 0);
  std::size_t end = 0;
  for (std::size_t cell = 0; cell < cells_.size(); ++cell) {
    ends_[cell] = end;  // its beginning; the end once all its terms lie there
    end += cells_[cell].terms;
  }
  sorted_.resize(log_.size(), Gains::Term(0, 1));
  for (const Logged& logged : log_) sorted_[ends_[logged.cell]++] = logged.term;
}

// Sets that part sessions in the same way, such as those of dimensions that nobody uses, have cells of the same terms:
// their row is made once.
void DeltaPacker::make_rows() {
  sort_log();
  absl::flat_hash_map<std::uint64_t, std::uint32_t> made;  // hash of the terms → cell
  RowWriter writer;
  const auto terms_of = [this](std::size_t cell) {
    return std::span<const Gains::Term>{sorted_.data() + ends_[cell] - cells_[cell].terms, cells_[cell].terms};
  };
  for (std::size_t cell = 0; cell < cells_.size(); ++cell) {
    const auto terms = terms_of(cell);
    const std::uint64_t hash = hash64({reinterpret_cast<const char*>(terms.data()), terms.size_bytes()});
    const auto [known, fresh] = made.try_emplace(hash, static_cast<std::uint32_t>(cell));
    if (!fresh && std::ranges::equal(terms, terms_of(known->second))) {
      row_places_.push_back(row_places_[known->second]);
      continue;
    }
    const std::size_t begin = rows_.size();
    gains_.put_sum(terms, writer);
    writer.finish(rows_);
    row_places_.push_back({begin, rows_.size() - begin});
  }
}

bool DeltaPacker::precedes(std::uint32_t cell, std::uint32_t other) const {
  const std::uint32_t* ours = values_.data() + cells_[cell].values;
  const std::uint32_t* theirs = values_.data() + cells_[other].values;
  for (std::uint32_t i = 0; i < cells_[cell].values_n; ++i) {
    if (ours[i] != theirs[i]) return texts_[ours[i]] < texts_[theirs[i]];
  }
  return false;
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
  for (std::uint32_t window = 0; window < window_keys_.size(); ++window)
    partitions[std::string(window_keys_[window].first)].windows.push_back(window);
  make_rows();
  std::sort(changes_.begin(), changes_.end(), [this](const Change& a, const Change& b) {
    return a.window != b.window ? a.window < b.window : session_of(a) < session_of(b);
  });
  std::string key;
  for (auto& [partition, parts] : partitions) {
    Writer writer{partition, record_bytes_max_, emit};
    std::sort(parts.pages.begin(), parts.pages.end(),
              [](const auto& a, const auto& b) { return a.bucket_ms < b.bucket_ms; });
    for (const Partition::Page& page : parts.pages) {
      for (std::uint32_t number : page.cells) {
        const auto row = std::string_view{rows_}.substr(row_places_[number].begin, row_places_[number].size);
        if (row.empty()) continue;
        key.clear();
        put_key_time(key, page.bucket_ms);
        const Cell& cell = cells_[number];
        for (std::uint32_t i = 0; i < cell.values_n; ++i) put_key_text(key, texts_[values_[cell.values + i]]);
        writer.put_cell(key, row);
      }
    }
    std::sort(parts.windows.begin(), parts.windows.end(),
              [this](auto a, auto b) { return window_keys_[a].second < window_keys_[b].second; });
    for (std::uint32_t window : parts.windows) put_evidence(window, writer);
    writer.finish();
  }
  clear();
}

void DeltaPacker::put_evidence(std::uint32_t window, Writer& writer) const {
  auto change = std::ranges::lower_bound(changes_, window, {}, &Change::window);
  while (change != changes_.end() && change->window == window) {
    const std::string_view session = session_of(*change);
    std::int64_t n = 0;
    for (; change != changes_.end() && change->window == window && session_of(*change) == session; ++change)
      n += change->by;
    if (n == 0) continue;
    std::string key{window_keys_[window].second};
    put_key_text(key, session);
    writer.put_evidence(key, n > 0);
  }
}

void DeltaPacker::clear() {
  sheets_.clear();
  pairs_.clear();
  cells_.clear();
  values_.clear();
  gains_.clear();
  log_.clear();
  rows_.clear();
  row_places_.clear();
  windows_.clear();
  window_keys_.clear();
  changes_.clear();
  sessions_.clear();
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
