# Zendesk Support: what its triggers and event subscriptions send, and what its API exports. One tenant is one Zendesk account.
#
#   zen:event-type:ticket.status_changed to SOLVED              session.closed
#   {"ticket": …} with status solved or closed, also in a list  session.closed
#   the ticket's satisfaction_rating, or a satisfaction rating of its own (also in a list):
#     good, bad (whatever follows)                              evaluation.submitted, 2 or 1 of 1..2, with comment; the reason as a tag
#     offered                                                   survey.invited, delivered
#     unoffered                                                 nothing
#   {"survey_response": …}, the newer CSAT                      evaluation.submitted on its question's own scale
#   anything else                                               skipped, with the reason
#
# A session is a ticket. It ends when it is solved: closing it some days later by automation is no end of its own. The API names no time of solving
# unless metric sets are sideloaded (include=metric_sets); without them it is the ticket's last change. A webhook about a rating
# does not close the ticket: its last change is the rating.
# A ticket's rating has no time either: it is the ticket's last change, and a second document with the same rating is a duplicate.
# A rating of its own has one, so each change of it is an event; the one submitted last stands.
#
# Facts: Zendesk's API reference (tickets, ticket events, satisfaction ratings, survey responses, webhook signatures) and its placeholders.
# Verified on stored answers of the API (tickets, ratings); webhooks and survey responses are not verified against a live platform.
include "lib/event";

