#include "pipeline/aggregates/measures.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "pipeline/aggregates/row.h"
#include "pipeline/aggregates/wrapping.h"
#include "pipeline/base/bytes.h"

namespace echoloop::aggregates {
namespace {

constexpr std::array<std::string_view, kCounters> kNames = {
#define ECHOLOOP_NAME(id, name) #name,
    ECHOLOOP_COUNTERS(ECHOLOOP_NAME)
#undef ECHOLOOP_NAME
};
#define ECHOLOOP_SAME_ID(id, name) static_assert(static_cast<int>(Counter::name) == id && kNames[id] == #name);
ECHOLOOP_COUNTERS(ECHOLOOP_SAME_ID)
#undef ECHOLOOP_SAME_ID

constexpr std::string_view kTimingNames[] = {"handle", "queue", "first_reply"};
constexpr Timing kTimingsByName[] = {Timing::first_reply, Timing::handle, Timing::queue};
constexpr std::string_view kScoreNames[] = {"csat", "nps", "ces"};

bool before(const Measures::Bin& a, const Measures::Bin& b) {
  return a.timing != b.timing ? a.timing < b.timing : a.bin < b.bin;
}
bool before(const Measures::ScoreCount& a, const Measures::ScoreCount& b) { return a.point < b.point; }

// Adds one entry to a sorted, sparse vector; an entry that becomes zero leaves it.
template <class Entry>
void add_entry(std::vector<Entry>& entries, const Entry& entry) {
  if (entry.n == 0) return;
  auto at = std::lower_bound(entries.begin(), entries.end(), entry,
                             [](const Entry& a, const Entry& b) { return before(a, b); });
  if (at == entries.end() || before(entry, *at)) {
    entries.insert(at, entry);
  } else if ((at->n = sum(at->n, entry.n)) == 0) {
    entries.erase(at);
  }
}

template <class Entry>
void merge_entries(std::vector<Entry>& ours, const std::vector<Entry>& theirs, std::int64_t factor) {
  if (theirs.empty() || factor == 0) return;
  if (theirs.size() <= 4 || theirs.size() * 8 <= ours.size()) {  // a few sessions, or into a large cell
    for (Entry entry : theirs) {
      entry.n = product(entry.n, factor);
      add_entry(ours, entry);
    }
    return;
  }
  std::vector<Entry> merged;
  merged.reserve(ours.size() + theirs.size());
  auto a = ours.begin();
  for (Entry entry : theirs) {
    entry.n = product(entry.n, factor);
    while (a != ours.end() && before(*a, entry)) merged.push_back(*a++);
    if (a != ours.end() && !before(entry, *a)) entry.n = sum(entry.n, (a++)->n);
    if (entry.n != 0) merged.push_back(entry);
  }
  merged.insert(merged.end(), a, ours.end());
  ours = std::move(merged);
}

void put_number(std::string& out, std::int64_t n) {
  fmt::format_int text(n);
  out.append(text.data(), text.size());
}

void put_member(std::string& out, std::string_view key, std::int64_t n) {
  if (out.back() != '{') out.push_back(',');
  out.push_back('"');
  out.append(key);
  out.append("\":");
  put_number(out, n);
}

void open_member(std::string& out, std::string_view key) {
  if (out.back() != '{') out.push_back(',');
  out.push_back('"');
  out.append(key);
  out.append("\":{");
}

using Members = std::vector<std::pair<std::string, std::int64_t>>;

void put_sorted(std::string& out, std::string_view key, Members members) {
  if (members.empty()) return;
  std::sort(members.begin(), members.end());
  open_member(out, key);
  for (const auto& [name, n] : members) put_member(out, name, n);
  out.push_back('}');
}

const std::array<std::size_t, kCounters>& counters_by_name() {
  static const auto order = [] {
    std::array<std::size_t, kCounters> ids{};
    std::iota(ids.begin(), ids.end(), std::size_t{0});
    std::sort(ids.begin(), ids.end(), [](std::size_t a, std::size_t b) { return kNames[a] < kNames[b]; });
    return ids;
  }();
  return order;
}

}  // namespace

std::string_view name_of(Counter counter) { return kNames[static_cast<std::size_t>(counter)]; }
std::string_view name_of(Timing timing) { return kTimingNames[static_cast<std::size_t>(timing)]; }
std::string_view name_of(ScoreKind kind) { return kScoreNames[static_cast<std::size_t>(kind)]; }

void Measures::clear() {
  counters_.fill(0);
  bins_.clear();
  scores_.clear();
}

void Measures::add_time(Timing timing, std::uint32_t bin, std::int64_t by) { add_entry(bins_, Bin{timing, bin, by}); }

void Measures::add_score(const ScorePoint& point, std::int64_t by) { add_entry(scores_, ScoreCount{point, by}); }

void Measures::merge(const Measures& other, std::int64_t sign) {
  if (&other == this) {
    const Measures copy = other;
    return merge(copy, sign);
  }
  if (sign == 1) {  // the common signs as loops that become vector instructions
    merge_counters(other);
  } else if (sign == -1) {
    for (std::size_t i = 0; i < kCounters; ++i) counters_[i] = difference(counters_[i], other.counters_[i]);
  } else {
    for (std::size_t i = 0; i < kCounters; ++i) counters_[i] = sum(counters_[i], product(other.counters_[i], sign));
  }
  merge_entries(bins_, other.bins_, sign);
  merge_entries(scores_, other.scores_, sign);
}

void Measures::merge_counters(const Measures& other) {
  for (std::size_t i = 0; i < kCounters; ++i) counters_[i] = sum(counters_[i], other.counters_[i]);
}

bool Measures::empty() const {
  return bins_.empty() && scores_.empty() &&
         std::all_of(counters_.begin(), counters_.end(), [](std::int64_t n) { return n == 0; });
}

std::int64_t Measures::sessions() const {
  std::int64_t out = 0;
  for (auto id = static_cast<std::size_t>(Counter::unknown_unanswered);
       id <= static_cast<std::size_t>(Counter::unresolved_no); ++id) {
    out = sum(out, counters_[id]);
  }
  return out;
}

std::string Measures::bytes() const {
  std::string out;
  RowWriter row;
  for (std::uint32_t id = 0; id < kCounters; ++id) {
    if (counters_[id] != 0) row.entry(id, counters_[id]);
  }
  for (const Bin& bin : bins_) row.entry(id_of(bin.timing, bin.bin), bin.n);
  for (const ScoreCount& score : scores_) row.score(score.point, score.n);
  row.finish(out);
  return out;
}

bool Measures::parse(std::string_view bytes) {
  *this = Measures{};
  if (bytes.empty()) return true;
  Reader in{bytes};
  const auto malformed = [this] {
    *this = Measures{};
    return false;
  };
  const std::uint64_t entries = in.varint();
  if (!in.ok() || entries > in.rest().size()) return malformed();
  std::uint64_t id = 0;
  for (std::uint64_t i = 0; i < entries; ++i) {
    const std::uint64_t head = in.varint();
    const std::int64_t n = (head & 1) != 0 ? 1 : in.signed_varint();
    if (!in.ok() || n == 0 || ((head & 1) == 0 && n == 1) || (i > 0 && head < 2) || head >> 1 >= kIds_end)
      return malformed();
    id += head >> 1;
    if (id < kCounters) {
      counters_[id] = n;
    } else if (id >= kFirstBin && id < kIds_end) {
      const std::uint64_t at = id - kFirstBin;
      bins_.push_back({static_cast<Timing>(at / kBinsPerTiming), static_cast<std::uint32_t>(at % kBinsPerTiming), n});
    } else {
      return malformed();
    }
  }
  while (!in.done()) {
    ScoreCount score;
    const std::uint8_t kind = in.byte();
    score.point.kind = static_cast<ScoreKind>(kind);
    score.point.min = in.signed_varint();
    score.point.max = in.signed_varint();
    score.point.value = in.signed_varint();
    score.n = in.signed_varint();
    if (!in.ok() || kind >= kScoreKinds || score.n == 0) return malformed();
    if (!scores_.empty() && !before(scores_.back(), score)) return malformed();
    scores_.push_back(score);
  }
  return in.ok() ? true : malformed();
}

std::string Measures::json() const {
  std::string out{"{"};
  bool bins_written = bins_.empty(), scores_written = scores_.empty();
  const auto write_bins = [&] {
    bins_written = true;
    open_member(out, "bins");
    for (Timing timing : kTimingsByName) {
      Members members;
      for (const Bin& bin : bins_) {
        if (bin.timing == timing) members.emplace_back(std::to_string(bin.bin), bin.n);
      }
      put_sorted(out, name_of(timing), std::move(members));
    }
    out.push_back('}');
  };
  const auto write_scores = [&] {
    scores_written = true;
    Members members;
    for (const auto& [point, n] : scores_) {
      members.emplace_back(fmt::format("{}:{}:{}:{}", name_of(point.kind), point.min, point.max, point.value), n);
    }
    put_sorted(out, "scores", std::move(members));
  };
  for (std::size_t id : counters_by_name()) {
    if (!bins_written && kNames[id] > "bins") write_bins();
    if (!scores_written && kNames[id] > "scores") write_scores();
    if (counters_[id] != 0) put_member(out, kNames[id], counters_[id]);
  }
  if (!bins_written) write_bins();
  if (!scores_written) write_scores();
  out.push_back('}');
  return out;
}

}  // namespace echoloop::aggregates
