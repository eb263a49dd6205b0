#include "processors/insight/evidence_ages.h"

#include <algorithm>
#include <vector>

#include "pipeline/aggregates/cube.h"
#include "pipeline/base/bytes.h"

namespace echoloop::insight {
namespace {

constexpr std::int64_t kStepsInRetention = 16;
constexpr std::size_t kRowsPerEpoch_max = 10'000;
constexpr std::string_view kMark = "a";

std::string mark_key(std::int64_t ms) {
  std::string key{kMark};
  put_key_time(key, ms);
  return key;
}

// The number at the end of a row's key.
std::optional<std::uint64_t> number_of(std::string_view key) {
  const std::string_view number = key.substr(aggregates::evidence_window_bytes(key));
  if (number.size() != sizeof(std::uint64_t)) return std::nullopt;  // a row of echoloop 0.1
  return KeyReader{number}.u64();
}

}  // namespace

void EvidenceAges::end_epoch(std::uint64_t number, Duration retention, stage::Context& context) {
  const std::int64_t step_ms = std::max<std::int64_t>(1, retention.count() / kStepsInRetention);
  if (number > 0) mark(number, step_ms, context);
  const std::int64_t over_ms = to_ms(context.now()) - retention.count();
  if (!goal_mark_ms_ && (!looked_ms_ || over_ms >= *looked_ms_ + step_ms)) find_goal(over_ms, context);
  if (goal_mark_ms_) walk(context);
}

void EvidenceAges::mark(std::uint64_t number, std::int64_t step_ms, stage::Context& context) {
  const std::int64_t now_ms = to_ms(context.now());
  if (marked_ms_ && now_ms < *marked_ms_ + step_ms) return;
  // After a restart one more than needed.
  marked_ms_ = now_ms;
  std::string row;
  put_varint(row, number);
  context.put(stage::Table::findings, mark_key(now_ms), std::move(row));
}

void EvidenceAges::find_goal(std::int64_t over_ms, stage::Context& context) {
  looked_ms_ = over_ms;
  context.scan(stage::Table::findings, kMark, mark_key(over_ms), [&](std::string_view key, std::string_view row) {
    goal_mark_ms_ = KeyReader{key.substr(kMark.size())}.time_ms();
    goal_ = Reader{row}.varint();
    return true;
  });
  cursor_.clear();
}

void EvidenceAges::walk(stage::Context& context) {
  std::vector<std::string> over;
  std::size_t seen = 0;
  context.scan(stage::Table::evidence, cursor_, "", [&](std::string_view key, std::string_view) {
    if (seen++ == kRowsPerEpoch_max) {
      cursor_ = key;
      return false;
    }
    if (auto number = number_of(key); number && *number < goal_) over.emplace_back(key);
    return true;
  });
  for (const std::string& key : over) context.erase(stage::Table::evidence, key);
  if (!over.empty()) context.count("evidence_expired", static_cast<std::int64_t>(over.size()));
  if (seen > kRowsPerEpoch_max) return context.go_on();
  std::vector<std::string> done;
  context.scan(stage::Table::findings, kMark, mark_key(*goal_mark_ms_ + 1),
               [&](std::string_view key, std::string_view) {
                 done.emplace_back(key);
                 return true;
               });
  for (const std::string& key : done) context.erase(stage::Table::findings, key);
  goal_mark_ms_.reset();
}

}  // namespace echoloop::insight
