# Jira Cloud: webhooks jira:issue_updated of the issues that echoloop made (they carry the label echoloop-<task>).
#
#   status into a category "in progress"          the task is resumed if it was on hold, accepted, started
#   status into a category "done"                 and done, with the resolution as its note
#   … with a resolution that says no (see below)  rejected, or where work had begun a comment
#   assignee                                      assign
#   anything else                                 skipped, with the reason; also status back to "to do": a person decides whether to reopen
#
# Facts: Jira Cloud platform, webhooks and status categories (new, indeterminate, done). Not verified against a live site.
include "lib/event";
include "lib/steps";

def refusals: ["Won't Do", "Won't Fix", "Declined", "Rejected", "Cannot Reproduce", "Duplicate"];

def task: [(.fields | object | .labels | list)[] | text | select(. != null and startswith("echoloop-")) | ltrimstr("echoloop-")][0];

def changed($field): [(.changelog | object | .items | list)[] | object | select((.field | text) == $field)] | .[-1];

webhook | .body | object
| . as $hook
| (.issue | object) as $issue
| ($issue | task) as $task
| (.timestamp | time) as $time
| ($issue.key | text) as $key
| ($issue.fields | object) as $fields
| ($fields.resolution | object | .name | text) as $resolution
| if (.webhookEvent | text) != "jira:issue_updated" then {skip: "\(.webhookEvent | text // "no webhookEvent"): only jira:issue_updated is read"}
  elif $task == null then {skip: "the issue was not made by echoloop: no label echoloop-…"}
  elif $time == null or $key == null then {skip: "without timestamp or issue.key"}
  else
    { tenant: $tenant, source: "/jira", id: "jira-\($key)-\((.changelog | object | .id | text) // (.timestamp | tostring))", time: $time, task: $task,
      by: ((.user | object | (.displayName | text) // (.accountId | text)) // "jira"),
      note: (if $resolution == null then $key else "\($key): \($resolution)" end),
      reason: "\($key): \($resolution)",
      person: ($hook | changed("assignee") | object | .toString | text) }
    | . as $it
    | [ (if ($hook | changed("status")) == null then empty
         else
           ($fields.status | object | .statusCategory | object | .key | text) as $category
           | if $category == "indeterminate" then $it | in_progress
             elif $category == "done" and ($resolution | among(refusals)) then $it | refused
             elif $category == "done" then $it | finished
             else empty end
         end),
        (if $it.person == null then empty else $it | step("assign") end) ] as $commands
    | if ($commands | length) == 0 then {skip: "\($key): no status or assignee that says something new"} else $commands[] end
  end
