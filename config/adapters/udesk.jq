# Udesk event callbacks {"action": …, "message": {…}} of its online chat. One tenant is one Udesk company: session numbers are unique only within it.
#
#   ImSubSession_close         session.closed: udesk-<id of the sub-session>
#   ImSurveyVote_create        evaluation.submitted; version 1 of the callbacks sends it at each save, version 2 only at the first
#   anything else              skipped, with the reason (leaving the queue is no session, an agent's note no feedback)
#
#   option, by its name        五星 to 一星, or 1 to 5 where show_type is star: 5 to 1 of 1 to 5. 非常满意, 满意, 一般, 不满意, 非常不满意: 5 to 1 of 1 to 5,
#                              also where a survey offers only the middle three: 满意 is then still a top box and 不满意 a bottom box.
#                              Another name, or a number alone (ids of options differ from company to company), is kept as an answer, not as a score
#   resolved_state_v2          resolved: 1 yes, 2 no; anything else unanswered
#   remark, survey_remark      comment
#   tags                       tags, from a list or a text separated by commas
#   agent_id, group            the handler; agent_type robot (or assign_type robot, urobot) is the bot, whose votes are not ratings of the service
#
# A vote that is saved again is another event of the same evaluation; a repeated delivery is a duplicate. Times without a zone are
# Beijing's. The evaluation is dated updated_at, or else created_at.
#
# Actions, envelope and the versions' difference are Udesk's published description. The fields of the two messages are not shown there: some names are
# those of its chat interface and clients (im_sub_session_id, resolved_state_v2, survey_remark, tags), others are guessed (option_name, the close
# times, group, agent_type). Not verified against a live platform: look at one real callback first.
include "lib/event";

def source: "/udesk";

# The first of these fields that has a text.
def first_text($names): . as $m | [$names[] | $m[.] | text | select(. != null)][0];

# The first of these fields that is a time, as an instant.
def first_time($names): . as $m | [$names[] | $m[.] | instant_in("+08:00") | select(. != null)][0];

def words:
  if type == "array" then [.[] | if type == "object" then .name else . end | text] else (text // "" | gsub("，"; ",") | split(",") | map(text)) end
  | map(select(. != null)) | if length == 0 then null else . end;

def session_number($names): first_text($names) | if . == null then null else "udesk-" + . end;

def customer: first_text(["customer_id", "customer_token", "open_api_token"]) // (.customer | object | first_text(["id"]));

def robot: first_text(["agent_type", "assign_type"]) | . == "robot" or . == "urobot" or . == "bot";

def closed:
  . as $m
  | session_number(["id", "im_sub_session_id", "sub_session_id"]) as $session
  | first_time(["closed_at", "ended_at", "end_time", "updated_at"]) as $closed
  | first_time(["created_at", "start_time"]) as $opened
  | first_text(["agent_id"]) as $agent
  | if $session == null then {skip: "closed chat without an id"}
    elif $closed == null then {skip: "closed chat without a time"}
    else
      {
        tenant: $tenant,
        session_id: $session,
        closed_at: ($closed | rfc3339),
        opened_at: ($opened | if . == null then null else rfc3339 end),
        customer_id: customer,
        channel: (first_text(["channel", "platform"]) | if . == null then null else ascii_downcase end),
        agents: (if $agent == null then null
                 else [{
                   id: $agent,
                   group: ($m | first_text(["user_group_name", "group_name", "user_group_id", "group_id"])),
                   kind: (if $m | robot then "bot" else "human" end)
                 }] end),
        agent_tags: ($m.tags | words)
      }
      | event("echoloop.session.closed.v1"; source; "closed-\($session | ltrimstr("udesk-"))-\($closed | floor)"; .closed_at)
    end;

def option_name:
  first_text(["option_name", "option_text", "option"])
  // ([.option, .survey_option] | map(object | first_text(["text", "name", "content"])) | map(select(. != null))[0]);

def score($option):
  {"五星": 5, "四星": 4, "三星": 3, "二星": 2, "两星": 2, "一星": 1, "5星": 5, "4星": 4, "3星": 3, "2星": 2, "1星": 1,
   "非常满意": 5, "很满意": 5, "满意": 4, "一般": 3, "不满意": 2, "非常不满意": 1, "很不满意": 1} as $named
  | ($named[$option // ""] // (if first_text(["show_type"]) == "star" and ($option | among(["1", "2", "3", "4", "5"])) then $option | tonumber else null end))
  | if . == null then null else {value: ., min: 1, max: 5} end;

def rated:
  . as $m
  | session_number(["im_sub_session_id", "sub_session_id", "session_id"]) as $session
  | first_time(["updated_at", "created_at", "voted_at"]) as $at
  | first_text(["id", "vote_id"]) as $vote
  | option_name as $option
  | score($option) as $score
  | ({"1": "yes", "2": "no"}[first_text(["resolved_state_v2", "resolved_state"]) // ""]) as $resolved
  | first_text(["survey_remark", "remark"]) as $comment
  | ($m.tags | words) as $tags
  | if $session == null then {skip: "vote without a session"}
    elif robot then {skip: "vote on a robot"}
    elif $score == null and $option == null and $resolved == null and $comment == null and $tags == null then {skip: "vote without content"}
    elif $at == null then {skip: "vote without a time"}
    else
      {
        tenant: $tenant,
        session_id: $session,
        evaluation_id: (if $vote == null then $session else "udesk-vote-" + $vote end),
        submitted_at: ($at | rfc3339),
        customer_id: customer,
        survey: "udesk-csat",
        score: $score,
        resolved: $resolved,
        tags: $tags,
        comment: $comment,
        answers: (if $score == null and $option != null then [{question: "option", value: $option}] else null end)
      }
      | event("echoloop.evaluation.submitted.v1"; source;
              "rated-\($vote // $session)-\($at * 1000 | floor)-\([$option, $resolved, $comment, $tags] | tojson | fingerprint)"; .submitted_at)
    end;

webhook
| .body
| if type != "object" or (.action | text) == null then {skip: "not a Udesk callback"}
  else
    (.action | text) as $action
    | (.message | object)
    | if $action == "ImSubSession_close" then closed
      elif $action == "ImSurveyVote_create" or $action == "ImSurveyVote_update" then rated
      else {skip: "\($action) is not needed"} end
  end
