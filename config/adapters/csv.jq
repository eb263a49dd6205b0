# Any spreadsheet, saved as CSV with columns named like echoloop's own fields: one row per session, with the customer's evaluation if there is one.
# Columns may stand in any order and be left out; others are ignored; case and spaces in a header do not matter ("Session ID" is session_id).
#
#   session_id                 as it is; the only column that is always needed. A row also needs closed_at, invited_at or a dated evaluation
#   closed_at, opened_at, customer_id, channel, category, entity, queued_ms, first_reply_ms, handle_ms, closed_by, transfers, work_orders,
#   agent_resolution, agent_tags, previous_session, agent, agent_kind (human, bot), group, department
#                              session.closed, when closed_at is filled
#   invited_at, outcome        survey.invited, when invited_at is filled
#   evaluation_id, submitted_at, survey, version, score, score_min, score_max, resolved, tags, comment, wants_contact, language
#                              evaluation.submitted, when score, resolved, tags, comment or wants_contact is filled. submitted_at empty means: when the
#                              session closed. evaluation_id empty means: the session's only evaluation in this survey. survey empty: "csv"
#   utc_offset                 the zone of the row's times that name none ("+08:00"); empty: UTC
#
# Times: 2026-03-03T10:44:15+08:00, 2026-03-03 10:44:15, 2026-03-03 10:44, 2026/3/3 10:44, a day alone (its start), seconds or milliseconds since 1970.
# Lists (tags, agent_tags) are separated by ; or the same in full width. yes, y, true, 1, 是, 已解决 are yes; no, n, false, 0, 否, 未解决 are no.
# A score of "-", "n/a", "none", "null", 未评价 or 无 was not given. Any other text as a score is passed on, so that the row is refused with its place and
# nobody's rating is lost in silence.
#
# A row imported twice counts once. A row whose evaluation was changed is another event, and the evaluation submitted last stands: date a correction later.
# A session is known by its id and closed_at: of two rows with both alike the first stands.
include "lib/event";

def source: "/csv";

def two: "0" + . | .[-2:];

