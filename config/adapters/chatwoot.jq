# Chatwoot webhooks. One tenant is one Chatwoot account: conversation numbers are unique only within it.
#
#   conversation_resolved, conversation_status_changed to "resolved"   session.closed
#   message_created of a satisfaction survey, not answered yet          survey.invited, delivered
#   message_created, message_updated with the customer's rating         evaluation.submitted, 1 to 5 with the comment
#   anything else                                                       skipped, with the reason
#
# Chatwoot may deliver both events of one closing (the first is deprecated), and deliver again: ids come from what happened, so a repetition counts
# once. A rating that the customer changes or comments later has another id; the one submitted last stands.
# The survey's message says when it was sent, not when it was answered, so the time of delivery (X-Chatwoot-Timestamp, or what the
# conversation says of its last change) is the time of the rating.
#
# Written from Chatwoot's documentation and its issue tracker; not verified against a live platform.
include "lib/event";

def source:
  (.account | object | .id) // (.messages | list | .[0] | object | .account_id)
  | "/chatwoot/\(text // "")";

# Conversations are numbered per account, like tickets of other platforms: the prefix keeps them apart within a tenant.
def session_number: (.display_id // .id) | text | if . == null then null else "chatwoot-" + . end;

def customer: (.identifier | text) // ((.id | text) | if . == null then null else "chatwoot-" + . end);

def channel_name:
  (text // "") as $name
  | {"Channel::WebWidget": "web", "Channel::Api": "api", "Channel::Email": "email", "Channel::Whatsapp": "whatsapp",
     "Channel::TwilioSms": "sms", "Channel::Sms": "sms", "Channel::FacebookPage": "facebook", "Channel::Instagram": "instagram",
     "Channel::TwitterProfile": "twitter", "Channel::Telegram": "telegram", "Channel::Line": "line", "Channel::Voice": "phone"}[$name]
    // ($name | ltrimstr("Channel::") | ascii_downcase | if . == "" then null else . end);

# What the conversation changed to at this delivery, and when.
def changed($name): [(.changed_attributes | list)[] | object | .[$name] | object | .current_value] | map(select(. != null)) | .[0];

def closed($delivered):
  . as $c
  | ((changed("updated_at") | instant) // (.updated_at | instant) // $delivered // (.last_activity_at | instant) // (.timestamp | instant)) as $at
  | (.created_at | instant) as $opened
  | (.first_reply_created_at | instant) as $replied
  | (.meta | object) as $meta
  | ($meta.assignee | object) as $assignee
  | ($assignee.id | text) as $agent
  | {
      tenant: $tenant,
      session_id: session_number,
      closed_at: ($at | if . == null then null else rfc3339 end),
      opened_at: ($opened | if . == null then null else rfc3339 end),
      first_reply_ms: (if $opened != null and $replied != null and $replied >= $opened then $replied - $opened | seconds_to_ms else null end),
      customer_id: ($meta.sender | object | customer),
      channel: ((.channel // $meta.channel) | channel_name),
      category: ((.custom_attributes | object | .category) | text),
      agents: (if $agent == null then null
               else [{
                 id: $agent,
                 group: ($meta.team | object | .name | text),
                 kind: (if ($meta.assignee_type | text) == "AgentBot" or ($assignee.type | text) == "agent_bot" then "bot" else "human" end)
               }] end),
      agent_tags: ([(.labels | list)[] | text] | map(select(. != null)) | if length == 0 then null else . end)
    }
  | event("echoloop.session.closed.v1"; $c | source; "closed-\($c.id)-\($at | if . == null then "" else floor end)"; .closed_at);

def rated($answer; $delivered):
  . as $m
  | (.conversation | object) as $c
  | ($answer.rating | number) as $rating
  | ($answer.feedback_message | text) as $comment
  | ((.updated_at | instant) // $delivered // ($c.updated_at | instant) // ($c.last_activity_at | instant) // (.created_at | instant)) as $at
  | {
      tenant: $tenant,
      session_id: ($c | session_number),
      evaluation_id: "chatwoot-message-\(.id)",
      submitted_at: ($at | if . == null then null else rfc3339 end),
      customer_id: (($c.meta | object | .sender) // .contact | object | customer),
      survey: "chatwoot-csat",
      score: {value: $rating, min: 1, max: 5},
      comment: $comment,
      language: ($c.additional_attributes | object | .browser_language | text)
    }
  | event("echoloop.evaluation.submitted.v1"; $m | source; "rated-\($m.id)-\($rating)-\($comment // "" | fingerprint)"; .submitted_at);

def invited:
  . as $m
  | {
      tenant: $tenant,
      session_id: (.conversation | object | session_number),
      survey: "chatwoot-csat",
      sent_at: (.created_at | time),
      channel: ((.conversation | object | .channel) | channel_name),
      outcome: "delivered"
    }
  | event("echoloop.survey.invited.v1"; $m | source; "invited-\($m.id)"; .sent_at);

webhook
| (header("x-chatwoot-timestamp") | instant) as $delivered
| .body
| if type != "object" then {skip: "not a Chatwoot event"}
  else
    (.event | text // "") as $event
    | if $event == "conversation_resolved" or $event == "conversation_status_changed" then
        (.status // changed("status") | text // "") as $status
        | if $event == "conversation_resolved" or $status == "resolved" then closed($delivered)
          else {skip: "conversation is \(if $status == "" then "of no status" else $status end), not resolved"} end
      elif $event == "message_created" or $event == "message_updated" then
        if (.content_type | text) != "input_csat" then {skip: "message is no satisfaction survey"}
        else
          (.content_attributes | object | .submitted_values | object | .csat_survey_response | object) as $answer
          | if $answer.rating != null then rated($answer; $delivered)
            elif $event == "message_created" then invited
            else {skip: "satisfaction survey without a rating"} end
        end
      elif $event == "" then {skip: "not a Chatwoot event"}
      else {skip: "\($event) is not needed"} end
  end
