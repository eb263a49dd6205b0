# Intercom: webhooks about conversations (notification_event), and conversations as its API gives them. One tenant is one workspace.
#
#   a conversation that is closed (topics conversation.admin.closed and conversation.rating.added, or from the API)   session.closed
#   conversation_rating.rating 1 to 5           evaluation.submitted, 1 to 5, with the remark
#   conversation_rating requested, no rating    survey.invited, delivered
#   anything else                               skipped, with the reason: open and snoozed conversations, other topics, ping
#
# The time of closing is statistics.last_close_at, or that of the last part "close"; failing both, the time of a notice that says closed.
# conversation_rating.created_at is documented as the time of the request. The rating's own time is its updated_at (newer versions of the API), or that
# of the notice conversation.rating.added; a conversation from an older API has neither, and the time of the request stands in, or else
# that of the conversation's last change.
# A rating changed later, or given a remark, is another event with the same evaluation id.
# What only the bot (Fin) handled is a session with a bot as its handler. ai_agent.rating is Fin's own survey and is not read.
#
# Facts: Intercom's API reference (conversations, webhook topics). The conversation verified on a stored answer of API 2.11 without a rating;
# notices and ratings are not verified against a live platform.
include "lib/event";

def source: "/intercom";
def prefixed: text | if . == null then null else "intercom-" + . end;
def stamp: if . == null then null else rfc3339 end;

def channel_name:
  (text // "") as $name
  | {"conversation": "web", "push": "app", "phone_call": "phone", "phone_switch": "phone", "": null}
  | if has($name) then .[$name] else $name end;

def parts: [(.conversation_parts | object | .conversation_parts | list)[] | object];

def last_close: [parts[] | select((.part_type | text) == "close") | . + {at: (.created_at | instant)} | select(.at != null)] | max_by(.at);

def role: {"admin": "agent", "team": "agent", "user": "customer", "contact": "customer", "lead": "customer", "bot": "system"}[text // ""];

# Handlers: the one assigned last comes last. A bot where no human took part.
def handlers:
  (.team_assignee_id | text | if . == "0" then null else . end) as $team
  | ((.admin_assignee_id | text) // (.assignee | object | if (.type | text) == "admin" then .id | text else null end)
     | if . == "0" then null else . end) as $assigned
  | ([(.teammates | object | (.admins // .teammates) | list)[] | object | .id | text | select(. != null and . != $assigned)]
     + [$assigned | select(. != null)]) as $humans
  | [parts[] | .author | object | select((.type | text) == "bot") | .id | text | select(. != null)] as $bots
  | if ($humans | length) > 0 then [$humans[] | {id: ., group: $team, kind: "human"}]
    elif .ai_agent_participated == true or ($bots | length) > 0 then [{id: ($bots[0] // "fin"), group: $team, kind: "bot"}]
    else null end;

def closed($at):
  . as $c
  | (.statistics | object) as $s
  | (.contacts | object | .contacts | list | .[0] | object) as $contact
  | {
      tenant: $tenant,
      session_id: (.id | prefixed),
      closed_at: ($at | rfc3339),
      opened_at: (.created_at | instant | stamp),
      queued_ms: ($s.time_to_assignment | seconds_to_ms),
      first_reply_ms: ($s.time_to_admin_reply | seconds_to_ms),
      handle_ms: ($s.handling_time | seconds_to_ms),
      customer_id: (($contact.external_id | text) // ($contact.id | prefixed)),
      channel: (.source | object | .type | channel_name),
      closed_by: (last_close | object | .author | object | .type | role),
      category: (.custom_attributes | object | (.category // .Category) | text),
      agents: handlers,
      links: ([(.linked_objects | object | .data | list)[] | object | .id | text | select(. != null)] | if length == 0 then null else . end),
      agent_tags: ([(.tags | object | .tags | list)[] | object | .name | text | select(. != null)] | if length == 0 then null else . end)
    }
  | event("echoloop.session.closed.v1"; source; "closed-\($c.id | text)-\($at | floor)"; .closed_at);

def rated($value; $at):
  . as $c
  | .conversation_rating as $r
  | ($r.remark | text) as $remark
  | (.contacts | object | .contacts | list | .[0] | object) as $first
  | ($r.contact | object) as $contact
  | {
      tenant: $tenant,
      session_id: (.id | prefixed),
      evaluation_id: "intercom-rating-\(.id | text)",
      submitted_at: ($at | rfc3339),
      customer_id: (($contact.external_id | text)
                    // (if $contact.id == null or $contact.id == $first.id then $first.external_id | text else null end)
                    // (($contact.id // $first.id) | prefixed)),
      survey: "intercom-csat",
      score: {value: $value, min: 1, max: 5},
      comment: $remark
    }
  | event("echoloop.evaluation.submitted.v1"; source;
          "rated-\($c.id | text)-\($value)-\($remark // "" | fingerprint)-\($r.updated_at // $r.created_at | instant // 0 | floor)"; .submitted_at);

def invited($at):
  { tenant: $tenant, session_id: (.id | prefixed), survey: "intercom-csat", sent_at: ($at | rfc3339), outcome: "delivered",
    channel: (.source | object | .type | channel_name) }
  | event("echoloop.survey.invited.v1"; source; "invited-\(.session_id | ltrimstr("intercom-"))-\($at | floor)"; .sent_at);

# $topic: "" for a conversation from the API. $noticed: when the notice was made.
def conversation($topic; $noticed):
  (.id | text) as $id
  | ((.state | text) // (if .open == false then "closed" else "" end)) as $state
  | ((.statistics | object | .last_close_at | instant) // (last_close | object | .at)
     // (if $topic == "conversation.admin.closed" then $noticed // (.updated_at | instant)
         elif $topic == "" then .updated_at | instant
         else null end)) as $closed
  | (.conversation_rating | object) as $r
  | ($r.rating | number) as $value
  | ($r.created_at | instant) as $asked
  | (($r.updated_at | instant) // (if $topic == "conversation.rating.added" then $noticed else null end) // $asked
     // (.updated_at | instant)) as $given
  | if $id == null then {skip: "conversation without an id"}
    else
      [ (if $state == "closed" and $closed != null then closed($closed) else empty end),
        (if $value == null then
           if $asked != null then invited($asked) else empty end
         elif $value < 1 or $value > 5 then {skip: "rating of conversation \($id) is not one of 1 to 5"}
         elif $given == null then {skip: "rating of conversation \($id) without a time"}
         else rated($value; $given) end) ]
      | if length > 0 then .[]
        elif $state == "closed" then {skip: "conversation \($id) was closed at no known time"}
        else {skip: "conversation \($id) is \(if $state == "" then "of no state" else $state end), not closed, and not rated"} end
    end;

webhook
| .body
| if type != "object" then {skip: "not an Intercom document"}
  elif (.type | text) == "notification_event" then
    (.topic | text // "") as $topic
    | if $topic != "conversation.admin.closed" and $topic != "conversation.rating.added" then {skip: "\($topic) is not needed"}
      else ((.created_at | instant) // (.first_sent_at | instant)) as $noticed | .data | object | .item | object | conversation($topic; $noticed) end
  elif .conversations | type == "array" then .conversations[] | object | conversation(""; null)
  elif (.type | text) == "conversation" or (has("id") and has("conversation_rating")) then conversation(""; null)
  else {skip: "not an Intercom document"} end
