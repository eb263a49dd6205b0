// The request by which an endpoint is told: the form, the signature and the limits of each platform. Pure; safe from
// any thread.
//
// Standard Webhooks 1.0 (standardwebhooks.com). Feishu, DingTalk and WeCom: their pages on custom robots. Jira Cloud
// REST v3, ServiceNow Table API. docs/delivery.md says what could not be tried against the live service.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipeline/delivery/notice.h"

namespace echoloop::delivery {

struct Request {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  std::string user, password;   // basic authentication, or of the mail server
  std::string from;             // e-mail only
  std::vector<std::string> to;  // e-mail only
};

// Messages to people, of which several can be made one.
bool is_chat(Way way);
// What the platform takes a minute; 0: no limit of its own.
int per_minute_of(const Endpoint& endpoint);

// For one event, or a digest of several where is_chat(). `now`: the wall clock. Error (configuration): the secret is
// none.
Result<Request> request_for(const Endpoint& endpoint, const std::vector<Told>& told, const Domain& domain,
                            const std::string& secret, Time now);

// What the answer means. Platforms of chats answer 200 and say in the body what was wrong.
enum class Outcome { delivered, throttled, later, refused, gone };
Outcome outcome_of(Way way, int status, const std::string& body);

}  // namespace echoloop::delivery
