# Freshdesk: satisfaction ratings and tickets as its API v2 gives them, and the webhook of an automation rule. One tenant is one account.
#
#   a satisfaction rating (also in a list)       evaluation.submitted, 1 to 7, with the feedback; further questions as answers
#   a ticket, resolved or closed (also in a list)   session.closed
#   {"freshdesk_webhook": …} of such a ticket    session.closed
#   anything else                                skipped, with the reason: open tickets, spam, deleted ones, values that are no rating
#
# Freshdesk's surveys have two to seven choices, and a rating does not say how many: each choice has one value whatever the survey, so the score is
# its rank among all seven: -103 → 1, -102 → 2, -101 → 3, 100 → 4, 101 → 5, 102 → 6, 103 → 7. The ends of any survey are 1 and 7.
# ratings may be an object by question, or a list of {question, value}; default_question, or else the first, is the score.
# A ticket is resolved at stats.resolved_at, or closed at stats.closed_at (include=stats); without them at its last change.
# A webhook has the times its author put there; without one it takes X-Request-Start, which a proxy, or else echoloop, writes; kept without it, it is skipped.
#
# Facts: Freshdesk's API v2 reference. Not verified against a live platform.
include "lib/event";

def source: "/freshdesk";
def prefixed: text | if . == null then null else "freshdesk-" + . end;
def stamp: if . == null then null else rfc3339 end;
def lower: (text // "") | ascii_downcase;

def rank: {"-103": 1, "-102": 2, "-101": 3, "100": 4, "101": 5, "102": 6, "103": 7}[number | if . == null then "" else tostring end];

def channel_name:
  lower as $name
  | {"1": "email", "2": "web", "3": "phone", "5": "twitter", "6": "facebook", "7": "chat", "9": "web", "10": "email", "portal": "web",
     "feedback widget": "web", "outbound email": "email"}[$name]
    // (if $name == "" or ($name | number) != null then null else $name end);

# Tags are a list, or text with commas in webhooks.
def tag_list: if type == "string" then split(",") else list end | map(text | select(. != null)) | if length == 0 then null else . end;

def is_over: lower | . == "4" or . == "5" or . == "resolved" or . == "closed";

# [{question, value}] from either form.
def questions:
  if type == "object" then to_entries | map({question: .key, value})
  else [list[] | object | {question: ((.question // .question_id) | text), value}] end
  | map(select(.question != null));

def satisfaction_rating:
  . as $r
  | (.ticket_id | text) as $ticket
  | ((.updated_at | instant) // (.created_at | instant)) as $at
  | (.ratings | questions) as $all
  | ([($all[] | select(.question == "default_question")), $all[]] | .[0]) as $main
  | ($main | object | .value | rank) as $value
  | (.feedback | text) as $feedback
  | if $ticket == null then {skip: "satisfaction rating without a ticket"}
    elif $at == null then {skip: "satisfaction rating of ticket \($ticket) without a time"}
    elif $value == null then {skip: "satisfaction rating of ticket \($ticket) has no value that Freshdesk knows"}
    else
      {
        tenant: $tenant,
        session_id: "freshdesk-\($ticket)",
        evaluation_id: "freshdesk-rating-\(.id | text // $ticket)",
        submitted_at: ($at | rfc3339),
        customer_id: (.user_id | prefixed),
        survey: "freshdesk-csat",
        version: (.survey_id | text),
        score: {value: $value, min: 1, max: 7},
        comment: $feedback,
        answers: ([$all[] | select(.question != $main.question)
                   | if .value == null then {question, skipped: true} else {question, value: (.value | rank)} | select(.value != null) end]
                  | if length == 0 then null else . end)
      }
      | event("echoloop.evaluation.submitted.v1"; source;
              "rated-\($r.id | text // $ticket)-\($value)-\($feedback // "" | fingerprint)-\($at | floor)"; .submitted_at)
    end;

def closed($id; $at; $more):
  (.created_at | instant) as $opened
  | {
      tenant: $tenant,
      session_id: "freshdesk-\($id)",
      closed_at: ($at | rfc3339),
      opened_at: ($opened | stamp)
    } + $more
  | event("echoloop.session.closed.v1"; source; "closed-\($id)-\($at | floor)"; .closed_at);

def ticket:
  . as $t
  | (.id | text) as $id
  | (.stats | object) as $stats
  | (.created_at | instant) as $opened
  | ($stats.first_responded_at | instant) as $replied
  | (($stats.resolved_at | instant) // ($stats.closed_at | instant) // (.updated_at | instant)) as $at
  | (.responder_id | text) as $agent
  | if $id == null then {skip: "ticket without an id"}
    elif .spam == true or .deleted == true then {skip: "ticket \($id) is spam or deleted"}
    elif .status | is_over | not then {skip: "ticket \($id) is not resolved"}
    elif $at == null then {skip: "ticket \($id) was resolved at no known time"}
    else
      closed($id; $at; {
        first_reply_ms: (if $opened != null and $replied != null and $replied >= $opened then $replied - $opened | seconds_to_ms else null end),
        customer_id: ((.requester | object | .unique_external_id | text) // (.requester_id | prefixed)),
        channel: (.source | channel_name),
        category: (.type | text),
        entity: (.product_id | text),
        agents: (if $agent == null then null else [{id: $agent, group: (.group_id | text), kind: "human"}] end),
        agent_tags: (.tags | tag_list)
      })
    end;

# The body of an automation rule's webhook, simple or as docs/adapters/freshdesk.md says.
def notice($received):
  . as $w
  | ((.ticket_id | text) // "" | split("-") | .[-1] | text) as $id
  | (((.ticket_resolved_at // .ticket_updated_at // .ticket_modified_on) | instant) // $received) as $at
  | (((.ticket_agent_id // .ticket_agent_email // .ticket_agent_name)) | text) as $agent
  | if $id == null then {skip: "webhook without a ticket"}
    elif .ticket_status | is_over | not then {skip: "ticket \($id) is not resolved"}
    elif $at == null then {skip: "ticket \($id) was resolved at no known time: no X-Request-Start"}
    else
      {created_at: (.ticket_created_at // .ticket_created_on)}
      | closed($id; $at; ($w | {
          customer_id: ((.ticket_contact_id // .ticket_requester_id) | prefixed),
          channel: (.ticket_source | channel_name),
          category: (.ticket_type | text),
          agents: (if $agent == null then null else [{id: $agent, group: (.ticket_group_name | text), kind: "human"}] end),
          agent_tags: (.ticket_tags | tag_list)
        }))
    end;

def document($received):
  if type != "object" then {skip: "not a Freshdesk document"}
  elif .freshdesk_webhook | type == "object" then .freshdesk_webhook | notice($received)
  elif .satisfaction_ratings | type == "array" then .satisfaction_ratings[] | object | satisfaction_rating
  elif .satisfaction_rating | type == "object" then .satisfaction_rating | satisfaction_rating
  elif has("ratings") then satisfaction_rating
  elif has("ticket_id") and has("ticket_status") then notice($received)
  elif has("id") and has("status") then ticket
  else {skip: "not a Freshdesk document"} end;

webhook
| received as $received
| .body
| if type == "array" then (if length == 0 then {skip: "empty list"} else .[] | document($received) end)
  else document($received) end
