// delivery in organisation.yaml: who is told of tasks, by which way.
#include <fmt/format.h>

#include <algorithm>

#include "schemas/domain_draft.h"

namespace echoloop {
namespace {

struct WayName {
  const char* key;
  Way way;
};
constexpr WayName kWays[] = {{"webhook", Way::webhook},      {"feishu", Way::feishu}, {"dingtalk", Way::dingtalk},
                             {"wecom", Way::wecom},          {"email", Way::email},   {"jira", Way::jira},
                             {"servicenow", Way::servicenow}};

void read_way(const yaml::Document& document, const yaml::Node& node, Endpoint& out) {
  out.url = read_text(node, "url");
  out.secret_env = read_text(node, "secret_env");
  out.secret_file = read_text(node, "secret_file");
  out.user = read_text(node, "user");
  out.project = read_text(node, "project");
  out.issue_type = read_text(node, "issue_type");
  out.from = read_text(node, "from");
  for (const yaml::Node* to : read_texts(node, "to")) out.to.push_back(to->scalar);
  const yaml::Node* url = node.find("url");
  if (url == nullptr || url->kind != yaml::Node::Kind::text) return;
  const bool mail = out.way == Way::email;
  const bool known = mail ? out.url.starts_with("smtp://") || out.url.starts_with("smtps://")
                          : out.url.starts_with("https://") || out.url.starts_with("http://");
  if (!known)
    document.fault(url->place, mail ? "must begin with smtp:// or smtps://" : "must begin with https:// or http://");
}

bool says_true(const yaml::Node& one, std::string_view key) {
  const yaml::Node* value = one.find(key);
  return value != nullptr && value->kind == yaml::Node::Kind::boolean &&
         (value->scalar[0] == 't' || value->scalar[0] == 'T');
}

void check_words(const yaml::Document& document, const yaml::Node& one, const char* key, const char* what,
                 const std::vector<std::string>& known, std::set<std::string>& out) {
  for (const yaml::Node* word : read_texts(one, key)) {
    if (check_reference(document, *word, what, known)) out.insert(word->scalar);
  }
}

}  // namespace

void read_delivery(const yaml::Document& document, Draft& draft) {
  Unique ids{document, "endpoint"};
  std::vector<std::string> calendars;
  for (const auto& [id, calendar] : draft.domain.calendars) calendars.push_back(id);
  for (const yaml::Node& one : document.root.list("delivery")) {
    const yaml::Node* id = one.find("id");
    if (id == nullptr || id->kind != yaml::Node::Kind::text || !ids.take(id->place, id->scalar)) continue;
    Endpoint out;
    out.id = id->scalar;
    for (const WayName& way : kWays) {
      const yaml::Node* node = one.find(way.key);
      if (node == nullptr) continue;
      out.way = way.way;
      read_way(document, *node, out);
    }
    check_words(document, one, "departments", "department", draft.department_ids(), out.departments);
    for (const yaml::Node* tenant : read_texts(one, "tenants")) out.tenants.insert(tenant->scalar);
    for (const yaml::Node* kind : read_texts(one, "kinds")) out.kinds.insert(kind->scalar);
    for (const yaml::Node* event : read_texts(one, "events")) out.events.insert(event->scalar);
    out.severity = read_severity(one, "severity").value_or(Severity::low);
    out.chinese = read_text(one, "language") != "en";
    out.private_network = says_true(one, "private_network");
    out.customers = says_true(one, "customers");
    out.old = says_true(one, "old");
    out.per_minute = static_cast<int>(read_integer(one, "per_minute", 0));
    if (const yaml::Node* awake = one.find("awake"); awake != nullptr && awake->kind == yaml::Node::Kind::text) {
      if (check_reference(document, *awake, "calendar", calendars)) out.awake = awake->scalar;
    }
    if (auto after = read_duration(document, one, "give_up_after")) out.give_up_after = *after;
    draft.domain.endpoints.push_back(std::move(out));
  }
  draft.domain.public_url = read_text(document.root, "public_url");
}

}  // namespace echoloop
