#include "pipeline/delivery/attempt.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "pipeline/base/crash_point.h"

namespace echoloop::delivery {
namespace {

constexpr std::size_t kAnswer_kept = 1024;

const char* name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::delivered:
      return "delivered";
    case Outcome::throttled:
      return "throttled";
    case Outcome::later:
      return "later";
    case Outcome::refused:
      return "refused";
    case Outcome::gone:
      return "gone";
  }
  return "";
}

Result<std::string> secret_of(const Endpoint& endpoint, const DeliveryParts& parts) {
  if (!endpoint.secret_env.empty()) {
    auto value = parts.environment(endpoint.secret_env);
    if (!value)
      return bad_configuration("delivery " + endpoint.id, "the environment variable of its secret is not set");
    return *value;
  }
  if (endpoint.secret_file.empty()) return std::string{};
  std::ifstream in{endpoint.secret_file};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (!in.is_open()) return bad_configuration("delivery " + endpoint.id, "the file of its secret cannot be read");
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

state::Delivery attempt(const Endpoint& endpoint, const std::vector<Told>& told, const Domain& domain, Client& client,
                        const DeliveryParts& parts) {
  state::Delivery log;
  log.set_endpoint(endpoint.id);
  for (const Told& one : told) {
    log.add_events(one.id);
    log.add_tasks(one.task.value("id", ""));
  }
  log.set_word(told.size() > 1 ? "digest" : told.front().word);
  log.set_at(to_ms(parts.now()));
  auto known = secret_of(endpoint, parts);
  auto request = known ? request_for(endpoint, told, domain, *known, parts.now()) : tl::make_unexpected(known.error());
  if (!request) {
    log.set_error(request.error().text());
    log.set_outcome(name_of(Outcome::later));
    return log;
  }
  for (const std::string& header : request->headers) log.add_headers(header);
  log.set_body(request->body);
  ECHOLOOP_CRASH_POINT("delivery.before_send");
  Answer answer = client.send(*request, endpoint.private_network);
  ECHOLOOP_CRASH_POINT("delivery.after_send");
  log.set_ms(to_ms(parts.now()) - log.at());
  log.set_status(answer.status);
  log.set_error(answer.error);
  log.set_outcome(name_of(outcome_of(endpoint.way, answer.status, answer.body)));
  answer.body.resize(std::min(answer.body.size(), kAnswer_kept));
  log.set_answer(answer.body);
  // Not a moment earlier: the clock leaves out what lies behind the millisecond.
  if (answer.retry_after) log.set_again_at(to_ms(parts.now() + *answer.retry_after) + 1);
  return log;
}

}  // namespace echoloop::delivery
