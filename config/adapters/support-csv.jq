# Exports of a support desk's survey: one CSV row per answered case, with these columns (any other, and the order, do not matter):
#
#   Unique id              session id, and with it the ids of both events: a row imported twice counts once
#   channel_name           channel
#   category, Sub-category category "category/Sub-category"
#   Issue_reported at      opened_at, "14/08/2023 00:32"
#   issue_responded        closed_at, the same form; without it the time of the report, or else the day of the survey
#   Survey_response_Date   submitted_at, "14-Aug-23": a day. On the day of closing it is the time of closing, so that the delay is 0 and never
#                          negative by rounding; otherwise the start of that day
#   connected_handling_time  handle_ms, from seconds
#   Agent_name             the agent's id: the file has no other
#   Supervisor             the agent's group: who supervises is what a support desk calls a team
#   Manager                the agent's department: a manager leads several teams, the next level up. An entity would be a company or brand
#   CSAT Score, Customer Remarks  the evaluation: 1 to 5, and the comment
#
# The file has no zone: its times are read as UTC. It names no customer (an order is not one), no invitations and nobody who did not answer,
# so response rates cannot come from it. Some times are only dates, so cases may be answered before they were reported: both are kept as written.
include "lib/event";

def source: "/support-csv";

def two: "0" + . | .[-2:];

# "14/08/2023 00:32" (also with seconds, or only the day) → RFC 3339; null from anything else.
def local_time:
  (text // "")
  | if length == 16 and .[2:3] == "/" and .[5:6] == "/" and .[10:11] == " " and .[13:14] == ":" then
      "\(.[6:10])-\(.[3:5])-\(.[0:2])T\(.[11:16]):00Z"
    else
      first_of(capture("^(?<d>[0-9]{1,2})/(?<m>[0-9]{1,2})/(?<y>[0-9]{4})( +(?<h>[0-9]{1,2}):(?<min>[0-9]{2})(:(?<s>[0-9]{2}))?)?$"))
      | if . == null then null
        else "\(.y)-\(.m | two)-\(.d | two)T\(.h // "0" | two):\(.min // "00"):\(.s // "00")Z" end
    end;

# "14-Aug-23" or "14-Aug-2023" → "2023-08-14"; null from anything else.
def local_day:
  (text // "" | split("-")) as $part
  | if ($part | length) != 3 then null
    else
      ({jan: "01", feb: "02", mar: "03", apr: "04", may: "05", jun: "06", jul: "07", aug: "08", sep: "09", oct: "10", nov: "11", dec: "12"}
        [$part[1][0:3] | ascii_downcase]) as $month
      | if $month == null or ($part[0] | length) > 2 then null
        else "\($part[2] | if length == 2 then "20" + . else . end)-\($month)-\($part[0] | two)" end
    end;

if type != "object" then {skip: "not a row"}
else
  . as $row
  | ($row["Unique id"] | text) as $id
  | ($row["Issue_reported at"] | local_time) as $opened
  | ($row["Survey_response_Date"] | local_day) as $day
  | (($row["issue_responded"] | local_time) // $opened // (if $day then $day + "T00:00:00Z" else null end)) as $closed
  | (if $day == null or ($closed != null and $closed[0:10] == $day) then $closed else $day + "T00:00:00Z" end) as $submitted
  | ($row["CSAT Score"] | number) as $score
  | {
      tenant: $tenant,
      session_id: $id,
      closed_at: $closed,
      opened_at: $opened,
      channel: ($row["channel_name"] | text),
      category: ([$row["category"], $row["Sub-category"]] | map(text) | map(select(. != null)) | join("/") | text),
      handle_ms: ($row["connected_handling_time"] | seconds_to_ms),
      agents: (($row["Agent_name"] | text) as $agent
        | if $agent == null then null
          else [{id: $agent, group: ($row["Supervisor"] | text), department: ($row["Manager"] | text), kind: "human"}] end)
    }
    | event("echoloop.session.closed.v1"; source; "\($id)-closed"; $closed),
    (if $score == null then empty
     else
       {
         tenant: $tenant,
         session_id: $id,
         evaluation_id: $id,
         submitted_at: $submitted,
         survey: "support-csat",
         score: {value: $score, min: 1, max: 5},
         comment: ($row["Customer Remarks"] | text)
       }
       | event("echoloop.evaluation.submitted.v1"; source; "\($id)-rated"; $submitted)
     end)
end
