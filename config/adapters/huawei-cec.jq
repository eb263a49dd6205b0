# 华为云 CEC (Huawei Cloud Cognitive Engagement Center, 云客服): what "query satisfaction" (satisfaction/query) answers for one call, with the call's id.
# The platform sends no webhooks of it: a script asks once per call and forwards the answer in one of these forms.
#
#   {"request": {"callId": …}, "response": {"satisfactionEvaluations": {…}}}   question and answer as they are
#   {"callId": …, "beginTime": …, "endTime": …, "evaluationValue": …, …}       one flat record; here beginTime and endTime are the call's
#
#   callId, beginTime, endTime         session.closed: huawei-cec-<callId>, opened_at, closed_at (milliseconds). Only from a flat record: the beginTime
#                                      and endTime of a request limit the search and say nothing of the call. agentId, skillName where there are some
#   evaluationValue "1" to "5"         evaluation.submitted of huawei-cec-csat, 1 to 5
#   evaluationValue "-1", "-2"         survey.invited with outcome no_answer (timed out), failed (a key that is no answer); no rating of any kind
#   fcrValue                           resolved: 1 yes, 2 no; alone, it is an evaluation without a score
#   npsScore                           evaluation.submitted of the survey "nps", 0 to 10, beside the other
#   evaluateObject Bot                 the surveys are huawei-cec-bot-csat and huawei-cec-bot-nps, and a call without an agent is the bot's
#   channel                            audio: phone; MSG: sms; WEB: web
#
# An evaluation is dated evaluationTime (or evaluateTime); a flat record without one, the call's end. Without either it is skipped, never dated today.
#
# Written from Huawei's published API reference; not verified against a live platform.
include "lib/event";

def source: "/huawei-cec";

def channel_name:
  (text // "" | ascii_downcase) as $name
  | {"audio": "phone", "msg": "sms"}[$name] // (if $name == "" then null else $name end);

def closed($bot):
  (.endTime | instant) as $closed
  | (.beginTime | instant) as $opened
  | .callId as $call
  | (.agentId | text) as $agent
  | if $closed == null then empty
    else
      {
        tenant: $tenant,
        session_id: "huawei-cec-\($call)",
        closed_at: ($closed | rfc3339),
        opened_at: ($opened | if . == null then null else rfc3339 end),
        channel: (.channel | channel_name),
        agents: (if $agent != null then [{id: $agent, group: (.skillName | text), kind: "human"}]
                 elif $bot then [{id: "bot", kind: "bot"}]
                 else null end)
      }
      | event("echoloop.session.closed.v1"; source; "closed-\($call)-\($closed | floor)"; .closed_at)
    end;

def invited($survey; $outcome; $at):
  .callId as $call
  | {
      tenant: $tenant,
      session_id: "huawei-cec-\($call)",
      survey: $survey,
      sent_at: ($at | rfc3339),
      channel: (.channel | channel_name),
      outcome: $outcome
    }
  | event("echoloop.survey.invited.v1"; source; "invited-\($call)-\($survey)-\($outcome)"; .sent_at);

def rated($survey; $score; $resolved; $at):
  .callId as $call
  | {
      tenant: $tenant,
      session_id: "huawei-cec-\($call)",
      evaluation_id: "huawei-cec-\($call)-\($survey)",
      submitted_at: ($at | rfc3339),
      survey: $survey,
      score: $score,
      resolved: $resolved
    }
  | event("echoloop.evaluation.submitted.v1"; source;
          "rated-\($call)-\($survey)-\($score | if . == null then "" else .value end)-\($resolved // "")-\($at * 1000 | floor)"; .submitted_at);

# One flat record of an answer, whichever form it came in.
def record:
  if (.request | type) == "object" or (.response | type) == "object" then
    (.response | object) as $answer
    | ($answer | object | .satisfactionEvaluations) as $given
    | (if $given | type == "array" then $given[] else $given end | object)
      + {callId: ((.request | object | .callId) // $answer.callId), beginTime: null, endTime: null}
  elif has("satisfactionEvaluations") then
    . as $flat
    | (.satisfactionEvaluations | if type == "array" then .[] else . end | object) as $given
    | ($flat | del(.satisfactionEvaluations)) + $given
  else . end;

def answers($bot):
  ((.evaluationTime | instant) // (.evaluateTime | instant) // (.endTime | instant)) as $at
  | (if $bot then "huawei-cec-bot-csat" else "huawei-cec-csat" end) as $csat
  | (.evaluationValue | text // "") as $value
  | ({"1": "yes", "2": "no"}[.fcrValue | text // ""]) as $resolved
  | (if $value | among(["1", "2", "3", "4", "5"]) then {value: ($value | tonumber), min: 1, max: 5} else null end) as $score
  | (.npsScore | number | if . != null and . >= 0 and . <= 10 and . == floor then {value: ., min: 0, max: 10} else null end) as $nps
  | if $at == null then
      (if $score != null or $resolved != null or $nps != null or $value == "-1" or $value == "-2" then {skip: "evaluation without a time"} else empty end)
    elif $value == "-1" then invited($csat; "no_answer"; $at)
    elif $value == "-2" then invited($csat; "failed"; $at)
    else
      (if $score != null or $resolved != null then rated($csat; $score; $resolved; $at) else empty end),
      (if $nps != null then rated((if $bot then "huawei-cec-bot-nps" else "nps" end); $nps; null; $at) else empty end)
    end;

webhook
| .body
| if type != "object" then {skip: "not an answer of CEC"}
  else
    [ record
      | if (.callId | text) == null then {skip: "evaluation without a callId"}
        else
          .callId |= text
          | (.evaluateObject | text // "" | ascii_downcase == "bot") as $bot
          | closed($bot), answers($bot)
        end ]
    | if length == 0 then {skip: "neither an evaluation nor the end of a call"} else .[] end
  end
