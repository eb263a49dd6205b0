# 网易七鱼 (NetEase Qiyu) pushes of an ended chat ("会话结束推送会话数据"). One tenant is one Qiyu enterprise: session numbers are unique only within it.
#
#   id, startTime, endTime             session.closed: qiyu-<id>, opened_at, closed_at (milliseconds; -1 means none)
#   fromType, category                 channel (ios and android: app; wx: wechat; open: api), category "a/b"
#   staffId, fromGroup, interaction    the handler: a person of that group, or with interaction 1 the robot
#   foreignId, else userId             customer_id
#   status                             agent_resolution: 0 unresolved, 1 resolved, 2 (still at it) nothing
#   relatedType 1, 3, 4, 5             previous_session from relatedId: came from the robot, from history, from another agent (4 and 5 also transfers 1)
#   relatedType 2                      the robot's half of a session that went on with a person: transfers 1; relatedId is the later half, so no link
#   staffInvitedEvaluateTime           survey.invited, delivered
#   evaluationType with evaluation     evaluation.submitted by rank: type 2: 1, 100 are 1, 2 of 2; type 3: 1, 50, 100 are 1 to 3 of 3;
#                                      type 5: 1, 25, 50, 75, 100 are 1 to 5 of 5. The type is the survey's version, so scales are never pooled silently
#   userResolvedStatus                 resolved: 1 yes, 2 no, 0 unanswered
#   anything else                      skipped, with the reason: the other pushes have no endTime
#
# Any other type or value means "not rated", and so does everything in a robot's session: none becomes a rating. A visitor may rate several times: each
# rating is an event of its own by its time and content, and the one submitted last stands. It was submitted at userJoinEvaluateTime; a push without
# that time was made at the end of the session, which is then the latest time that the platform knows for it.
#
# Written from Qiyu's published interface description; not verified against a live platform.
include "lib/event";

def source: "/qiyu";

def session_number($id): $id | text | if . == null or . == "0" or . == "-1" then null else "qiyu-" + . end;

# Qiyu writes 0 or -1 where a reference is empty.
def reference: text | if . == "0" or . == "-1" then null else . end;

def channel_name:
  (text // "" | ascii_downcase) as $name
  | {"ios": "app", "android": "app", "wx": "wechat", "wx_ma": "wechat-miniprogram", "wb": "weibo", "open": "api"}[$name]
    // (if $name == "" then null else $name end);

# Milliseconds between two instants; null when there is no such span.
def span($from; $to): if $from != null and $to != null and $to >= $from then $to - $from | seconds_to_ms else null end;

# The place of a value on its scale, and how many places that has; null when it was not rated.
def rank:
  {"2": {"1": 1, "100": 2}, "3": {"1": 1, "50": 2, "100": 3}, "5": {"1": 1, "25": 2, "50": 3, "75": 4, "100": 5}}[.evaluationType | text // ""] as $scale
  | if $scale == null then null
    else $scale[.evaluation | text // ""] as $value | if $value == null then null else {value: $value, min: 1, max: ($scale | length)} end end;

def closed($robot):
  . as $s
  | (.startTime | instant) as $opened
  | (.endTime | instant) as $closed
  | (.staffFirstReplyTime | instant) as $replied
  | (.inQueueTime | number) as $queued
  | (.relatedType | number) as $related
  | (if $robot then (.staffId | reference) // (.staffName | text) // "robot" else .staffId | reference end) as $agent
  | {
      tenant: $tenant,
      session_id: session_number(.id),
      closed_at: ($closed | rfc3339),
      opened_at: ($opened | if . == null then null else rfc3339 end),
      queued_ms: (if $queued != null and $queued >= 0 and $queued < 100000000000 then $queued | floor else null end),
      first_reply_ms: span($opened; $replied),
      customer_id: ((.foreignId | text) // (.userId | reference)),
      channel: (.fromType | channel_name),
      category: (.category | text),
      agents: (if $agent == null then null
               else [{
                 id: $agent,
                 group: (.fromGroup | text),
                 kind: (if $robot then "bot" else "human" end),
                 from: (if $opened != null and $opened <= $closed then $opened | rfc3339 else null end),
                 to: (if $opened != null and $opened <= $closed then $closed | rfc3339 else null end)
               }] end),
      transfers: (if $related == 2 or $related == 4 or $related == 5 then 1 else null end),
      agent_resolution: (if $robot then null else {"0": "unresolved", "1": "resolved"}[.status | text // ""] end),
      previous_session: (if $related == 1 or $related == 3 or $related == 4 or $related == 5 then session_number($s.relatedId) else null end)
    }
  | event("echoloop.session.closed.v1"; source; "closed-\($s.id)-\($closed | floor)"; .closed_at);

def invited:
  . as $s
  | {
      tenant: $tenant,
      session_id: session_number(.id),
      survey: "qiyu-csat",
      sent_at: (.staffInvitedEvaluateTime | time),
      version: ({"2": "2", "3": "3", "5": "5"}[.evaluationType | text // ""]),
      channel: (.fromType | channel_name),
      outcome: "delivered"
    }
  | if .sent_at == null then empty
    else event("echoloop.survey.invited.v1"; source; "invited-\($s.id)-\($s.staffInvitedEvaluateTime)"; .sent_at) end;

def rated:
  . as $s
  | rank as $score
  | (.userResolvedStatus | text // "") as $resolved
  | (.evaluationRemark | text) as $comment
  | ((.userJoinEvaluateTime | instant) // (.endTime | instant)) as $at
  | if $score == null then empty
    else
      {
        tenant: $tenant,
        session_id: session_number(.id),
        evaluation_id: "qiyu-\(.id)",
        submitted_at: ($at | rfc3339),
        customer_id: ((.foreignId | text) // (.userId | reference)),
        survey: "qiyu-csat",
        version: (.evaluationType | text),
        score: $score,
        resolved: ({"1": "yes", "2": "no"}[$resolved]),
        comment: $comment
      }
      | event("echoloop.evaluation.submitted.v1"; source;
              "rated-\($s.id)-\($at * 1000 | floor)-\($score.value)-\($resolved)-\($comment // "" | fingerprint)"; .submitted_at)
    end;

webhook
| .body
| if type != "object" then {skip: "not a Qiyu push"}
  elif session_number(.id) == null then
    {skip: (if (.sessionId | text) != null then "a message or a notice of a session, not its data" else "not the data of a session: it has no id" end)}
  elif (.endTime | instant) == null then {skip: "session without an end time"}
  else
    ((.interaction | text) == "1") as $robot
    | closed($robot), (if $robot then empty else invited, rated end)
  end
