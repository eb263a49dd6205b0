#include "pipeline/delivery/notice.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/delivery/weekly.h"
#include "pipeline/delivery/words.h"

namespace echoloop::delivery {
namespace {

using nlohmann::json;

constexpr std::string_view kUsual[] = {"opened", "handed_over", "reminded", "escalated",
                                       "closed", "verified",    "weekly"};
// A digest names no more than this; the rest is a number.
constexpr std::size_t kNamed_max = 20;

struct Words {
  std::string_view word;
  const char* zh;
  const char* en;
};

// Patterns of ICU's MessageFormat.
constexpr Words kTitles[] = {
    {"opened", "【{severity}】新任务：{title}", "[{severity}] New task: {title}"},
    {"handed_over", "【{severity}】任务转到{department}：{title}", "[{severity}] Task handed to {department}: {title}"},
    {"reminded", "【{severity}】催办：{title}", "[{severity}] Reminder: {title}"},
    {"escalated", "【{severity}】任务升级：{title}", "[{severity}] Escalated: {title}"},
    {"closed", "【{severity}】任务结束：{title}", "[{severity}] Task ended: {title}"},
    {"verified", "【{severity}】效果验证：{title}", "[{severity}] Effect verified: {title}"},
    {"changed", "【{severity}】任务更新：{title}", "[{severity}] Task changed: {title}"}};

constexpr const char* kBody_zh =
    "负责：{department}{person}\n状态：{state}，涉及会话 {count, number} 个{waits, select, none {} other {\n请在 {by} "
    "前{waits, select, "
    "acknowledge {确认} done {完成} tell_customer {告知客户} close {关闭} decide {决定重开或关闭} resume {恢复} other "
    "{等待验证}}}}{verdict, select, "
    "none {} improved {\n结论：确有改善} worse {\n结论：变差} no_evidence {\n结论：没有改善的证据} other "
    "{\n结论：数据不足}}";
constexpr const char* kBody_en =
    "Owner: {department}{person}\nState: {state}, {count, plural, one {# session} other {# sessions}}{waits, select, "
    "none {} other {\nTo "
    "{waits, select, acknowledge {acknowledge} done {finish} tell_customer {tell the customer} close {close} decide "
    "{reopen or close} resume "
    "{resume} other {be verified}} by {by}}}{verdict, select, none {} improved {\nVerdict: improved} worse {\nVerdict: "
    "worse} no_evidence "
    "{\nVerdict: no evidence of an improvement} other {\nVerdict: not enough data}}";
constexpr const char* kDigest_zh = "{count, number} 条任务消息";
constexpr const char* kDigest_en = "{count, plural, one {# message} other {# messages}} about tasks";

struct State {
  std::string_view name;
  const char* zh;
  const char* en;
};
constexpr State kStates[] = {{"opened", "待确认", "opened"},
                             {"acknowledged", "已确认", "acknowledged"},
                             {"accepted", "已受理", "accepted"},
                             {"in_progress", "处理中", "in progress"},
                             {"on_hold", "挂起", "on hold"},
                             {"done", "已完成", "done"},
                             {"customer_told", "已告知客户", "customer told"},
                             {"verifying", "验证中", "being verified"},
                             {"verified", "已验证改善", "verified"},
                             {"not_improved", "未见改善", "not improved"},
                             {"not_enough_data", "数据不足", "not enough data"},
                             {"closed", "已关闭", "closed"},
                             {"rejected", "已驳回", "rejected"},
                             {"cancelled", "已取消", "cancelled"}};

std::string text_at(const json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::string severity_word(const std::string& severity, bool chinese) {
  if (!chinese) return severity;
  return severity == "critical" ? "紧急" : severity == "high" ? "高" : severity == "medium" ? "中" : "低";
}

std::string department_name(const std::string& id, const Domain& domain, bool chinese) {
  auto found = domain.departments.find(id);
  if (found == domain.departments.end()) return id;
  return chinese ? found->second.name.zh : found->second.name.en;
}

std::string state_word(const std::string& state, bool chinese) {
  auto found =
      std::find_if(std::begin(kStates), std::end(kStates), [&](const State& one) { return one.name == state; });
  return found == std::end(kStates) ? state : chinese ? found->zh : found->en;
}

// As the tenant's clocks show it.
std::string local_time(const std::string& text, const TimeZone& zone) {
  auto time = parse_time(text);
  if (!time) return text;
  const std::string local = format_time(*time + Duration{zone.offset_ms(*time)});
  return local.substr(0, 10) + " " + local.substr(11, 5);
}

std::string title_of(const Told& told, const Domain& domain, bool chinese) {
  if (told.is_weekly()) return text_at(told.task.at("title"), chinese ? "zh" : "en");
  const auto words =
      std::find_if(std::begin(kTitles), std::end(kTitles), [&](const Words& one) { return one.word == told.word; });
  const json& title = told.task.at("title");
  return formatted(chinese ? words->zh : words->en, chinese,
                   {{"severity", wide(severity_word(text_at(told.task, "severity"), chinese))},
                    {"department", wide(department_name(text_at(told.task, "department"), domain, chinese))},
                    {"title", wide(text_at(title, chinese ? "zh" : "en"))}});
}

}  // namespace

Result<Told> read_told(std::string_view event) {
  const json whole = json::parse(event, nullptr, false);
  if (!whole.is_object() || !whole.contains("data") || !whole["data"].is_object() || !whole["data"].contains("title"))
    return bad_input("", "is no task event");
  Told out;
  out.id = text_at(whole, "id");
  out.task = whole["data"];
  out.word = text_at(whole, "change");
  out.text = std::string(event);
  const bool known = out.is_weekly() || std::any_of(std::begin(kTitles), std::end(kTitles),
                                                    [&](const Words& one) { return one.word == out.word; });
  if (out.id.empty() || !known) return bad_input("", "is no task event");
  return out;
}

bool wants(const Endpoint& endpoint, const Told& told) {
  const auto among = [](const std::set<std::string>& some, const std::string& one) {
    return some.empty() || some.contains(one);
  };
  const bool usual = std::find(std::begin(kUsual), std::end(kUsual), told.word) != std::end(kUsual);
  // An issue is made once.
  const bool issue = endpoint.way == Way::jira || endpoint.way == Way::servicenow;
  const json history = told.task.value("history", json::array());
  const bool again =
      std::any_of(history.begin(), history.end(), [](const json& line) { return text_at(line, "what") == "reopened"; });
  const bool event = endpoint.events.empty() ? (issue ? told.word == "opened" && !again : usual)
                                             : endpoint.events.contains(told.word) ||
                                                   (endpoint.events.contains("changed") && !told.is_weekly());
  const std::string severity = text_at(told.task, "severity");
  const int rank = severity == "critical" ? 3 : severity == "high" ? 2 : severity == "medium" ? 1 : 0;
  const bool fresh = !told.task.contains("delivery") || told.task["delivery"].value("notify", true);
  const bool task = told.is_weekly() ||
                    (rank >= static_cast<int>(endpoint.severity) && among(endpoint.kinds, text_at(told.task, "kind")));
  return event && task && (fresh || endpoint.old) && among(endpoint.departments, text_at(told.task, "department")) &&
         among(endpoint.tenants, text_at(told.task, "tenant"));
}

Notice notice_of(const Told& told, const Domain& domain, bool chinese) {
  const json& task = told.task;
  if (told.is_weekly()) return {title_of(told, domain, chinese), weekly_text(task, chinese), domain.public_url};
  const json clock = task.value("clock", json{}), verification = task.value("verification", json{});
  const std::string waits = clock.is_object() ? text_at(clock, "waits_for") : "";
  const std::string verdict = verification.is_object() ? text_at(verification, "verdict") : "";
  std::string person = text_at(task, "person");
  if (clock.is_object() && clock.value("escalated_to", json{}).is_object()) {
    const std::string above = text_at(clock["escalated_to"], "person");
    if (!above.empty()) person += (person.empty() ? "" : " → ") + above;
  }
  Notice out;
  out.title = title_of(told, domain, chinese);
  out.text = formatted(
      chinese ? kBody_zh : kBody_en, chinese,
      {{"department", wide(department_name(text_at(task, "department"), domain, chinese))},
       {"person", wide(person.empty() ? ""
                       : chinese      ? "（" + person + "）"
                                      : " (" + person + ")")},
       {"state", wide(state_word(text_at(task, "state"), chinese))},
       {"count", icu::Formattable{task.value("count", std::int64_t{0})}},
       {"waits", wide(waits.empty() ? "none" : waits)},
       {"by", wide(clock.is_object() ? local_time(text_at(clock, "by"), domain.zone_of(text_at(task, "tenant"))) : "")},
       {"verdict", wide(told.word == "verified" && !verdict.empty() ? verdict : "none")}});
  if (!domain.public_url.empty())
    out.link = fmt::format("{}{}tasks/{}", domain.public_url, domain.public_url.ends_with('/') ? "" : "/",
                           text_at(task, "id"));
  return out;
}

Notice digest_of(const std::vector<Told>& told, const Domain& domain, bool chinese) {
  Notice out;
  out.title = formatted(chinese ? kDigest_zh : kDigest_en, chinese,
                        {{"count", icu::Formattable{static_cast<std::int64_t>(told.size())}}});
  for (std::size_t i = 0; i < std::min(told.size(), kNamed_max); ++i)
    out.text += (i == 0 ? "· " : "\n· ") + title_of(told[i], domain, chinese);
  if (told.size() > kNamed_max) out.text += "\n…";
  if (!domain.public_url.empty()) out.link = domain.public_url;
  return out;
}

}  // namespace echoloop::delivery
