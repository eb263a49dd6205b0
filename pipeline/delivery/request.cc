#include "pipeline/delivery/request.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "pipeline/base/digest.h"

namespace echoloop::delivery {
namespace {

using nlohmann::json;

// Standard Webhooks asks for bodies below 20 kB; Feishu takes no more.
constexpr std::size_t kBody_max = 20'000;
constexpr std::size_t kHistory_kept = 10, kSaid_max = 1'000, kCustomers_kept = 100;
constexpr std::size_t kWecom_max = 4'096;
constexpr const char* kJson = "Content-Type: application/json; charset=utf-8";

std::string dumped(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

// Cut between characters.
std::string shortened(std::string text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  std::size_t end = bytes - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

// The newest of the history, each with the beginning of what was said, and the first customers.
void shorten(nlohmann::ordered_json& task) {
  auto& history = task["history"];
  if (history.is_array() && history.size() > kHistory_kept) {
    history.erase(history.begin(), history.end() - kHistory_kept);
    task["history_cut"] = true;
  }
  for (auto& entry : history) {
    for (const char* said : {"why", "detail"}) {
      if (entry.contains(said) && entry[said].is_string())
        entry[said] = shortened(entry[said].get_ref<const std::string&>(), kSaid_max);
    }
  }
  auto& told = task["told"];
  if (!told.is_object() || told["customers"].size() <= kCustomers_kept) return;
  told["customers"].erase(told["customers"].begin() + kCustomers_kept, told["customers"].end());
  told["customers_cut"] = true;
}

// What leaves the house by a webhook: the event, without customers unless they may, and shortened when it is long.
std::string webhook_body(const Told& told, bool customers) {
  auto event = nlohmann::ordered_json::parse(told.text);
  auto& task = event["data"];
  if (!customers) {
    task["customer_id"] = nullptr;
    if (task.contains("told") && task["told"].is_object()) task["told"]["customers"] = nlohmann::ordered_json::array();
  }
  std::string body = event.dump();
  if (body.size() < kBody_max) return body;
  shorten(task);
  return event.dump();
}

Result<Request> webhook(const Endpoint& endpoint, const Told& told, const std::string& secret, Time now) {
  Request out;
  out.body = webhook_body(told, endpoint.customers);
  const std::string at = std::to_string(to_ms(now) / kSecond_ms);
  out.headers = {"Content-Type: application/cloudevents+json; charset=utf-8", "webhook-id: " + told.id,
                 "webhook-timestamp: " + at};
  if (secret.empty()) return out;
  // Several secrets with spaces between them sign each: so a secret is changed without a gap.
  std::string signatures;
  for (std::size_t begin = 0; begin < secret.size();) {
    const std::size_t end = std::min(secret.find(' ', begin), secret.size());
    const std::string one = secret.substr(begin, end - begin);
    begin = end + 1;
    if (one.empty()) continue;
    const auto key = one.starts_with("whsec_") ? from_base64(one.substr(6)) : std::optional{one};
    if (!key || key->empty()) return bad_configuration("delivery " + endpoint.id, "its secret is no whsec_ and base64");
    signatures += (signatures.empty() ? "v1," : " v1,") +
                  to_base64(hmac_of(Digest::sha256, *key, fmt::format("{}.{}.{}", told.id, at, out.body)));
  }
  out.headers.push_back("webhook-signature: " + signatures);
  return out;
}

std::string lines_of(const Notice& notice) {
  return notice.title + "\n" + notice.text + (notice.link.empty() ? "" : "\n" + notice.link);
}

std::string url_escaped(std::string_view text) {
  std::string out;
  for (unsigned char c : text) {
    const bool plain = std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~';
    out += plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
  }
  return out;
}

Request feishu(const Notice& notice, const std::string& secret, Time now) {
  json body = {{"msg_type", "text"}, {"content", {{"text", shortened(lines_of(notice), kBody_max - 1'000)}}}};
  if (!secret.empty()) {
    const std::string at = std::to_string(to_ms(now) / kSecond_ms);
    body["timestamp"] = at;
    body["sign"] = to_base64(hmac_of(Digest::sha256, at + "\n" + secret, ""));
  }
  Request out;
  out.headers = {kJson};
  out.body = dumped(body);
  return out;
}

Request dingtalk(const Endpoint& endpoint, const Notice& notice, const std::string& secret, Time now) {
  Request out;
  out.headers = {kJson};
  out.body = dumped({{"msgtype", "text"}, {"text", {{"content", shortened(lines_of(notice), kBody_max - 1'000)}}}});
  if (secret.empty()) return out;
  const std::string at = std::to_string(to_ms(now));
  out.url =
      fmt::format("{}{}timestamp={}&sign={}", endpoint.url, endpoint.url.find('?') == std::string::npos ? "?" : "&", at,
                  url_escaped(to_base64(hmac_of(Digest::sha256, secret, at + "\n" + secret))));
  return out;
}

Request wecom(const Notice& notice) {
  const std::string link = notice.link.empty() ? "" : fmt::format("\n[{0}]({0})", notice.link);
  const std::string text = shortened(fmt::format("**{}**\n{}", notice.title, notice.text), kWecom_max - link.size());
  Request out;
  out.headers = {kJson};
  out.body = dumped({{"msgtype", "markdown"}, {"markdown", {{"content", text + link}}}});
  return out;
}

// RFC 2047, for subjects.
std::string encoded_word(const std::string& text) { return "=?UTF-8?B?" + to_base64(text) + "?="; }

// RFC 5322 with one part of text in base64, lines of 76.
Request email(const Endpoint& endpoint, const Notice& notice, const std::string& id, const std::string& secret,
              Time now) {
  Request out;
  out.user = endpoint.user;
  out.password = secret;
  out.from = endpoint.from;
  out.to = endpoint.to;
  const std::string text = to_base64(lines_of(notice) + "\n");
  std::string host = endpoint.from.substr(endpoint.from.find('@') + 1);
  std::string key = id;
  std::replace(key.begin(), key.end(), '/', '.');
  out.body = fmt::format(
      "Date: {:%a, %d %b %Y %H:%M:%S} +0000\r\nFrom: <{}>\r\nTo: <{}>\r\nSubject: {}\r\nMessage-ID: "
      "<{}@{}>\r\nMIME-Version: "
      "1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\nAuto-Submitted: "
      "auto-generated\r\n\r\n",
      fmt::gmtime(static_cast<std::time_t>(to_ms(now) / kSecond_ms)), endpoint.from, fmt::join(endpoint.to, ">, <"),
      encoded_word(shortened(notice.title, 45 * 4)), key, host);
  for (std::size_t at = 0; at < text.size(); at += 76) out.body += text.substr(at, 76) + "\r\n";
  return out;
}

// Jira Cloud: descriptions are Atlassian Document Format, a paragraph a line.
Request jira(const Endpoint& endpoint, const Told& told, const Notice& notice, const std::string& secret) {
  json paragraphs = json::array();
  for (std::size_t begin = 0; begin <= notice.text.size();) {
    const std::size_t end = std::min(notice.text.find('\n', begin), notice.text.size());
    if (end > begin)
      paragraphs.push_back(
          {{"type", "paragraph"}, {"content", {{{"type", "text"}, {"text", notice.text.substr(begin, end - begin)}}}}});
    begin = end + 1;
  }
  if (!notice.link.empty())
    paragraphs.push_back({{"type", "paragraph"},
                          {"content",
                           {{{"type", "text"},
                             {"text", notice.link},
                             {"marks", {{{"type", "link"}, {"attrs", {{"href", notice.link}}}}}}}}}});
  Request out;
  out.headers = {kJson, "Accept: application/json"};
  out.user = endpoint.user;
  out.password = secret;
  out.url = endpoint.url + (endpoint.url.ends_with('/') ? "" : "/") + "rest/api/3/issue";
  out.body = dumped({{"fields",
                      {{"project", {{"key", endpoint.project}}},
                       {"issuetype", {{"name", endpoint.issue_type.empty() ? "Task" : endpoint.issue_type}}},
                       {"summary", shortened(notice.title, 250)},
                       {"labels", {"echoloop", "echoloop-" + told.task.value("id", "")}},
                       {"description", {{"type", "doc"}, {"version", 1}, {"content", paragraphs}}}}}});
  return out;
}

Request servicenow(const Endpoint& endpoint, const Told& told, const Notice& notice, const std::string& secret) {
  const std::string severity = told.task.value("severity", "");
  const char* urgency = severity == "critical" ? "1" : severity == "high" ? "2" : "3";
  Request out;
  out.headers = {kJson, "Accept: application/json"};
  out.user = endpoint.user;
  out.password = secret;
  out.url = endpoint.url + (endpoint.url.ends_with('/') ? "" : "/") + "api/now/table/incident";
  out.body = dumped({{"short_description", shortened(notice.title, 160)},
                     {"description", notice.text + (notice.link.empty() ? "" : "\n" + notice.link)},
                     {"urgency", urgency},
                     {"impact", urgency},
                     {"correlation_id", told.task.value("id", "")},
                     {"correlation_display", "echoloop"}});
  return out;
}

}  // namespace

bool is_chat(Way way) { return way == Way::feishu || way == Way::dingtalk || way == Way::wecom || way == Way::email; }

int per_minute_of(const Endpoint& endpoint) {
  if (endpoint.per_minute > 0) return endpoint.per_minute;
  return endpoint.way == Way::feishu ? 100 : endpoint.way == Way::dingtalk || endpoint.way == Way::wecom ? 20 : 0;
}

Result<Request> request_for(const Endpoint& endpoint, const std::vector<Told>& told, const Domain& domain,
                            const std::string& secret, Time now) {
  Request out;
  if (endpoint.way == Way::webhook) {
    auto made = webhook(endpoint, told.front(), secret, now);
    if (!made) return made;
    out = std::move(*made);
  } else {
    const Notice notice =
        told.size() > 1 ? digest_of(told, domain, endpoint.chinese) : notice_of(told.front(), domain, endpoint.chinese);
    if (endpoint.way == Way::feishu) out = feishu(notice, secret, now);
    if (endpoint.way == Way::dingtalk) out = dingtalk(endpoint, notice, secret, now);
    if (endpoint.way == Way::wecom) out = wecom(notice);
    if (endpoint.way == Way::email) out = email(endpoint, notice, told.front().id, secret, now);
    if (endpoint.way == Way::jira) out = jira(endpoint, told.front(), notice, secret);
    if (endpoint.way == Way::servicenow) out = servicenow(endpoint, told.front(), notice, secret);
  }
  if (out.url.empty()) out.url = endpoint.url;
  return out;
}

Outcome outcome_of(Way way, int status, const std::string& body) {
  if (status == 410) return Outcome::gone;
  if (status == 429) return Outcome::throttled;
  // These speak of the endpoint, not of the message.
  const bool not_now = status == 401 || status == 403 || status == 404 || status == 408;
  if (not_now || status >= 500 || status < 200) return Outcome::later;
  if (status >= 300) return Outcome::refused;
  if (way != Way::feishu && way != Way::dingtalk && way != Way::wecom) return Outcome::delivered;
  const json said = json::parse(body, nullptr, false);
  if (!said.is_object()) return Outcome::delivered;
  const auto said_code = said.find(way == Way::feishu ? "code" : "errcode");
  if (said_code == said.end() || !said_code->is_number_integer()) return Outcome::delivered;
  const auto code = said_code->get<std::int64_t>();
  // Too often: Feishu 9499 and 11232, DingTalk 130101 and 660026, WeCom 45009.
  for (std::int64_t often : {9499, 11232, 130101, 660026, 45009}) {
    if (code == often) return Outcome::throttled;
  }
  return code == 0 ? Outcome::delivered : Outcome::refused;
}

}  // namespace echoloop::delivery
