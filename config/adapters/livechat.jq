# LiveChat (text.com) webhooks v3, and the chats that its Agent Chat API lists (list_archives, get_chat). A session is a thread: a chat goes on
# through many of them.
#
#   incoming_event, system message rating.chat_rated        evaluation.submitted, good 2 or bad 1 of 1..2
#   thread_properties_updated with rating.score 1 or 0      evaluation.submitted, 2 or 1 of 1..2, with the comment
#   rating.chat_rating_canceled; rating.score deleted       evaluation.withdrawn, customer
#   incoming_event, system message … archived …; chat_deactivated   session.closed
#   thread_tagged, thread_untagged                          tags.changed, by agent
#   a chat with its thread or threads, also in a list       session.closed with agents and tags, evaluation.submitted
#   anything else                                           skipped, with the reason
#
# Webhooks carry no time, apart from events within a chat. For thread_properties_updated and chat_deactivated it is the time of delivery that
# a proxy, or else echoloop, writes into X-Request-Start; bodies kept without it are skipped, and system messages tell of ratings and
# ends, without comments. In a listed thread the rating's time is that of its last system message about a
# rating, or else the thread's end.
# A rating taken back is out for good: the platform does not say which, so one given again after that does not count.
# Ratings of a single message (event_properties_updated) or of no thread (chat_properties_updated) are not ratings of a session.
#
# Facts: LiveChat's references of webhooks, system messages and data structures. Verified on stored payloads of webhooks; not against a live platform.
include "lib/event";

def source: "/livechat";
def session: text | if . == null then null else "livechat-" + . end;
def stamp: if . == null then null else rfc3339 end;

# 1 and 0, their text, or good and bad.
def score_value:
  if type == "object" then .value else . end
  | if . == 1 or . == "1" or . == "good" then 2 elif . == 0 or . == "0" or . == "bad" then 1 else null end;

def rated($thread; $value; $comment; $at; $customer):
  {
    tenant: $tenant,
    session_id: ($thread | session),
    evaluation_id: "livechat-rating-\($thread)",
    submitted_at: ($at | rfc3339),
    customer_id: $customer,
    survey: "livechat-rating",
    score: {value: $value, min: 1, max: 2},
    comment: $comment
  }
  | event("echoloop.evaluation.submitted.v1"; source; "rated-\($thread)-\($value)-\($comment // "" | fingerprint)"; .submitted_at);

def withdrawn($thread; $at):
  { tenant: $tenant, session_id: ($thread | session), evaluation_id: "livechat-rating-\($thread)", reason: "customer" }
  | event("echoloop.evaluation.withdrawn.v1"; source; "withdrawn-\($thread)"; $at | stamp);