def source: "/zendesk";
def lower: (text // "") | ascii_downcase;
def prefixed: text | if . == null then null else "zendesk-" + . end;

# Placeholders like {{ticket.updated_at_with_timestamp}} have no seconds: "2026-03-03T10:44Z".
def moment: if type == "string" and test("T[0-9]{2}:[0-9]{2}Z$") then .[0:-1] + ":00Z" else . end | instant;
def stamp: if . == null then null else rfc3339 end;

def score_value: lower | if startswith("good") then 2 elif startswith("bad") then 1 else null end;

def channel_name:
  lower as $name
  | {"native_messaging": "web", "chat": "web", "chat_transcript": "web", "web form": "web", "mobile_sdk": "app", "mobile": "app", "mail": "email",
     "voice": "phone", "any_channel": null, "sample_ticket": null, "": null}
  | if has($name) then .[$name] else $name end;

def tag_list: if type == "string" then split(" ") else list end | map(text | select(. != null)) | if length == 0 then null else . end;

# The reason that a customer chose for a bad rating; 0 is "none given".
def reason_tags:
  (.reason | text) as $reason
  | if $reason == null or (.reason_code | number) == 0 or ($reason | ascii_downcase) == "no reason provided" then null else [$reason] end;

# Input: the rating (score, comment, …) of ticket $ticket, given at $at; $own: the time is the rating's, not the ticket's.
def rating($ticket; $at; $own; $customer):
  .score as $score
  | ($score | score_value) as $value
  | (.comment | text) as $comment
  | if $value == null and ($score | lower) != "offered" then
      {skip: "satisfaction of ticket \($ticket) is \($score | lower | if . == "" then "empty" elif . == "unoffered" then . else "no score" end)"}
    elif $at == null then {skip: "satisfaction of ticket \($ticket) without a time"}
    elif $value == null then
      { tenant: $tenant, session_id: "zendesk-\($ticket)", survey: "zendesk-csat", sent_at: ($at | rfc3339), outcome: "delivered" }
      | event("echoloop.survey.invited.v1"; source; "invited-\($ticket)" + (if $own then "-\($at | floor)" else "" end); .sent_at)
    else
      {
        tenant: $tenant,
        session_id: "zendesk-\($ticket)",
        evaluation_id: "zendesk-ticket-\($ticket)",
        submitted_at: ($at | rfc3339),
        customer_id: $customer,
        survey: "zendesk-csat",
        score: {value: $value, min: 1, max: 2},
        tags: reason_tags,
        comment: $comment
      }
      | event("echoloop.evaluation.submitted.v1"; source;
              "rated-\($ticket)-\($value)-\($comment // "" | fingerprint)" + (if $own then "-\($at | floor)" else "" end); .submitted_at)
    end;

# A rating of its own: GET /api/v2/satisfaction_ratings.
def satisfaction_rating:
  (.ticket_id | text) as $ticket
  | (.created_at | moment) as $created
  | if $ticket == null then {skip: "satisfaction rating without a ticket"}
    else
      (if .score | score_value then (.updated_at | moment) // $created else $created end) as $at
      | rating($ticket; $at; true; .requester_id | prefixed)
    end;

# $metrics: the ticket's metric set, or {}. $at: when it was solved.
def closed($metrics; $at):
  . as $t
  | ($metrics.reply_time_in_minutes | object | .calendar | number) as $reply
  | ((.assignee_id // (.assignee | object | .id)) | text) as $agent
  | (.via | object) as $via
  | ($via.source | object) as $origin
  | ((if ($origin.rel | text) == "follow_up" then $origin.from | object | .ticket_id else null end) // .followup_source_id) as $previous
  | {
      tenant: $tenant,
      session_id: (.id | prefixed),
      closed_at: ($at | rfc3339),
      opened_at: (.created_at | moment | stamp),
      first_reply_ms: (if $reply == null or $reply < 0 then null else $reply * 60 | seconds_to_ms end),
      customer_id: ((.requester | object | .external_id | text) // ((.requester_id // (.requester | object | .id)) | prefixed)),
      channel: (($via.channel // (.via | text)) | channel_name),
      category: (.category | text),
      entity: ((.brand | object | .name | text) // (.brand_id | text)),
      agents: (if $agent == null then null
               else [{
                 id: $agent,
                 group: ((.group | object | .name | text) // (.group_id | text)),
                 kind: (if (.support_type | lower) == "ai_agent" then "bot" else "human" end)
               }] end),
      agent_tags: (.tags | tag_list),
      previous_session: ($previous | prefixed)
    }
  | event("echoloop.session.closed.v1"; source; "closed-\($t.id | text)-\($at | floor)"; .closed_at);

# $live: a webhook, whose last change is what it reports. $delivered: when Zendesk signed it.
def ticket($metrics; $live; $delivered):
  (.id | text) as $id
  | (.satisfaction_rating | object) as $rating
  | ($rating.score | score_value) as $value
  | (.status | lower) as $status
  | ((.updated_at | moment) // $delivered) as $changed
  | (($metrics.solved_at | moment) // (.solved_at | moment)
     // (if $live and ($value != null or ($rating.score | lower) == "offered") then null else $changed end)) as $solved
  | if $id == null then {skip: "ticket without an id"}
    else
      [ (if ($status == "solved" or $status == "closed") and $solved != null then closed($metrics; $solved) else empty end),
        (if $value != null or ($rating.score | lower) == "offered" then
           (($rating.updated_at // $rating.created_at) | moment) as $own
           | .requester_id as $requester
           | $rating | rating($id; $own // $changed; $own != null; $requester | prefixed)
         else empty end) ]
      | if length > 0 then .[]
        elif $status == "solved" or $status == "closed" then {skip: "ticket \($id) is \($status) at no known time"}
        else {skip: "ticket \($id) is \(if $status == "" then "of no status" else $status end), not solved, and not rated"} end
    end;

# The newer CSAT: GET /api/v2/guide/survey_responses/{id}.
def survey_response:
  . as $r
  | ([(.subjects | list)[] | object | select((.type | lower) == "ticket" or ((.zrn | text) // "" | startswith("zen:ticket:")))
      | (.id | text) // (.zrn | text | ltrimstr("zen:ticket:"))] | .[0]) as $ticket
  | [(.answers | list)[] | object] as $answers
  | ([$answers[] | select((.type | lower) == "rating_scale")] | .[0]) as $rated
  | ($rated | object | .rating | number) as $value
  | ([$rated | object | .question | object | .options | list | .[] | object | .rating | number | select(. != null)] | sort) as $scale
  | ([$answers[] | select((.type | lower) == "open_ended") | .value | text | select(. != null)] | .[0]) as $comment
  | ([$answers[] | (.updated_at // .created_at) | moment | select(. != null)] | max) as $at
  | ($rated | object | .rating_category | lower) as $category
  | (if $value != null and ($scale | length) > 1 and $value >= $scale[0] and $value <= $scale[-1] then {value: $value, min: $scale[0], max: $scale[-1]}
     elif $category == "good" then {value: 2, min: 1, max: 2}
     elif $category == "bad" then {value: 1, min: 1, max: 2}
     else null end) as $score
  | if $ticket == null then {skip: "survey response without a ticket"}
    elif $at == null then {skip: "survey response without a time"}
    elif $score == null and $comment == null then {skip: "survey response without a score on a known scale"}
    else
      {
        tenant: $tenant,
        session_id: "zendesk-\($ticket)",
        evaluation_id: "zendesk-response-\(.id | text // $ticket)",
        submitted_at: ($at | rfc3339),
        customer_id: (.responder_id | prefixed),
        survey: "zendesk-csat",
        version: ((.survey_version // (.survey | object | .version)) | text),
        score: $score,
        comment: $comment
      }
      | event("echoloop.evaluation.submitted.v1"; source; "response-\($r.id | text // $ticket)-\($at | floor)"; .submitted_at)
    end;

def status_changed:
  . as $e
  | (.event | object | .current | lower) as $now
  | (.event | object | .previous | lower) as $before
  | (.detail | object) as $detail
  | if $now == "closed" and $before == "solved" then {skip: "closing a solved ticket is no end of its own"}
    elif $now != "solved" and $now != "closed" then {skip: "ticket is \($now), not solved"}
    elif (.time | moment) == null then {skip: "status change without a time"}
    else
      $detail + {id: ($detail.id // (($e.subject | text) // "" | ltrimstr("zen:ticket:"))), status: $now, updated_at: $e.time, satisfaction_rating: null}
      | ticket({}; true; null)
    end;

webhook
| ((.headers | object | length) > 0) as $live
| (header("x-zendesk-webhook-signature-timestamp") | moment) as $delivered
| .body
| if type != "object" then {skip: "not a Zendesk document"}
  elif (.type | text // "") | startswith("zen:event-type:") then
    if .type == "zen:event-type:ticket.status_changed" then status_changed else {skip: "\(.type) is not needed"} end
  elif .satisfaction_ratings | type == "array" then .satisfaction_ratings[] | object | satisfaction_rating
  elif .satisfaction_rating | type == "object" and has("ticket_id") then .satisfaction_rating | satisfaction_rating
  elif .survey_responses | type == "array" then .survey_responses[] | object | survey_response
  elif .survey_response | type == "object" then .survey_response | survey_response
  elif .tickets | type == "array" then
    ([(.metric_sets | list)[] | object | {key: (.ticket_id | text // ""), value: .}] | from_entries) as $sets
    | .tickets[] | object | ((.metric_set | object) + ($sets[.id | text // ""] | object)) as $metrics | ticket($metrics; $live; $delivered)
  elif .ticket | type == "object" then
    .satisfaction_rating as $beside
    | .ticket | (if .satisfaction_rating == null then .satisfaction_rating = $beside else . end)
    | (.metric_set | object) as $metrics | ticket($metrics; $live; $delivered)
  elif has("score") and has("ticket_id") then satisfaction_rating
  elif has("answers") and has("subjects") then survey_response
  elif has("id") and has("status") or (.satisfaction_rating | type == "object" and (has("ticket_id") | not)) then
    .id = (.id // .ticket_id) | (.metric_set | object) as $metrics | ticket($metrics; $live; $delivered)
  else {skip: "not a Zendesk document"} end
