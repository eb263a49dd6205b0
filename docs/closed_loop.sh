#!/bin/bash
# From a complaint to the proof, on the sample: two causes are found, worked on, and verified six weeks later.
#
#   docs/closed_loop.sh [FOLDER]   everything is kept in FOLDER, to look around in; without it nothing is kept
#
# Needs echoloop (build/release/echoloop, or the one that $ECHOLOOP names), curl and jq.
set -euo pipefail
echoloop=${ECHOLOOP:-build/release/echoloop}
kept=${1:-}
folder=${kept:-$(mktemp -d)}
server=

end() {
  if [ -n "$server" ]; then kill "$server" && wait "$server"; fi
  if [ -z "$kept" ]; then rm -r "$folder"; fi
}
trap end EXIT

say() { printf '\n== %s\n' "$*"; }
get() { curl -sf "$url$1"; }
ready() { curl -sf --retry 600 --retry-delay 1 --retry-all-errors "$url/readyz" > "$folder/ready"; }

# The sample's events between two moments; they are counted when it returns.
import() {
  jq -c --arg from "$1" --arg to "$2" 'select(.time >= $from and .time < $to)' "$folder/sample.ndjson" > "$folder/part.ndjson"
  "$echoloop" import --server "$url" "$folder/part.ndjson" | jq -c 'del(.seconds)'
  ready
}

# The task of a rule about something: task RULE SCOPE.
task() {
  get '/api/v1/tasks?tenant=hongtu&kind=improvement&limit=200' |
    jq -er --arg rule "$1" --argjson scope "$2" '.items[] | select(.cause.rule == $rule and .cause.scope == $scope) | .id'
}
about() { get "/api/v1/tasks/$1" | jq -c '[.title.en, .severity, .count, .state, .department]'; }

# What a person does: act TASK COMMAND.
act() {
  curl -sf "$url/api/v1/tasks/$1/commands" -H 'If-Match: *' -H 'Content-Type: application/json' -d "$2" |
    jq -c --argjson asked "$2" '[$asked.by, $asked.command, "→", .state, .department]'
}

# Whom to tell: the customers behind a task, as a list.
customers() { get "/api/v1/tasks/$1/customers?limit=200" | jq -c '[.items[].customer_id | select(.)] | unique'; }

verdict() {
  until get "/api/v1/tasks/$1" | jq -e '.verification.verdict' > "$folder/verdict"; do sleep 0.1; done
  get "/api/v1/tasks/$1" | jq -r '
    def percent: . * 10000 | round / 100 | tostring;
    def part: "\(.numerator) of \(.n) = \(.numerator / .n | percent) %";
    .verification as $v
    | "\(.title.en): \($v.verdict), the task is \(.state)",
      "  before       \($v.before | part)   \($v.before.from[:10]) – \($v.before.to[:10])",
      "  after        \($v.after | part)   \($v.after.from[:10]) – \($v.after.to[:10])",
      "  elsewhere    \($v.comparison.before | part), then \($v.comparison.after | part)   \($v.comparison.scopes) scopes",
      "  effect       \($v.effect.value | percent) percentage points, 95 % between \($v.effect.interval.low | percent) and \($v.effect.interval.high | percent)"'
}
steps() { get "/api/v1/tasks/$1" | jq -r '.history[] | select(.to) | "  \(.at[:16])  \(.who): \(.what) → \(.to)\(if .detail then " (\(.detail))" else "" end)"'; }

say "Four months of two companies"
"$echoloop" sample --days 120 --sessions 160000 > "$folder/sample.ndjson"
"$echoloop" run --clock event --listen 127.0.0.1:0 --data "$folder/data" 2> "$folder/server.log" &
server=$!
until [ -s "$folder/data/server" ]; do kill -0 "$server" && sleep 0.1; done
url=$(cat "$folder/data/server")
ready

say "Until 25 April: parcels were late in the east, and many customers say so"
import "" 2026-04-24T16:00:00Z
late=$(task tag-surge '{"tag": "late-delivery"}')
about "$late"
act "$late" '{"by": "delivery-lead", "command": "acknowledge"}'
act "$late" '{"by": "delivery-lead", "command": "accept"}'
act "$late" '{"by": "delivery-lead", "command": "start", "action_type": "process", "effective_from": "2026-05-02T00:00:00+08:00"}'

say "Until 4 May: the delivery is mended; one hotline is rude, and training says it is not for them"
import 2026-04-24T16:00:00Z 2026-05-03T16:00:00Z
act "$late" '{"by": "delivery-lead", "command": "done", "note": "A second carrier in the east"}'
act "$late" "$(customers "$late" | jq -c '{by: "service-lead", command: "tell_customer", how: "sms", customers: .}')"
rude=$(task dissatisfied-group '{"group": "hotline-2"}')
about "$rude"
act "$rude" '{"by": "training-lead", "command": "reject", "reason": "All of them have had the course"}'
act "$rude" '{"by": "service-lead", "command": "accept"}'
act "$rude" '{"by": "service-lead", "command": "start", "action_type": "staffing", "effective_from": "2026-05-04T00:00:00+08:00"}'
act "$rude" '{"by": "service-lead", "command": "done", "note": "Another team lead"}'
act "$rude" "$(customers "$rude" | jq -c '{by: "service-lead", command: "tell_customer", how: "phone", customers: .}')"

say "Six weeks later, and a day for what comes late: did it help?"
due=$(get "/api/v1/tasks/$late" | jq -r '.clock.by')
import 2026-05-03T16:00:00Z "${due%%T*}T17:00:00Z"
verdict "$late"
verdict "$rude"

say "What did not help is opened again"
act "$rude" '{"by": "service-head", "command": "reopen", "reason": "No proof that it helped: it ended by itself"}'

say "The life of both"
about "$late"
steps "$late"
about "$rude"
steps "$rude"
