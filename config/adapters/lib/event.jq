# What every adapter needs to build canonical CloudEvents. Use: include "lib/event";

# Fields without a value are left out, at every depth.
def compact: del(.. | nulls);

# A text without surrounding white space; null when there is none left. Numbers become text.
# Regular expressions are slow in jq 1.6, so texts without white space at their ends never meet one.
def text:
  def blank: . <= " " or . == "\u00a0" or . == "\u3000";
  if type == "number" then tostring
  elif type != "string" or . == "" then null
  elif startswith(" ") or endswith(" ") or (.[0:1] | blank) or (.[-1:] | blank) then sub("^\\s+"; "") | sub("\\s+$"; "") | if . == "" then null else . end
  else . end;

# In jq 1.6 a `?` or `try` also catches what fails later on, far behind it, and events are lost without a word. Within a list it does not:
# its last output is out before anything else goes on. So: first_of(E) is the first output of E, or null, also where E fails.
def first_of(E): [E?] | .[0];

# A number from a number or its text; null from anything else.
def number:
  if type == "number" then .
  elif type == "string" then first_of(tonumber)
  else null end;

# Whole milliseconds from seconds; null when there are none, or less than none.
def seconds_to_ms:
  number | if . == null or . < 0 or . > 1000000000 then null else . * 1000 + 0.5 | floor end;

# RFC 3339 in UTC from seconds since 1970, whole seconds or fractions of them.
def rfc3339:
  (. * 1000 + 0.5 | floor) as $ms
  | ($ms / 1000 | floor) as $s
  | ($ms - $s * 1000) as $rest
  | ($s | todate) as $text
  | if $rest == 0 then $text
    else ($text | rtrimstr("Z")) + "." + ("00\($rest)" | .[-3:]) + "Z" end;

# Seconds since 1970 from what platforms write: seconds, milliseconds, either as text, RFC 3339, "2020-03-03 13:05:57 UTC" or
# "2020-03-03 13:05:57" (read as UTC). null from anything else, also from years after 2199: jq 1.6 aborts its whole process when it formats a time
# that the C library cannot, so never give todate a number that did not pass here.
def instant:
  if type == "number" then
    (if . >= 100000000000 then . / 1000 else . end) | if . > 0 and . < 7258118400 then . else null end
  elif type == "string" then
    if test("^[0-9]+([.][0-9]+)?$") then tonumber | instant
    else
      first_of(capture("^(?<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ](?<clock>[0-9]{2}:[0-9]{2}:[0-9]{2})(?<part>[.][0-9]+)? ?(?<zone>Z|z|UTC|[+-][0-9]{2}:?[0-9]{2})?$"))
      | if . == null then null
        else
          . as $t
          | first_of("\($t.day)T\($t.clock)Z" | fromdate) as $s
          | if $s == null then null
            else
              ($t.zone // "Z") as $zone
              | (if $zone | test("^[+-]") then
                   (($zone[1:3] | tonumber) * 3600 + ($zone[-2:] | tonumber) * 60)
                   * (if $zone[0:1] == "-" then -1 else 1 end)
                 else 0 end) as $offset
              | $s + ($t.part // "0" | tonumber) - $offset
            end
        end
    end
  else null end;

# RFC 3339 from any of those; null from anything else.
def time: instant | if . == null then null else rfc3339 end;

# As instant, but a text without a zone is of this one ("+08:00") instead of UTC.
def instant_in($zone):
  if type == "string" and length >= 19 and test("^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+$") then . + $zone else . end | instant;

# A short fingerprint of a text, so that the same content has the same event id and another content another one.
def fingerprint: reduce explode[] as $c (7; (. * 31 + $c) % 2147483647) | tostring;

# The whole event. Input: its data, tenant and session_id among them.
def event($type; $source; $id; $time):
  { specversion: "1.0", type: $type, source: $source, id: $id, subject: .session_id, time: $time,
    datacontenttype: "application/json", data: . } | compact;

# A webhook arrives as {"headers": …, "body": …}, a document from a file as itself.
def webhook: if type == "object" and has("headers") and has("body") then . else {headers: {}, body: .} end;

# A header of a webhook by name, whatever its case. Input: the webhook.
def header($name):
  (.headers | if type == "object" then . else {} end)
  | [to_entries[] | select((.key | ascii_downcase) == ($name | ascii_downcase)) | .value][0]
  | if type == "array" then .[0] else . end;

# Whether a value is one of a list. Use it instead of index($value) on a list, which in jq 1.6 never gives its memory back.
def among($list): . as $value | any($list[]; . == $value);

# Platforms send null, and worse, where there should be an object or a list.
def object: if type == "object" then . else {} end;
def list: if type == "array" then . else [] end;

# When a webhook reached the proxy, or else echoloop: X-Request-Start, "t=1772534656.123" or milliseconds. Only for platforms whose webhooks carry no time.
# Input: the webhook.
def received: header("x-request-start") | if type == "string" then ltrimstr("t=") | instant else null end;
