# Rocket.Chat Omnichannel: its webhooks, and the survey that a visitor fills in. One tenant is one workspace.
#
#   LivechatSession (a chat was closed)          session.closed
#   LivechatEdit (its data changed after that)   tags.changed, by agent
#   {"rid": …, "data": [{"name", "value"}, …]}   evaluation.submitted, 1 to 5: the body of POST livechat/room.survey, with a time as "ts";
#   also "survey" or "surveyFeedback", of a chat the first rated question ("satisfaction" where there is one) is the score, the others are
#                                                answers, additionalFeedback is the comment
#   anything else                                skipped, with the reason: start, queue, forwarding, messages, and what Send Test sends
#
# Older versions do not send closedAt: the last message's time is the time of closing then. A survey without a time takes that of delivery where
# a proxy, or else echoloop, writes X-Request-Start, or the chat's end where it came with the chat; otherwise it is skipped.
# Values other than 1 to 5 are no ratings; an empty one is a question passed over.
#
# Facts: Rocket.Chat's documentation and source (hooks/sendToCRM, livechat/room.survey). No webhook of the platform sends a survey.
# LivechatSession verified on a stored payload without closedAt; nothing against a live platform.
include "lib/event";

def source: "/rocketchat";
def prefixed: text | if . == null then null else "rocketchat-" + . end;
def stamp: if . == null then null else rfc3339 end;

def last_message: [(.messages | list)[] | object | .ts | instant | select(. != null)] | max;

def closing_time: (.closedAt | instant) // (.lastMessageAt | instant) // last_message;

def channel_name: (text // "") as $name | {"widget": "web", "": null} | if has($name) then .[$name] else $name end;

def stars: number | if . == null or . < 1 or . > 5 or . != floor then null else . end;

def closed($at):
  . as $c
  | (.createdAt | instant) as $opened
  | (.servedBy | object) as $server
  | ($server.ts | instant) as $taken
  | ([(.messages | list)[] | object | select((.agentId | text) != null and .closingMessage != true) | .ts | instant | select(. != null)] | min) as $replied
  | (($server._id // (.agent | object | ._id)) | text) as $agent
  | {
      tenant: $tenant,
      session_id: (._id | prefixed),
      closed_at: ($at | rfc3339),
      opened_at: ($opened | stamp),
      queued_ms: (if $opened != null and $taken != null and $taken >= $opened then $taken - $opened | seconds_to_ms else null end),
      first_reply_ms: (if $opened != null and $replied != null and $replied >= $opened then $replied - $opened | seconds_to_ms else null end),
      customer_id: (.visitor | object | ._id | prefixed),
      channel: (.source | object | .type | channel_name),
      closed_by: {"user": "agent", "visitor": "customer"}[.closer | text // ""],
      category: (.customFields | object | .category | text),
      agents: (if $agent == null then null
               else [{
                 id: $agent,
                 group: (.departmentId | text),
                 kind: "human",
                 from: (if $taken != null and $taken <= $at then $taken | rfc3339 else null end)
               }] end),
      agent_tags: ([(.tags | list)[] | text | select(. != null)] | if length == 0 then null else . end)
    }
  | event("echoloop.session.closed.v1"; source; "closed-\($c._id | text)-\($at | floor)"; .closed_at);

# Input: the chat or the survey's body. $questions: [{name, value}].
def evaluation($room; $questions; $at):
  (.visitor | object | ._id | prefixed) as $customer
  | [$questions[] | object | {name: (.name | text), value} | select(.name != null)] as $all
  | ([$all[] | select(.name == "additionalFeedback") | .value | text | select(. != null)] | .[0]) as $comment
  | [$all[] | select(.name != "additionalFeedback")] as $asked
  | ([($asked[] | select(.name == "satisfaction")), $asked[]] | map(select(.value | stars)) | .[0]) as $main
  | [$asked[] | select(.name != $main.name)
     | if (.value | stars) then {question: .name, value: (.value | stars)}
       elif (.value | text) == null then {question: .name, skipped: true}
       elif (.value | number) != null then empty
       else {question: .name, value: (.value | text)} end] as $others
  | if $main == null and $comment == null then {skip: "survey without a rating of 1 to 5 or a comment"}
    elif $at == null then {skip: "survey without a time: neither ts nor X-Request-Start"}
    else
      {
        tenant: $tenant,
        session_id: "rocketchat-\($room)",
        evaluation_id: "rocketchat-survey-\($room)",
        submitted_at: ($at | rfc3339),
        customer_id: $customer,
        survey: "rocketchat-survey",
        score: (if $main == null then null else {value: ($main.value | stars), min: 1, max: 5} end),
        comment: $comment,
        answers: (if ($others | length) == 0 then null else $others end)
      }
      | event("echoloop.evaluation.submitted.v1"; source; "rated-\($room)-\($all | tojson | fingerprint)"; .submitted_at)
    end;

# The survey within a document: a list of questions, or an object of values by name. null when there is none.
def questions:
  [.data, .survey, .surveyFeedback]
  | map(if type == "array" then map(object) elif type == "object" then to_entries | map({name: .key, value}) else null end)
  | map(select(. != null and length > 0)) | .[0];

webhook
| received as $received
| .body
| if type != "object" then {skip: "not a Rocket.Chat document"}
  else
    (.type | text // "") as $type
    | questions as $questions
    | ((.rid // ._id) | text) as $room
    | ((.ts // .submittedAt) | instant) as $own
    | if $type == "LivechatSession" then
        closing_time as $at
        | if ._id == "fasd6f5a4sd6f8a4sdf" then {skip: "sample of Send Test"}
          elif $room == null then {skip: "chat without an id"}
          elif $at == null then {skip: "chat \($room) was closed at no known time"}
          else closed($at), (if $questions == null then empty else evaluation($room; $questions; $own // $at) end) end
      elif $type == "LivechatEdit" then
        [(.tags | list)[] | text | select(. != null)] as $tags
        | if $room == null or ($tags | length) == 0 then {skip: "edited chat without tags"}
          else
            {tenant: $tenant, session_id: "rocketchat-\($room)", by: "agent", add: $tags}
            | event("echoloop.tags.changed.v1"; source; "tags-\($room)-\($tags | tojson | fingerprint)"; $received | stamp)
          end
      elif $type != "" then {skip: "\($type) is not needed"}
      elif $questions == null then {skip: "not a Rocket.Chat document"}
      elif $room == null then {skip: "survey without a room"}
      else evaluation($room; $questions; $own // $received // (.closedAt | instant)) end
  end
