#include "pipeline/sample/events.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "schemas/codec.h"
#include "schemas/event.h"

namespace echoloop::sample {
namespace {

class Story {
 public:
  Story(Dice& dice, const Contact& contact, const Day& day, const std::string& previous)
      : dice_(dice),
        contact_(contact),
        day_(day),
        previous_(previous),
        source_(contact.tenant == "hongtu" ? "/hongtu/desk" : "/anxin/desk") {}

  std::vector<Arrival> tell() {
    close();
    tag_by_agent();
    invite();
    return std::move(arrivals_);
  }

 private:
  Text keep(std::string text) { return texts_.emplace_back(std::move(text)); }

  // Puts an event on its way; `lateness` is how long it is held up before.
  void send(EventData data, Text id, Time time, Duration lateness = Duration{0}) {
    Event event;
    event.source = source_;
    event.id = id;
    event.subject = contact_.session_id;
    event.time = time;
    event.data = std::move(data);
    Arrival arrival{time + lateness + Duration{dice_.between(150, 2'500)}, {}};
    encode(event, arrival.json);
    // One in two hundred is delivered again, the same bytes.
    if (dice_.per_mille(5)) arrivals_.push_back({arrival.at + Duration{dice_.between(500, 600'000)}, arrival.json});
    arrivals_.push_back(std::move(arrival));
  }
  Text event_id(std::string_view what) { return keep(contact_.session_id + "-" + std::string(what)); }

  void close() {
    SessionClosed closed;
    closed.tenant = contact_.tenant;
    closed.session_id = contact_.session_id;
    closed.closed_at = contact_.closed_at;
    if (!dice_.per_mille(30)) closed.customer_id = contact_.customer;
    closed.channel = contact_.channel;
    closed.opened_at = contact_.opened_at;
    if (!contact_.bot_only) closed.queued_ms = contact_.queued_ms;
    closed.first_reply_ms = contact_.first_reply_ms;
    if (!contact_.bot_only) closed.handle_ms = contact_.handle_ms;
    closed.closed_by = contact_.bot_only ? "system" : dice_.per_mille(700) ? "agent" : "customer";
    closed.category = contact_.category;
    closed.entity = contact_.entity;
    for (const Leg& leg : contact_.legs)
      closed.agents.push_back({leg.agent, leg.group, leg.department, leg.bot, leg.from, leg.to});
    closed.transfers = contact_.transfers;
    closed.work_orders = contact_.work_orders;
    closed.knowledge = Knowledge{contact_.lookups, contact_.hits};
    if (contact_.channel == "phone") closed.links.push_back(keep("https://recordings.example/" + contact_.session_id));
    closed.routing = Routing{contact_.routing_rule, contact_.routing_version, contact_.intended_group};
    // Agents are kinder to themselves than customers are.
    const std::int64_t claimed = dice_.below(1000);
    const std::int64_t yes = contact_.solved ? 930 : 560;
    if (!contact_.bot_only)
      closed.agent_resolution = claimed < yes                            ? Resolution::resolved
                                : claimed < yes + 45 || !contact_.solved ? Resolution::unresolved
                                                                         : Resolution::unknown;
    if (contact_.misrouted && contact_.transfers == 0 && dice_.per_mille(450))
      closed.agent_tags.push_back("不属于本组");
    if (dice_.per_mille(40)) closed.agent_tags.push_back(dice_.per_mille(700) ? "嫌贵" : "price-sensitive");
    if (!previous_.empty()) {
      closed.previous_session = previous_;
      closed.agent_tags.push_back("重复来电");
    }
    // Three in a thousand reach us hours later, so that their evaluation is there first.
    const Duration lateness{dice_.per_mille(3) ? dice_.between(kHour_ms, 26 * kHour_ms) : 0};
    send(closed, event_id("closed"), closed.closed_at, lateness);
    // Two in a thousand are opened again and closed for good a little later.
    if (dice_.per_mille(2)) {
      closed.closed_at += Duration{dice_.between(600'000, 5 * kHour_ms)};
      closed.work_orders = contact_.work_orders + 1;
      send(closed, event_id("closed-again"), closed.closed_at);
    }
  }

  void tag_by_agent() {
    if (contact_.bot_only || !dice_.per_mille(15)) return;
    TagsChanged change;
    change.tenant = contact_.tenant;
    change.session_id = contact_.session_id;
    change.by = TaggedBy::agent;
    change.who = contact_.legs.back().agent;
    change.add.push_back(dice_.per_mille(500) ? "嫌贵" : "重复来电");
    if (dice_.per_mille(300)) change.remove.push_back("不属于本组");
    send(change, event_id("agent-tags"), contact_.closed_at + Duration{dice_.between(5'000, 2 * kHour_ms)});
  }

  void choose_survey() {
    version_ = "1";
    if (contact_.channel == "phone") {
      survey_ = "call-csat";
      return;
    }
    const std::int64_t lot = contact_.channel == "email" ? 999 : dice_.below(1000);
    survey_ = lot < 80 ? "nps" : lot < 120 ? "effort" : "chat-csat";
    if (survey_ == "chat-csat" && day_.number >= day_.plants.survey_change) version_ = "2";
  }

  void invite() {
    choose_survey();
    const bool call = survey_ == "call-csat";
    const bool invited = contact_.shock || dice_.per_mille(call ? 900 : 860);
    Text outcome = "delivered";
    const Time sent = contact_.closed_at + Duration{dice_.between(1'000, call ? 90'000 : 8'000)};
    if (invited) {
      const std::int64_t lot = contact_.shock ? 0 : dice_.below(1000);
      if (call) {
        outcome = lot < 640 ? "delivered" : lot < 760 ? "refused" : lot < 950 ? "no_answer" : "failed";
      } else {
        outcome = lot < 985 ? "delivered" : "failed";
      }
      SurveyInvited invitation;
      invitation.tenant = contact_.tenant;
      invitation.session_id = contact_.session_id;
      invitation.survey = survey_;
      invitation.sent_at = sent;
      invitation.version = version_;
      invitation.channel = call ? Text("phone") : contact_.channel;
      invitation.outcome = outcome;
      send(invitation, event_id("invited"), sent);
    }
    // The very happy and the very unhappy answer most; a few find the survey without an invitation.
    const std::int64_t by_verdict[] = {400, 330, 210, 250, 320};
    std::int64_t chance = by_verdict[static_cast<std::size_t>(contact_.verdict)];
    if (call) chance += 60;
    if (!invited || outcome != "delivered") chance = 8;
    if (contact_.shock) chance = 1000;
    if (dice_.below(1000) < chance) evaluate(sent);
  }

  Duration answer_delay() {
    const std::int64_t lot = contact_.shock ? 0 : dice_.below(1000);
    if (lot < 620) return Duration{dice_.between(4'000, 300'000)};
    if (lot < 860) return Duration{dice_.between(300'000, 3 * kHour_ms)};
    if (lot < 960) return Duration{dice_.between(3 * kHour_ms, kDay_ms)};
    return Duration{dice_.between(kDay_ms, 4 * kDay_ms)};
  }

  Verdict verdict_said() {
    Verdict said = contact_.verdict;
    // Version 2 of the survey asks "how satisfied are you with the solution?" in place of "with the service": people
    // answer one step lower now and then.
    if (survey_ == "chat-csat" && version_ == "2" && said > Verdict::bad && dice_.per_mille(200)) {
      said = static_cast<Verdict>(static_cast<int>(said) - 1);
    }
    return said;
  }

  Score score_for(Verdict verdict) {
    const auto step = static_cast<std::int64_t>(verdict);
    if (survey_ == "nps") {
      const std::int64_t low[] = {0, 4, 7, 8, 9}, high[] = {3, 6, 8, 9, 10};
      return {dice_.between(low[step], high[step]) * 1000, 0, 10'000};
    }
    if (survey_ == "effort") {
      const std::int64_t low[] = {1, 2, 4, 5, 6}, high[] = {2, 3, 4, 6, 7};
      return {dice_.between(low[step], high[step]) * 1000, 1000, 7000};
    }
    return {(step + 1) * 1000, 1000, 5000};
  }

  Script script() {
    if (contact_.english) return Script::english;
    const std::int64_t lot = dice_.below(100);
    return lot < 84 ? Script::simplified : lot < 94 ? Script::traditional : Script::english;
  }

  void put_tags(EvaluationSubmitted& evaluation) {
    if (!dice_.per_mille(contact_.verdict <= Verdict::bad ? 780 : 330) && !contact_.shock) return;
    auto add = [&](Topic topic) {
      std::string tag = tag_text(dice_, topic, contact_.shock ? Script::simplified : script());
      if (!tag.empty()) evaluation.tags.push_back(keep(std::move(tag)));
    };
    add(contact_.topic);
    if (contact_.verdict <= Verdict::bad && !contact_.solved && contact_.topic != Topic::cannot_help &&
        dice_.per_mille(200))
      add(Topic::cannot_help);
    if (contact_.verdict >= Verdict::good && contact_.topic != Topic::quick && dice_.per_mille(150)) add(Topic::quick);
    if (contact_.topic == Topic::damaged && dice_.per_mille(500))
      evaluation.tags.push_back("包装破损");  // not in the taxonomy
  }

  void evaluate(Time after) {
    const Verdict said = verdict_said();
    EvaluationSubmitted evaluation;
    evaluation.tenant = contact_.tenant;
    evaluation.session_id = contact_.session_id;
    evaluation.evaluation_id = event_id("e1");
    evaluation.submitted_at = after + answer_delay();
    if (!dice_.per_mille(100)) evaluation.customer_id = contact_.customer;
    evaluation.survey = survey_;
    evaluation.version = version_;
    evaluation.score = score_for(said);
    if (dice_.per_mille(760) || contact_.shock)
      evaluation.resolved = contact_.solved ? Resolution::resolved : Resolution::unresolved;
    put_tags(evaluation);
    const std::int64_t talkative = said <= Verdict::bad ? 700 : said == Verdict::middling ? 420 : 330;
    if (contact_.shock || dice_.below(1000) < talkative) {
      evaluation.comment =
          keep(contact_.english ? comment_en(dice_, contact_.topic) : comment_zh(dice_, contact_.topic));
    } else if (dice_.per_mille(60)) {
      evaluation.comment = "";
    }
    if (survey_ == "chat-csat") put_answers(evaluation, said);
    evaluation.language = contact_.english ? "en" : "zh";
    if (said <= Verdict::bad && !contact_.solved) evaluation.wants_contact = contact_.shock || dice_.per_mille(300);
    // One in a hundred overtakes the closing of its session on the way here.
    const Duration early{dice_.per_mille(10) ? to_ms(contact_.closed_at) - to_ms(evaluation.submitted_at) - 5'000 : 0};
    send(evaluation, event_id("evaluated"), evaluation.submitted_at, early);
    afterwards(evaluation, said);
  }

  void put_answers(EvaluationSubmitted& evaluation, Verdict said) {
    const std::int64_t around = 1 + static_cast<std::int64_t>(said);
    for (Text question : {Text("speed"), Text("attitude")}) {
      Answer answer;
      answer.question = question;
      if (dice_.per_mille(question == "speed" ? 120 : 260)) {
        answer.skipped = true;
      } else {
        answer.number = std::clamp<std::int64_t>(around + dice_.below(3) - 1, 1, 5) * 1000;
      }
      evaluation.answers.push_back(answer);
    }
  }

  // What may happen to an evaluation later.
  void afterwards(EvaluationSubmitted evaluation, Verdict said) {
    const Time first = evaluation.submitted_at;
    if (!contact_.shock && dice_.per_mille(20)) correct(evaluation, said);
    if (!contact_.shock && dice_.per_mille(6)) {
      EvaluationWithdrawn withdrawn;
      withdrawn.tenant = contact_.tenant;
      withdrawn.session_id = contact_.session_id;
      withdrawn.evaluation_id = keep(contact_.session_id + "-e1");
      constexpr Text kReasons[] = {"appeal", "appeal", "customer", "forged", "test"};
      withdrawn.reason = dice_.one_of(kReasons);
      send(withdrawn, event_id("withdrawn"), first + Duration{dice_.between(kHour_ms, 2 * kDay_ms)});
    }
    if (said <= Verdict::bad && dice_.per_mille(160)) review(first);
    if (!evaluation.tags.empty() && dice_.per_mille(25)) retag(evaluation, first);
  }

  // The customer thinks again: another evaluation of the same survey, which stands from then on.
  void correct(EvaluationSubmitted evaluation, Verdict said) {
    const int step = static_cast<int>(said);
    evaluation.evaluation_id = keep(contact_.session_id + "-e2");
    evaluation.score = score_for(static_cast<Verdict>(step <= 1 ? step + 2 : step - 1));
    evaluation.submitted_at += Duration{dice_.between(60'000, kDay_ms)};
    evaluation.answers.clear();
    send(evaluation, event_id("evaluated-again"), evaluation.submitted_at);
  }

  void review(Time after) {
    ReviewRecorded review;
    review.tenant = contact_.tenant;
    review.session_id = contact_.session_id;
    constexpr Text kReviewers[] = {"qa-chen", "qa-lin", "qa-zhou"};
    review.reviewer = dice_.one_of(kReviewers);
    review.cause = contact_.misrouted                      ? Text("routing")
                   : contact_.topic == Topic::bad_attitude ? Text("attitude")
                                                           : contact_.category;
    review.misrouted = contact_.misrouted;
    if (contact_.misrouted) review.tags.push_back("转错队列");
    review.agrees = dice_.per_mille(820);
    if (!*review.agrees) review.note = "按流程处理，客户对规定不满。";
    send(review, event_id("review"), after + Duration{dice_.between(2 * kHour_ms, 2 * kDay_ms)});
  }

  void retag(const EvaluationSubmitted& evaluation, Time after) {
    TagsChanged change;
    change.tenant = contact_.tenant;
    change.session_id = contact_.session_id;
    change.by = dice_.per_mille(600) ? TaggedBy::reviewer : TaggedBy::customer;
    change.who = change.by == TaggedBy::reviewer ? Text("qa-lin") : Text(contact_.customer);
    if (dice_.per_mille(500)) {
      change.remove.push_back(evaluation.tags.front());
    } else {
      change.add.push_back(contact_.solved ? "解决了" : "没有解决");
    }
    send(change, event_id("retagged"), after + Duration{dice_.between(kHour_ms, kDay_ms)});
  }

  Dice& dice_;
  const Contact& contact_;
  const Day& day_;
  const std::string& previous_;
  Text source_;
  Text survey_, version_;
  std::deque<std::string> texts_;  // what events view; addresses stay
  std::vector<Arrival> arrivals_;
};

}  // namespace

std::vector<Arrival> events_of(Dice& dice, const Contact& contact, const Day& day, const std::string& previous) {
  return Story(dice, contact, day, previous).tell();
}

}  // namespace echoloop::sample