# RFC 3339 from what people write as a time; null from anything else. Regular expressions are slow in jq 1.6: the usual forms meet none.
def when($zone):
  if type == "number" then time
  else
    (text // "") as $t
    | if $t == "" or ($t | startswith("0000")) then null
      elif $t[4:5] == "-" and $t[7:8] == "-" and $t[13:14] == ":" then
        ($t[0:10] + "T" + $t[11:]) as $t
        | if $t | length == 16 then $t + ":00" + $zone
          elif $t | length == 19 then $t + $zone
          elif ($t | length == 25) and ($t[19:20] == "+" or $t[19:20] == "-") and $t[22:23] == ":" then $t
          elif ($t | length == 20) and $t[19:20] == "Z" then $t
          else $t | time end
      else
        ($t | first_of(capture("^(?<y>[0-9]{4})[-/](?<m>[0-9]{1,2})[-/](?<d>[0-9]{1,2})([T ]+(?<h>[0-9]{1,2}):(?<min>[0-9]{2})(:(?<s>[0-9]{2}))?)?$"))) as $p
        | if $p == null then $t | time
          else "\($p.y)-\($p.m | two)-\($p.d | two)T\($p.h // "0" | two):\($p.min // "00"):\($p.s // "00")\($zone)" end
      end
  end;

def words: text // "" | split("；") | join(";") | split(";") | map(text | select(. != null)) | if length == 0 then null else . end;

def whole: number | if . != null and . >= 0 and . == floor and . <= 1000000000000 then . else null end;

def choice($allowed): text // "" | ascii_downcase | . as $word | if $word | among($allowed) then $word else null end;

# true and false from what people write; null from anything else.
def flag:
  (if type == "boolean" then tostring else text // "" end | ascii_downcase) as $word
  | if $word | among(["yes", "y", "true", "1", "是", "已解决", "resolved"]) then true
    elif $word | among(["no", "n", "false", "0", "否", "未解决", "unresolved"]) then false
    else null end;

def given_score:
  (number // text) as $score
  | if ($score | type) == "string" and ($score | ascii_downcase | among(["-", "--", "n/a", "na", "none", "null", "未评价", "无"])) then null else $score end;

def closed($row; $session; $closed; $zone):
  ($row.agent | text) as $agent
  | {
      tenant: $tenant,
      session_id: $session,
      closed_at: $closed,
      opened_at: ($row.opened_at | when($zone)),
      queued_ms: ($row.queued_ms | whole),
      first_reply_ms: ($row.first_reply_ms | whole),
      handle_ms: ($row.handle_ms | whole),
      customer_id: ($row.customer_id | text),
      channel: ($row.channel | text),
      closed_by: ($row.closed_by | choice(["customer", "agent", "system"])),
      category: ($row.category | text),
      entity: ($row.entity | text),
      agents: (if $agent == null then null
               else [{
                 id: $agent,
                 group: ($row.group | text),
                 department: ($row.department | text),
                 kind: ($row.agent_kind | choice(["human", "bot"]) // "human")
               }] end),
      transfers: ($row.transfers | whole | if . != null and . > 1000000000 then null else . end),
      work_orders: ($row.work_orders | whole | if . != null and . > 1000000000 then null else . end),
      agent_resolution: ($row.agent_resolution | flag | if . == null then null elif . then "resolved" else "unresolved" end),
      agent_tags: ($row.agent_tags | words),
      previous_session: ($row.previous_session | text)
    }
  | event("echoloop.session.closed.v1"; source; "closed-\($session)-\($closed)"; $closed);

def invited($row; $session; $survey; $invited):
  {
    tenant: $tenant,
    session_id: $session,
    survey: $survey,
    sent_at: $invited,
    version: ($row.version | text),
    channel: ($row.channel | text),
    outcome: ($row.outcome | choice(["delivered", "refused", "no_answer", "failed"]) // "delivered")
  }
  | event("echoloop.survey.invited.v1"; source; "invited-\($session)-\($survey)-\($invited)-\(.outcome)"; $invited);

def rated($row; $session; $survey; $closed; $zone):
  (($row.submitted_at | when($zone)) // (if ($row.submitted_at | text) == null then $closed else null end)) as $at
  | ($row.score | given_score) as $score
  | ($row.resolved | flag) as $resolved
  | {
      tenant: $tenant,
      session_id: $session,
      evaluation_id: (($row.evaluation_id | text) // $survey),
      submitted_at: $at,
      customer_id: ($row.customer_id | text),
      survey: $survey,
      version: ($row.version | text),
      score: (if $score == null then null else {value: $score, min: ($row.score_min | number), max: ($row.score_max | number)} end),
      resolved: (if $resolved == null then null elif $resolved then "yes" else "no" end),
      tags: ($row.tags | words),
      comment: ($row.comment | text),
      language: ($row.language | text),
      wants_contact: ($row.wants_contact | flag)
    }
  | if .score == null and .resolved == null and .tags == null and .comment == null and .wants_contact == null then empty
    elif .submitted_at == null then {skip: "evaluation without a time: submitted_at or closed_at"}
    else
      event("echoloop.evaluation.submitted.v1"; source;
            "rated-\($session)-\(.evaluation_id)-\($at)-\($score)-\([.resolved, .wants_contact, .tags, .comment] | tojson | fingerprint)"; $at)
    end;

webhook
| .body
| if type != "object" then {skip: "not a row"}
  else
    (if keys_unsorted | add // "" | test("[A-Z ]") then with_entries(.key |= (ascii_downcase | text // "" | split(" ") | join("_"))) else . end)
    | . as $row
    | (.session_id | text) as $session
    | (.utc_offset | text // "" | if length == 6 and (startswith("+") or startswith("-")) and .[3:4] == ":" then . else "Z" end) as $zone
    | (.closed_at | when($zone)) as $closed
    | (.invited_at | when($zone)) as $invited
    | (.survey | text // "csv") as $survey
    | if $session == null then {skip: "row without a session_id"}
      else
        [ (if $closed != null then closed($row; $session; $closed; $zone)
           elif (.closed_at | text) != null then {skip: "closed_at is no time that can be read"}
           else empty end),
          (if $invited != null then invited($row; $session; $survey; $invited) else empty end),
          rated($row; $session; $survey; $closed; $zone) ]
        | if length == 0 then {skip: "row without closed_at, invited_at or an evaluation"} else .[] end
      end
  end
