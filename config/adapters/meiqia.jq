# 美洽 (Meiqia) webhooks {"id", "event", "created_at", "conversation": {…}}. One tenant is one Meiqia enterprise.
#
#   conversation.closed        session.closed: meiqia-<id>, and the rating where the visitor gave one by then
#   conversation.updated       after the end (an agent changed the summary): the rating where there is one; the session is known already
#   conversation.created, conversation.scheduled, client.*, cdr.*, call_robot.*, new_ticket.*   skipped, with the reason
#
#   eva_level 2, 1, 0          evaluation.submitted: good, medium, bad are 3, 2, 1 of 1 to 3. Another value, or none, is no rating
#   eva_content                comment
#   created_on, ended_on       opened_at, closed_at; a time without a zone is Beijing's
#   first_response_wait_time   first_reply_ms, from seconds, where the agent wrote at all (agent_msg_num)
#   agent_id, agent_type       the handler; bot or robot is the bot, whose ratings are left out: they do not rate the service
#   ended_by                   agent, client (customer), system and timeout (system)
#   track_id, client_id        customer_id
#   tags                       agent_tags: agents give them
#
# Meiqia says that a conversation was rated, not when: the rating is dated evaluated_on where that exists, or else the delivery (created_at), which is
# never before it, or else the end. The same rating in a later delivery is a duplicate; a changed one is another event, and stands. A rating given
# after the end, without a change of the summary, is told by no webhook.
#
# Envelope and topics are Meiqia's published description. Of the conversation's fields, eva_level, ended_on and the like are those of its public clients; their
# conv_… spellings, evaluated_on and the meaning of the levels are guessed. Not verified against a live platform: look at one real delivery first.
include "lib/event";

def source: "/meiqia";

# The first of these fields that has a text.
def first_text($names): . as $c | [$names[] | $c[.] | text | select(. != null)][0];

# The first of these fields that is a time, as an instant.
def first_time($names): . as $c | [$names[] | $c[.] | instant_in("+08:00") | select(. != null)][0];

def words:
  if type == "array" then [.[] | if type == "object" then .name else . end | text] | map(select(. != null)) | if length == 0 then null else . end
  else null end;

def session_number: first_text(["conv_id", "id"]) | if . == null then null else "meiqia-" + . end;

def customer: first_text(["track_id", "client_id"]);

def robot: first_text(["agent_type"]) | . == "bot" or . == "robot";

def ended: first_time(["ended_on", "ended_at", "conv_end_tm"]);

def closed:
  . as $c
  | ended as $closed
  | first_time(["created_on", "created_at", "conv_start_tm"]) as $opened
  | first_text(["agent_id", "agent_account", "agent_token"]) as $agent
  | (.first_response_wait_time | number) as $wait
  | {
      tenant: $tenant,
      session_id: session_number,
      closed_at: ($closed | rfc3339),
      opened_at: ($opened | if . == null then null else rfc3339 end),
      first_reply_ms: (if .agent_msg_num == 0 then null else $wait | seconds_to_ms end),
      customer_id: customer,
      channel: (first_text(["platform", "main_channel", "source"]) | if . == null then null else ascii_downcase end),
      closed_by: ({"agent": "agent", "client": "customer", "visitor": "customer", "system": "system", "timeout": "system"}[first_text(["ended_by"]) // ""]),
      agents: (if $agent == null then null
               else [{
                 id: $agent,
                 group: ($c | first_text(["agent_group_name", "group_name", "group_id"])),
                 kind: (if $c | robot then "bot" else "human" end)
               }] end),
      agent_tags: (.tags | words)
    }
  | event("echoloop.session.closed.v1"; source; "closed-\(.session_id | ltrimstr("meiqia-"))-\($closed | floor)"; .closed_at);

def rated($delivered):
  . as $c
  | (.evaluation | object) as $inner
  | ($c | first_text(["eva_level", "conv_eva_level"])) as $outer
  | ({"0": 1, "1": 2, "2": 3}[$outer // ($inner.level | text) // ""]) as $value
  | (first_text(["eva_content", "conv_eva_content"]) // ($inner.content | text)) as $comment
  | (first_time(["evaluated_on"]) // ($inner | first_time(["created_on", "created_at"])) // $delivered // ended) as $at
  | if $value == null or robot then empty
    else
      {
        tenant: $tenant,
        session_id: session_number,
        evaluation_id: session_number,
        submitted_at: ($at | rfc3339),
        customer_id: customer,
        survey: "meiqia-csat",
        score: {value: $value, min: 1, max: 3},
        comment: $comment
      }
      | event("echoloop.evaluation.submitted.v1"; source;
              "rated-\(.session_id | ltrimstr("meiqia-"))-\($value)-\($comment // "" | fingerprint)"; .submitted_at)
    end;

webhook
| .body
| if type != "object" or (.event | text) == null then {skip: "not a Meiqia webhook"}
  else
    (.event | text) as $event
    | (.created_at | instant) as $delivered
    | (.conversation | object)
    | if $event != "conversation.closed" and $event != "conversation.updated" then {skip: "\($event) is not needed"}
      elif session_number == null then {skip: "conversation without an id"}
      elif ended == null then {skip: "conversation without an end time"}
      elif $event == "conversation.closed" then closed, rated($delivered)
      else [rated($delivered)] | if length == 0 then {skip: "changed conversation without a rating"} else .[] end
      end
  end
