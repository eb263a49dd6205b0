# ServiceNow: incidents that echoloop made (correlation_display echoloop, correlation_id the task), sent by the business rule of docs/adapters/servicenow.md.
#
#   state 2 In Progress                    the task is resumed if it was on hold, accepted, started
#   state 3 On Hold                        accepted, on hold for 14 days, with hold_reason
#   state 6 Resolved, 7 Closed             done, with close_notes
#   state 8 Canceled                       rejected, or where work had begun a comment
#   assigned_to, where it changed          assign
#   anything else                          skipped, with the reason
#
# Facts: ServiceNow, incident table (state, hold_reason, close_notes). Not verified against a live instance.
include "lib/event";
include "lib/steps";

webhook | .body | object
| (.correlation_id | text) as $task
| (.number | text) as $number
| (.sys_updated_on | instant) as $at
| (.state | text) as $state
| (.close_notes | text) as $notes
| if (.correlation_display | text) != "echoloop" or $task == null then {skip: "the incident was not made by echoloop: correlation_display and correlation_id say so"}
  elif $number == null or $at == null then {skip: "without number or sys_updated_on"}
  else
    { tenant: $tenant, source: "/servicenow", id: "servicenow-\($number)-\(.sys_mod_count | text // ($at | tostring))", time: ($at | rfc3339), task: $task,
      by: ((.sys_updated_by | text) // "servicenow"),
      note: (if $notes == null then $number else "\($number): \($notes)" end),
      reason: "\($number): \((if $state == "3" then .hold_reason | text else $notes end) // (if $state == "3" then "on hold" else "canceled" end))",
      until: ($at + 14 * 86400 | rfc3339),
      person: (if .assigned_changed == true or .assigned_changed == "true" then .assigned_to | text else null end) }
    | [ (if $state == "2" then in_progress
         elif $state == "3" then step("accept"), step("hold")
         elif $state | among(["6", "7"]) then finished
         elif $state == "8" then refused
         else empty end),
        (if .person == null then empty else step("assign") end) ] as $commands
    | if ($commands | length) == 0 then {skip: "\($number): state \($state) says nothing new"} else $commands[] end
  end
