#include "tests/processors/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "pipeline/base/time.h"

namespace echoloop::random_stream {
namespace {

using nlohmann::json;
using Texts = std::vector<const char*>;

const Texts kTags = {"late", "快遞慢",  "SLOW PARCEL", "rude", "態度差", "broken",
                     "kind", "waiting", "自定義",      "龟速", "👎",      ""};
const Texts kChannels = {"web", "phone", ""};
const Texts kCategories = {"product/quality", "delivery/late", "account", ""};
const Texts kComments = {"", "很好", "充电器着火了", "It caught fire", "slow"};
constexpr std::int64_t kFrom_ms = 1'772'388'000'000;  // 2026-03-01T18:00:00Z
constexpr std::int64_t kSpan_ms = 4 * kDay_ms;

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  std::vector<std::string> make(int sessions) {
    for (int i = 0; i < sessions; ++i) make_session(fmt::format("s{}", i));
    std::shuffle(out_.begin(), out_.end(), random_);
    return std::move(out_);
  }

 private:
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(bound));
  }
  bool chance(int percent) { return below(100) < percent; }
  const char* one_of(const Texts& texts) {
    return texts[static_cast<std::size_t>(below(static_cast<std::int64_t>(texts.size())))];
  }
  json some_of(const Texts& texts, int most) {
    json out = json::array();
    for (std::int64_t n = below(most + 1); n > 0; --n) out.push_back(one_of(texts));
    return out;
  }
  // Often the same millisecond as something else of the session.
  std::string near() {
    return format_time(from_ms(closed_ms_ + (chance(30) ? 0 : (below(5) - 1) * 12 * kHour_ms + below(3) * 1000)));
  }

  void send(const char* type, json data) {
    data["tenant"] = tenant_;
    data["session_id"] = session_;
    json event = {{"specversion", "1.0"}, {"type", fmt::format("echoloop.{}.v1", type)}, {"data", std::move(data)}};
    event["source"] = chance(50) ? "/a" : "/b";
    event["id"] = fmt::format("{}", ids_++);
    event["time"] = near();
    out_.push_back(event.dump());
  }

  void make_session(std::string id) {
    session_ = std::move(id);
    tenant_ = chance(70) ? "acme" : chance(70) ? "bharat" : "stranger";
    closed_ms_ = kFrom_ms + below(kSpan_ms / kHour_ms) * kHour_ms + below(2) * (kHour_ms / 2);
    ids_ = 0;
    for (std::int64_t n = chance(10) ? 0 : chance(85) ? 1 : 2; n > 0; --n) close();
    if (chance(30))
      send("survey.invited",
           {{"survey", "chat"}, {"sent_at", near()}, {"outcome", chance(50) ? "delivered" : "failed"}});
    for (std::int64_t n = below(4); n > 0; --n) rate();
    if (chance(25))
      send("evaluation.withdrawn", {{"evaluation_id", fmt::format("v{}", below(3))}, {"reason", "appeal"}});
    for (std::int64_t n = below(3); n > 0; --n) {
      const char* by[] = {"customer", "agent", "reviewer"};
      send("tags.changed", {{"by", by[below(3)]}, {"add", some_of(kTags, 2)}, {"remove", some_of(kTags, 2)}});
    }
    if (chance(20)) send("review.recorded", {{"reviewer", chance(50) ? "rita" : "ron"}, {"tags", some_of(kTags, 2)}});
  }

  void close() {
    json data = {{"closed_at", format_time(from_ms(closed_ms_ + below(2) * kHour_ms))},
                 {"agent_tags", some_of(kTags, 2)}};
    if (chance(80)) data["channel"] = one_of(kChannels);
    if (chance(90)) data["category"] = one_of(kCategories);
    if (chance(50)) data["handle_ms"] = below(100'000);
    if (chance(50)) data["agent_resolution"] = chance(50) ? "resolved" : "unresolved";
    json agents = json::array();
    for (std::int64_t n = below(3); n > 0; --n) {
      agents.push_back({{"id", chance(50) ? "amy" : "ben"},
                        {"group", chance(50) ? "g1" : "g2"},
                        {"kind", chance(80) ? "human" : "bot"}});
      if (!chance(60)) continue;
      agents.back()["from"] = format_time(from_ms(closed_ms_ - below(600'000)));
      agents.back()["to"] = format_time(from_ms(closed_ms_));
    }
    data["agents"] = std::move(agents);
    send("session.closed", std::move(data));
  }

  void rate() {
    const char* surveys[] = {"chat", "recommend", "unlisted"};
    const char* survey = surveys[below(3)];
    json data = {
        {"evaluation_id", fmt::format("v{}", below(3))}, {"submitted_at", near()}, {"tags", some_of(kTags, 3)}};
    if (chance(90)) data["survey"] = survey;
    if (chance(5)) data["tags"].push_back("unsafe");
    if (chance(80)) data["score"] = {{"value", 1 + below(5)}, {"min", 1}, {"max", 5}};
    if (chance(60)) data["resolved"] = chance(50) ? "yes" : "no";
    if (chance(40)) data["wants_contact"] = chance(60);
    if (chance(30)) data["comment"] = one_of(kComments);
    if (chance(30)) data["version"] = 1 + below(2);
    if (chance(30))
      data["answers"] = json::array({{{"question", chance(50) ? "fast" : "polite"}, {"skipped", chance(50)}}});
    send("evaluation.submitted", std::move(data));
  }

  std::mt19937_64 random_;
  std::vector<std::string> out_;
  std::string tenant_, session_;
  std::int64_t closed_ms_ = 0;
  int ids_ = 0;
};

}  // namespace

std::vector<std::string> events(std::uint64_t seed, int sessions) { return Maker{seed}.make(sessions); }

}  // namespace echoloop::random_stream
