#include "pipeline/delivery/weekly.h"

#include <algorithm>

#include "pipeline/delivery/words.h"

namespace echoloop::delivery {
namespace {

using nlohmann::json;

// Named in a message; the rest is in the digest.
constexpr std::size_t kLines_max = 5;

constexpr const char* kTasks_zh =
    "新来 {came, number}，结束 {ended, number}，待办 {waits, number}{overdue, plural, =0 {} other {（逾期 "
    "#）}}{tried, plural, =0 {} other {\n已验证 # 项，其中 {improved, number} 项确有改善}}";
constexpr const char* kTasks_en =
    "{came, number} came, {ended, number} ended, {waits, plural, one {# waits} other {# wait}}{overdue, plural, =0 {} "
    "other { (# late)}}{tried, plural, =0 {} other {\n{improved, number} of {tried, number} proved an improvement}}";
constexpr const char* kRate_zh =
    "{name} {value, number, percent}（{low, number, percent} 至 {high, number, percent}，n={n, number}）{known, "
    "plural, "
    "=0 {} other {，前一周 {before, number, percent}}}";
constexpr const char* kRate_en =
    "{name} {value, number, percent} ({low, number, percent} to {high, number, percent}, n={n, number}){known, plural, "
    "=0 {} other {, {before, number, percent} the week before}}";
constexpr const char* kTag = "{name} {n, number}";

struct Name {
  const char* metric;
  const char* zh;
};
constexpr Name kNames[] = {
    {"csat", "满意率"}, {"dsat", "不满意率"}, {"resolved_rate", "解决率"}, {"response_rate", "参评率"}};

std::int64_t count_at(const json& object, const char* part, const char* key) {
  const auto found = object.find(part);
  return found == object.end() || !found->is_object() ? 0 : found->value(key, std::int64_t{0});
}

// Empty: it has no value, or is none that is a share.
std::string rate_line(const json& row, bool chinese) {
  const std::string metric = row.value("metric", "csat");
  const auto name =
      std::find_if(std::begin(kNames), std::end(kNames), [&](const Name& one) { return one.metric == metric; });
  if (name == std::end(kNames) || !row.value("value", json{}).is_number() || !row.value("interval", json{}).is_object())
    return {};
  const json before = row.value("before", json::object()).value("value", json{});
  return formatted(chinese ? kRate_zh : kRate_en, chinese,
                   {{"name", wide(chinese ? name->zh : metric)},
                    {"value", row["value"].get<double>()},
                    {"low", row["interval"].value("low", 0.0)},
                    {"high", row["interval"].value("high", 0.0)},
                    {"n", static_cast<std::int64_t>(row.value("n", std::int64_t{0}))},
                    {"known", before.is_number() ? 1 : 0},
                    {"before", before.is_number() ? before.get<double>() : 0.0}});
}

std::string tags_line(const json& tags, bool chinese) {
  std::string out;
  for (std::size_t i = 0; i < tags.size() && i < kLines_max; ++i) {
    const json& name = tags[i]["name"];
    const std::string word = name.is_object() ? name.value(chinese ? "zh" : "en", "") : tags[i].value("tag", "");
    if (!out.empty()) out += chinese ? "、" : ", ";
    out += formatted(kTag, chinese, {{"name", wide(word)}, {"n", tags[i].value("n", std::int64_t{0})}});
  }
  return out;
}

std::string department_text(const json& digest, bool chinese) {
  const std::int64_t tried = count_at(digest, "worked", "n");
  std::string out = formatted(chinese ? kTasks_zh : kTasks_en, chinese,
                              {{"came", count_at(digest, "came", "n")},
                               {"ended", count_at(digest, "ended", "n")},
                               {"waits", count_at(digest, "waits", "n")},
                               {"overdue", count_at(digest, "waits", "overdue")},
                               {"tried", tried},
                               {"improved", count_at(digest, "worked", "improved")}});
  for (const json& row : digest.value("metrics", json::array())) {
    if (const std::string line = rate_line(row, chinese); !line.empty()) out += "\n" + line;
  }
  const json waiting = digest.value("waits", json::object()).value("tasks", json::array());
  for (std::size_t i = 0; i < waiting.size() && i < kLines_max; ++i) {
    const std::string title = waiting[i].value("title", json::object()).value(chinese ? "zh" : "en", "");
    out += (chinese ? "\n待办：" : "\nWaits: ") + title;
  }
  return out;
}

std::string praise_text(const json& digest, bool chinese) {
  std::string out = tags_line(digest.value("tags", json::array()), chinese);
  for (const char* dimension : {"group", "agent"}) {
    const json all = digest.value(std::string(dimension) + "s", json::array());
    for (std::size_t i = 0; i < all.size() && i < kLines_max; ++i) {
      out += "\n" + all[i].value(dimension, "") + (chinese ? "：" : ": ") + tags_line(all[i]["tags"], chinese);
      if (const std::string csat = all[i]["csat"].is_object() ? rate_line(all[i]["csat"], chinese) : ""; !csat.empty())
        out += (chinese ? "；" : "; ") + csat;
    }
  }
  return out;
}

}  // namespace

std::string weekly_text(const json& digest, bool chinese) {
  return digest.value("kind", "") == "praise" ? praise_text(digest, chinese) : department_text(digest, chinese);
}

}  // namespace echoloop::delivery
