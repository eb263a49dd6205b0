# Canonical CloudEvents as they are: one, a list of them, or an HTTP request that carries either (structured or binary mode).
# Files of canonical events need no adapter at all; this one is for webhooks of systems that speak CloudEvents already.
include "lib/event";

def attributes($webhook):
  reduce ("specversion", "type", "source", "id", "subject", "time", "dataschema") as $name ({};
    ($webhook | header("ce-" + $name)) as $value | if $value == null then . else .[$name] = $value end);

if type == "array" then .[]
elif type == "object" and (has("specversion") or has("type")) then .
else
  webhook
  | if header("ce-specversion") != null then attributes(.) + {data: .body}
    elif .body | type == "array" then .body[]
    else .body end
end
| if type == "object" and has("type") then . else {skip: "no CloudEvent"} end
