#include "pipeline/aggregates/row.h"

#include "pipeline/aggregates/wrapping.h"
#include "pipeline/base/bytes.h"

namespace echoloop::aggregates {
namespace {

// Walks through a row.
class Cursor {
 public:
  explicit Cursor(std::string_view row) : in_(row) {
    if (row.empty()) return;
    entries_ = in_.varint();
    ok_ = in_.ok() && entries_ <= in_.rest().size();
    next_entry();
  }

  bool ok() const { return ok_; }
  bool has_entry() const { return ok_ && has_entry_; }
  std::uint64_t id() const { return id_; }
  std::int64_t n() const { return n_; }
  void next_entry() {
    has_entry_ = ok_ && entries_ > 0;
    if (!has_entry_) return;
    --entries_;
    const std::uint64_t head = in_.varint();
    n_ = (head & 1) != 0 ? 1 : in_.signed_varint();
    id_ += head >> 1;
    ok_ = in_.ok() && n_ != 0 && (first_ || head >= 2) && head >> 1 < kIds_end &&
          (id_ < kCounters || (id_ >= kFirstBin && id_ < kIds_end));
    first_ = false;
    has_entry_ = ok_;
  }

  // Once there are no entries left.
  bool has_score() const { return ok_ && has_score_; }
  const ScorePoint& point() const { return point_; }
  void next_score() {
    has_score_ = ok_ && !in_.done();
    if (!has_score_) return;
    point_.kind = static_cast<ScoreKind>(in_.byte());
    point_.min = in_.signed_varint();
    point_.max = in_.signed_varint();
    point_.value = in_.signed_varint();
    n_ = in_.signed_varint();
    ok_ = in_.ok() && static_cast<std::uint8_t>(point_.kind) < kScoreKinds && n_ != 0;
    has_score_ = ok_;
  }

 private:
  Reader in_;
  std::uint64_t entries_ = 0;
  std::uint64_t id_ = 0;
  std::int64_t n_ = 0;
  ScorePoint point_;
  bool ok_ = true, first_ = true, has_entry_ = false, has_score_ = false;
};

}  // namespace

void RowWriter::entry(std::uint32_t id, std::int64_t n) {
  put_varint(entries_, static_cast<std::uint64_t>(id - last_) << 1 | (n == 1 ? 1 : 0));
  if (n != 1) put_signed(entries_, n);
  last_ = id;
  ++count_;
}

void RowWriter::score(const ScorePoint& point, std::int64_t n) {
  scores_.push_back(static_cast<char>(point.kind));
  put_signed(scores_, point.min);
  put_signed(scores_, point.max);
  put_signed(scores_, point.value);
  put_signed(scores_, n);
}

void RowWriter::finish(std::string& out) {
  if (!empty()) {
    put_varint(out, count_);
    out.append(entries_).append(scores_);
  }
  entries_.clear();
  scores_.clear();
  count_ = last_ = 0;
}

bool merge_rows(std::string_view a, std::string_view b, std::string& out) {
  Cursor left{a}, right{b};
  thread_local RowWriter writer;
  while (left.has_entry() || right.has_entry()) {
    const bool of_left = left.has_entry() && (!right.has_entry() || left.id() <= right.id());
    const bool of_right = right.has_entry() && (!left.has_entry() || right.id() <= left.id());
    const auto id = static_cast<std::uint32_t>(of_left ? left.id() : right.id());
    const std::int64_t n = sum(of_left ? left.n() : 0, of_right ? right.n() : 0);
    if (n != 0) writer.entry(id, n);
    if (of_left) left.next_entry();
    if (of_right) right.next_entry();
  }
  left.next_score();
  right.next_score();
  while (left.has_score() || right.has_score()) {
    const bool of_left = left.has_score() && (!right.has_score() || left.point() <= right.point());
    const bool of_right = right.has_score() && (!left.has_score() || right.point() <= left.point());
    const ScorePoint point = of_left ? left.point() : right.point();
    const std::int64_t n = sum(of_left ? left.n() : 0, of_right ? right.n() : 0);
    if (n != 0) writer.score(point, n);
    if (of_left) left.next_score();
    if (of_right) right.next_score();
  }
  out.clear();  // nothing reads a and b any more, of which it may be one
  writer.finish(out);
  return left.ok() && right.ok();
}

}  // namespace echoloop::aggregates
