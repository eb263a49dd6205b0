// Rows of the cube, packed deltas and the keys of cube and evidence as any bytes, and deltas packed from any additions.
#include <array>
#include <map>
#include <vector>

#include "pipeline/aggregates/cube.h"
#include "pipeline/aggregates/delta.h"
#include "pipeline/aggregates/measures.h"
#include "pipeline/aggregates/row.h"
#include "pipeline/base/bytes.h"
#include "tests/fuzz/demand.h"

namespace echoloop::fuzz {
namespace {

using namespace aggregates;

void check_rows(std::string_view a, std::string_view b) {
  Measures left, right;
  const bool sound = left.parse(a) && right.parse(b);
  std::string merged;
  const bool taken = merge_rows(a, b, merged);
  demand(!sound || taken, "rows that can be read can be merged");
  if (!sound) return;
  Measures again;
  demand(again.parse(left.bytes()) && again == left, "a cell is read as it was written");
  Measures sum = left;
  sum.merge(right);
  demand(merged == sum.bytes(), "merged rows are the row of the merged measures");
  sum.merge(right, -1);
  demand(sum == left, "what was added can be taken away");
  (void)sum.json();
}

void check_delta(std::string_view record) {
  const auto cell = [](std::string_view, std::string_view row) { check_rows(row, row); };
  unpack(record, {cell, [](std::string_view, bool) {}});
}

std::vector<std::string_view> views(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

void check_keys(std::string_view key) {
  if (auto cube = parse_cube_key(key)) {
    demand(cube_key(cube->tenant, cube->set, cube->bucket_ms, views(cube->values)) == key, "a cube key has one form");
    (void)canonical_line(*cube, Measures{});
  }
  if (auto window = parse_evidence_window(key)) {
    demand(evidence_from(window->tenant, window->rule, views(window->scope), window->window_ms) == key,
           "an evidence window has one form");
  }
  const auto bytes = evidence_window_bytes(key);
  demand(bytes <= key.size(), "a window lies within its key");
  demand((bytes > 0) == parse_evidence_window(key.substr(0, bytes)).has_value(), "two readers of windows agree");
  KeyReader text{key}, skipped{key};
  (void)text.text();
  skipped.skip_text();
  demand(text.ok() == skipped.ok() && text.rest() == skipped.rest(), "skipping a text is reading it");
}

// An addition in eight bytes: set and value, bucket, counter, its n (two), timing, bin, score.
constexpr std::size_t kAddition_bytes = 8;

void check_packer(std::string_view bytes) {
  static constexpr std::array<std::string_view, 3> kSets{"", "channel", "tag"};
  DeltaPacker packer{600};
  std::map<std::string, Measures> wanted;
  for (; bytes.size() >= kAddition_bytes; bytes.remove_prefix(kAddition_bytes)) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const std::string set{kSets[byte(0) % kSets.size()]}, value(1, static_cast<char>(byte(0) / 3));
    const std::int64_t bucket_ms = byte(1) % 4 * std::int64_t{3'600'000};
    Measures gained;
    gained.add(static_cast<Counter>(byte(2) % kCounters), (byte(3) << 8 | byte(4)) - 32'768);
    gained.add_time(static_cast<Timing>(byte(5) % kTimings), bin_of(std::uint64_t{byte(6)} << byte(5) % 40), 1);
    gained.add_score({static_cast<ScoreKind>(byte(7) % kScoreKinds), 0, 5000, byte(7)}, byte(7) % 5 - 2);
    const int sign = byte(1) >= 128 ? -1 : 1;
    std::vector<std::uint32_t> numbers;
    std::vector<std::string_view> values;
    if (!set.empty()) {
      numbers.push_back(packer.intern(value));
      values.push_back(value);
    }
    packer.add(packer.sheet(packer.intern("t"), bucket_ms), packer.set_number(set), numbers, packer.gain(gained), sign);
    wanted[cube_key("t", set, bucket_ms, values)].merge(gained, sign);
  }
  std::erase_if(wanted, [](const auto& cell) { return cell.second.empty(); });
  std::map<std::string, Measures> packed;
  packer.flush([&](const std::string& key, const std::string& record) {
    const auto cell = [&](std::string_view end, std::string_view row) {
      Measures part;
      demand(part.parse(row), "what is packed can be read");
      packed[key + std::string(end)].merge(part);
    };
    demand(unpack(record, {cell, [](std::string_view, bool) {}}), "what is packed can be unpacked");
  });
  demand(packed == wanted, "what is packed comes back summed");
}

}  // namespace
}  // namespace echoloop::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace echoloop::fuzz;
  auto bytes = text_of(data, size);
  switch (take_choice(bytes) % 4) {
    case 0: {
      const auto left = std::min<std::size_t>(take_choice(bytes), bytes.size());
      check_rows(bytes.substr(0, left), bytes.substr(left));
      break;
    }
    case 1:
      check_delta(bytes);
      break;
    case 2:
      check_keys(bytes);
      break;
    default:
      check_packer(bytes);
  }
  return 0;
}
