"""Which tasks must exist, from the final aggregates and sessions."""

import json
from collections import defaultdict
from decimal import Decimal

from configuration import UNKNOWN, normalise
from times import DAY_MS, parse_time

MILLION = 1_000_000
AGENT_SAYS = ("unknown", "resolved", "unresolved")
RATES = {  # metric → measures of the numerator, measures of n
    "csat": (["csat_top"], ["csat_n"]),
    "dsat": (["csat_bottom"], ["csat_n"]),
    "resolved_rate": ([f"{a}_yes" for a in AGENT_SAYS], [f"{a}_{c}" for a in AGENT_SAYS for c in ("yes", "no")]),
    "unresolved_rate": ([f"{a}_no" for a in AGENT_SAYS], [f"{a}_{c}" for a in AGENT_SAYS for c in ("yes", "no")]),
    "response_rate": (["answered"], ["invited"]),
    "coverage": (["answered"], [f"{a}_{c}" for a in AGENT_SAYS for c in ("unanswered", "yes", "no")]),
    "resolution_mismatch_rate": (
        ["resolved_no"],
        [f"{a}_{c}" for a in ("resolved", "unresolved") for c in ("yes", "no")],
    ),
}
COUNTS = {
    "sessions": [f"{a}_{c}" for a in AGENT_SAYS for c in ("unanswered", "yes", "no")],
    "evaluations": ["evaluations"],
}


def numbers(metric, row):
    """(numerator, n) of a metric over one row."""
    numerator, n = RATES[metric] if metric in RATES else (COUNTS[metric], COUNTS[metric])
    return sum(row.get(name, 0) for name in numerator), sum(row.get(name, 0) for name in n)


def window_of(bucket_s, window, zone):
    ms = bucket_s * 1000
    if window == "hour":
        return bucket_s
    day = zone.day(ms)
    return day if window == "day" else (day + 3) // 7  # 1970-01-01 was a Thursday: weeks begin on Monday


def earlier_window(start, window, zone, steps):
    """The same window `steps` days (weeks for week windows) earlier."""
    if window != "hour":
        return start - steps
    wall = start * 1000 + zone.offset(start * 1000) - steps * DAY_MS
    return (wall - zone.offset(wall - zone.offset(start * 1000))) // 1000


def satisfied(rule, windows, start, zone, first):
    """Whether one window's numbers reach the rule's lowest tier. `first`: the tenant's first window with any row of the set."""
    numerator, n = windows[start]
    tier = rule["tiers"][0]
    below = "below" in tier
    bound = Decimal(tier["below"] if below else tier["above"]) * MILLION
    if n < max(1, int(rule.get("minimum_n", 20))):
        return False
    counted = rule["metric"] in COUNTS
    if "over_usual" in rule:
        periods = int(rule["over_usual"]["periods"])
        earlier = [windows.get(earlier_window(start, rule["window"], zone, k)) for k in range(1, periods + 1)]
        if not any(earlier) or earlier_window(start, rule["window"], zone, periods) < first:
            return False
        usual_numerator = sum(e[0] for e in earlier if e)
        usual_n = sum(e[1] for e in earlier if e)
        if counted:
            return numerator * periods * MILLION >= usual_numerator * (MILLION + bound)
        return usual_n > 0 and numerator * usual_n * MILLION >= usual_numerator * n * (MILLION + bound)
    if below:
        return numerator * MILLION <= bound * (1 if counted else n)
    return numerator * MILLION >= bound * (1 if counted else n)


def improvements(rows, config):
    """(tenant, rule, scope) → count of every cause that must have a live task."""
    by_set = defaultdict(list)
    for (tenant, dimensions, values, bucket), row in rows.items():
        by_set[dimensions].append((tenant, values, bucket, row))
    causes = defaultdict(int)
    for rule in config.rules.get("thresholds", []):
        dimensions, scopes, first = tuple(rule["group_by"]), defaultdict(dict), {}
        for tenant, values, bucket, row in by_set[dimensions]:
            scope = dict(zip(dimensions, values))
            window = window_of(bucket, rule["window"], config.zone(tenant))
            first[tenant] = min(first.get(tenant, window), window)
            if rule.get("tenants") and tenant not in rule["tenants"]:
                continue
            if all(value == UNKNOWN for value in values):
                continue
            if any(scope[dimension] not in allowed for dimension, allowed in rule.get("where", {}).items()):
                continue
            numerator, n = numbers(rule["metric"], row)
            had = scopes[tenant, values].get(window, (0, 0))
            scopes[tenant, values][window] = (had[0] + numerator, had[1] + n)
        below = "below" in rule["tiers"][0]
        for (tenant, values), windows in scopes.items():
            for start, (numerator, n) in windows.items():
                if satisfied(rule, windows, start, config.zone(tenant), first[tenant]):
                    causes[tenant, rule["id"], tuple(zip(dimensions, values))] += n - numerator if below else numerator
    return causes


def recoveries(sessions, config):
    for session in sessions:
        holds = {
            "unresolved": session.resolved == "no",
            "low_score": any(e.bottom for e in session.evaluations),
            "wants_contact": any(e.wants_contact for e in session.evaluations),
        }
        for rule in config.rules.get("recoveries", []):
            if rule.get("tenants") and session.tenant not in rule["tenants"]:
                continue
            if all(holds[name] == (wanted == "true") for name, wanted in rule["when"].items()):
                yield session.tenant, rule["id"], session.id


def safety(gathered, config):
    """(tenant, red line, session) with a red-line tag or word in any event, closed or not, withdrawn or not."""
    lines = [
        (line["id"], set(line.get("tags", [])), {normalise(word) for word in line.get("words", [])})
        for line in config.taxonomy.get("red_lines", [])
    ]
    for (tenant, session), events in gathered.items():
        tags, comments = set(), []
        for event in events:
            data = event.data
            if event.type == "evaluation.submitted":
                at, texts = parse_time(data["submitted_at"]), data.get("tags")
                comments.append(normalise(data.get("comment") or ""))
            elif event.type == "session.closed":
                at, texts = parse_time(data["closed_at"]), data.get("agent_tags")
            elif event.type == "tags.changed" and data.get("add"):
                at, texts = event.at(), data.get("add")
            else:
                continue
            tags.update(config.counting(at).canonical(text) for text in texts or [])
        for name, red_tags, red_words in lines:
            if tags & red_tags or any(word and word in comment for word in red_words for comment in comments):
                yield tenant, name, session


def tasks(gathered, sessions, rows, config):
    """The tasks that must exist, as sorted lines of bytes."""
    found = [
        {"kind": "improvement", "tenant": tenant, "rule": rule, "scope": dict(scope), "count": amount}
        for (tenant, rule, scope), amount in improvements(rows, config).items()
    ]
    for kind, wanted in (("recovery", recoveries(sessions, config)), ("safety", safety(gathered, config))):
        for tenant, rule, session in wanted:
            found.append({"kind": kind, "tenant": tenant, "rule": rule, "session": session})
    return sorted(
        json.dumps(task, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8") for task in found
    )