# Who ended a thread, from the system message that says so; null for any other.
def ended_by:
  (text // "") as $kind
  | if $kind == "manual_archived_agent" then "agent"
    elif $kind == "manual_archived_customer" or $kind == "archived_customer_disconnected" then "customer"
    elif $kind == "system_archived" or ($kind | startswith("routing.archived_")) then "system"
    else null end;

# Agents are known by their e-mail address; of others in a chat webhooks do not tell customers and bots apart.
def agents_present:
  [(.additional_data | object | .chat_presence_user_ids | list)[] | text | select(. != null and contains("@")) | {id: ., kind: "human"}]
  | if length == 0 then null else . end;

# Two webhooks may tell of one end: $by_name keeps them apart, so that the later one, which knows the agent, is no duplicate.
def closed($by_name; $thread; $at; $by; $agents):
  { tenant: $tenant, session_id: ($thread | session), closed_at: ($at | rfc3339), channel: "web", closed_by: $by, agents: $agents }
  | event("echoloop.session.closed.v1"; source; "\($by_name)-\($thread)"; .closed_at);

def chat_event:
  agents_present as $agents
  | (.payload | object) as $p
  | ($p.thread_id | text) as $thread
  | ($p.event | object) as $e
  | ($e.system_message_type | text // "") as $kind
  | ($e.created_at | instant) as $at
  | ($kind | ended_by) as $by
  | if ($e.type | text) != "system_message" then {skip: "messages are not needed"}
    elif $by == null and ($kind | startswith("rating.") | not) then {skip: "system message \($kind) is not needed"}
    elif $thread == null then {skip: "system message without a thread"}
    elif $kind == "rating.chat_rating_canceled" then withdrawn($thread; $at)
    elif $at == null then {skip: "system message without a time"}
    elif $by != null then closed("archived"; $thread; $at; $by; $agents)
    elif $kind == "rating.chat_rated" then
      ($e.text_vars | object | .score | score_value) as $value
      | if $value == null then {skip: "rating is neither good nor bad"} else rated($thread; $value; null; $at; null) end
    else {skip: "comment without a score: it comes with thread_properties_updated"} end;

def properties_updated($received):
  (.payload | object) as $p
  | ($p.thread_id | text) as $thread
  | ($p.properties | object | .rating) as $rating
  | ($rating | object | .score | score_value) as $value
  | if $rating == null then {skip: "thread's properties without a rating"}
    elif $thread == null then {skip: "rating without a thread"}
    elif $value == null then {skip: "rating without a score of 0 or 1"}
    elif $received == null then {skip: "rating without a time: no X-Request-Start"}
    else rated($thread; $value; $rating.comment | if type == "object" then .value else . end | text; $received; null) end;

def deactivated($received):
  agents_present as $agents
  | (.payload | object) as $p
  | ($p.thread_id | text) as $thread
  | ($p.user_id | text) as $user
  | if $thread == null then {skip: "chat_deactivated without a thread"}
    elif $received == null then {skip: "end without a time: no X-Request-Start"}
    else
      closed("closed"; $thread; $received;
             if $user == null then "system" elif $user | contains("@") then "agent" else "customer" end;
             $agents // (if $user != null and ($user | contains("@")) then [{id: $user, kind: "human"}] else null end))
    end;

def tagged($received; $added):
  (.payload | object) as $p
  | ($p.thread_id | text) as $thread
  | ($p.tag | text) as $tag
  | if $thread == null or $tag == null then {skip: "tag without a thread or a name"}
    else
      { tenant: $tenant, session_id: ($thread | session), by: "agent" } + (if $added then {add: [$tag]} else {remove: [$tag]} end)
      | event("echoloop.tags.changed.v1"; source;
              (if $added then "tagged" else "untagged" end) + "-\($thread)-\($tag | fingerprint)"
              + (if $received == null then "" else "-\($received | floor)" end); $received | stamp)
    end;

# A thread as the API lists it, of a chat with $users.
def listed($chat; $users):
  . as $t
  | (.id | text) as $thread
  | [(.events | list)[] | object | . + {at: (.created_at | instant)} | select(.at != null)] as $events
  | ([$events[] | select(.system_message_type | ended_by)] | .[-1]) as $ended
  | ($ended.at // ($events | map(.at) | max)) as $at
  | (.created_at | instant) as $opened
  | [(.user_ids | list)[] | text] as $present
  | [$users[] | select((.type | text) == "agent") | .id | text | select(. != null)
     | select(. as $id | ($present | length) == 0 or any($present[]; . == $id))] as $agents
  | ([$events[] | select((.type | text) != "system_message") | select(.author_id as $id | any($agents[]; . == $id and contains("@"))) | .at]
     | min) as $replied
  | ([$users[] | select((.type | text) == "customer") | .id | text] | .[0]) as $customer
  | (.access | object | .group_ids | list | .[0] | text) as $group
  | (.properties | object | .rating | object) as $rating
  | ($rating.score | score_value) as $value
  | ([$events[] | select((.system_message_type | text // "") | startswith("rating.")) | .at] | max) as $rated_at
  | if $thread == null then {skip: "thread without an id"}
    elif .active == true then {skip: "thread \($thread) is still active"}
    elif $at == null then {skip: "thread \($thread) has no event, so no time of its end"}
    else
      ({
         tenant: $tenant,
         session_id: ($thread | session),
         closed_at: ($at | rfc3339),
         opened_at: ($opened | stamp),
         first_reply_ms: (if $opened != null and $replied != null and $replied >= $opened then $replied - $opened | seconds_to_ms else null end),
         customer_id: ($customer | session),
         channel: "web",
         closed_by: ($ended | object | .system_message_type | ended_by),
         agents: (if ($agents | length) == 0 then null
                  else [$agents[] | {id: ., group: $group, kind: (if contains("@") then "human" else "bot" end)}] end),
         agent_tags: ([(.tags | list)[] | text | select(. != null)] | if length == 0 then null else . end),
         previous_session: (.previous_thread_id | session)
       }
       | event("echoloop.session.closed.v1"; source; "listed-\($thread)"; .closed_at)),
      (if $value == null then empty
       else rated($thread; $value; $rating.comment | if type == "object" then .value else . end | text; $rated_at // $at; $customer | session) end)
    end;

def chat:
  . as $chat
  | [(.users | list)[] | object] as $users
  | [(if .thread | type == "object" then .thread else empty end), ((.threads | list)[] | object)]
  | if length == 0 then {skip: "chat without a thread"} else .[] | listed($chat; $users) end;

webhook
| received as $received
| .body
| if type != "object" then {skip: "not a LiveChat document"}
  elif .chats | type == "array" then .chats[] | object | chat
  elif has("thread") or has("threads") then chat
  else
    (.action | text // "") as $action
    | if $action == "incoming_event" then chat_event
      elif $action == "thread_properties_updated" then properties_updated($received)
      elif $action == "thread_properties_deleted" then
        (.payload | object) as $p
        | ($p.thread_id | text) as $thread
        | if any(($p.properties | object | .rating | list)[]; . == "score") | not then {skip: "no rating's score was deleted"}
          elif $thread == null then {skip: "rating without a thread"}
          else withdrawn($thread; $received) end
      elif $action == "chat_deactivated" then deactivated($received)
      elif $action == "thread_tagged" then tagged($received; true)
      elif $action == "thread_untagged" then tagged($received; false)
      elif $action == "event_properties_updated" or $action == "event_properties_deleted" then {skip: "a rating of one message is none of the session"}
      elif $action == "chat_properties_updated" or $action == "chat_properties_deleted" then {skip: "a chat's properties belong to no thread"}
      elif $action == "" then {skip: "not a LiveChat document"}
      else {skip: "\($action) is not needed"} end
  end
