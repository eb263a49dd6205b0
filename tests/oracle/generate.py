#!/usr/bin/python3
"""A seeded stream of valid events that tries every way in which a count can go wrong, and the configuration that goes with it.

    generate.py --seed 7 --sessions 2000 --config-dir DIR > events.ndjson

Corrections, withdrawals before and after what they withdraw, contradicting tag changes at the same millisecond, two closes, aliases in
mixed scripts, zones of half and quarter hours through summer time, duplicates, late events, orphans, incidents that open tasks and
withdrawals that take their evidence away. Deterministic: the same options give the same bytes. The seed is printed to standard error.
"""

import argparse
import datetime
import json
import random
import sys

from hostile_config import ZONES, write_config

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
START_S = 1_772_323_200  # 2026-03-01T00:00:00Z

TENANTS = [*ZONES, "nobody", "未登记"]
CHANNELS = ["web", "app", "phone", "wechat", 'odd "one"\\', None]
CATEGORIES = [
    "product/quality",
    "delivery/late",
    "delivery/lost",
    "account/login",
    "insurance/claim/car",
    "其他",
    "/odd",
    "",
    None,
]
GROUPS = ["retail-1", "retail-2", "保险组", None]
DEPARTMENTS = ["service", "claims", None, "training"]
ENTITIES = ["east", "west", "tab\there", None, ""]
SURVEYS = ["chat-csat", "call-csat", "nps", "effort", "unlisted", None]
SCALES = {
    "chat-csat": [(1, 5), (1, 5), (0, 100)],
    "call-csat": [(1, 5)],
    "nps": [(0, 10), (0, 10), (1, 7)],
    "effort": [(1, 7), (1, 5), (-2, 2)],
}
TAGS = [
    "等太久", "排隊", "排队太久", "  slow \t reply ", "SLOW ANSWER", "態度差", "態度惡劣", "ｒｕｄｅ", "RUDE", "Rude", "😡", "👎", "👍🏽",
    "推諉", "沒有解決", "配送慢", "快遞慢", "快遞太慢了", "快递太慢了", "slow parcel", "ＳＬＯＷ　ＰＡＲＣＥＬ", "delayed again", "late-delivery",
    "Late delivery", "丟件", "包裹丢失", "lost-parcel", "質量問題", "質量差", "poor\u00a0quality", "product-quality", "轉錯隊列", "misrouted",
    "很耐心", "thanks", "THANKS", "熱情", "及時", "專業", "嫌貴", "ÄRGER & STRASSE", "ärger & straße", "生氣", "怒 1", "自定義標籤",
    "自定义标签", "ﬁne print", "FINE PRINT", "", "   ", "\u3000", "a\"b\\c", "İstanbul", "ⅷ", "unknown", "long-wait", "bad-attitude",
]  # fmt: skip
BAD_TAGS = ["late-delivery", "物流慢", "質量問題", "態度惡劣", "等太久", "生气"]
RED_TAGS = ["unsafe", "觸電", "著火", "Electric  Shock", "smoke"]
COMMENTS = [
    "", "等了半个小时没人理", "Very helpful, thank you!", "快遞還是沒有到，催了三次", "It works now.", "解决了 👍", "line one\nline two\t\"quoted\"",
    "客服态度不好，答非所问", "Could you call me back?", "ＡＢＣ１２３ 全形", "\u200bzero width", "control \u0007 bell",
]  # fmt: skip
RED_COMMENTS = [
    "充電的時候起火了！",
    "The kettle CAUGHT  FIRE",
    "小孩受傷了",
    "ｅｌｅｃｔｒｉｃ　ｓｈｏｃｋ",
    "line was on fire today",
    "漏电",
]
QUESTIONS = ["speed", "politeness", "是否解决", "speed"]
LANGUAGES = ["zh", "zh", "en", None, "zh-Hant"]
VERSIONS = [1, 2, "2", "2026-春", None]


def time_text(ms, rng=None):
    """RFC 3339 in one of its many ways."""
    offset = rng.choice([0, 0, 0, 480, -300, 345, 630]) if rng else 0
    local = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms + offset * MINUTE_MS)
    text = local.strftime("%Y-%m-%dT%H:%M:%S")
    if ms % 1000 or (rng and rng.random() < 0.1):
        text += f".{ms % 1000:03d}" + (rng.choice(["", "", "9", "000", "999999"]) if rng else "")
    if offset == 0:
        return text + (rng.choice(["Z", "Z", "+00:00"]) if rng else "Z")
    return f"{text}{'+' if offset > 0 else '-'}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"


class Incident:
    """A bad day of one tenant and category; `hollow`: its evaluations are all withdrawn later."""

    def __init__(self, rng, days):
        self.tenant, self.category = rng.choice(TENANTS), rng.choice(CATEGORIES[:6])
        self.channel, self.group = rng.choice(CHANNELS), rng.choice(GROUPS)
        self.day, self.hollow = rng.randrange(days), rng.random() < 0.3
        self.tag = rng.choice(BAD_TAGS)


class Generator:
    def __init__(self, options):
        self.options = options
        self.rng = random.Random(f"echoloop/{options.seed}")
        self.start_ms, self.days = START_S * 1000, options.days
        incidents = max(2, options.sessions // 120)
        self.incidents = [Incident(self.rng, self.days) for _ in range(incidents)]
        self.out = []  # (delivered at, tie, line)

    def chance(self, share):
        return self.rng.random() < share

    def near(self, ms, spread_ms):
        """A time close to another, often the very same millisecond."""
        return ms if self.chance(0.3) else ms + self.rng.randint(-spread_ms, spread_ms)

    def pick(self, values, most):
        return [self.rng.choice(values) for _ in range(self.rng.randint(0, most))]

    # ---- one event

    def emit(self, kind, ms, data, delivered_ms=None):
        rng = self.rng
        self.events_of_session += 1
        name = f"{self.events_of_session}" if self.short_ids else f"{rng.getrandbits(64):016x}"
        event = {
            "specversion": "1.0",
            "type": f"echoloop.{kind}.v1",
            "source": rng.choice(["/chat/a", "/chat/b", "urn:call-centre:7"]),
            "id": name,
        }
        event["subject"] = data["session_id"]
        event["time"] = time_text(ms, rng)
        if self.chance(0.3):
            event["datacontenttype"] = "application/json"
        if self.chance(0.05):
            event["traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        null = self.chance(0.1)  # means absent
        event["data"] = {key: value for key, value in data.items() if null or value is not None}
        if self.chance(0.05):
            event["data"]["unheard_of"] = {"nested": [1, None, "x"]}
        line = json.dumps(event, ensure_ascii=self.chance(0.2))
        if delivered_ms is None:
            delivered_ms = ms + rng.randint(0, 5000)
            if self.chance(0.05):
                delivered_ms += rng.randint(0, 6 * DAY_MS)  # late
        self.out.append((delivered_ms, len(self.out), line))
        if self.chance(0.03):
            self.out.append((delivered_ms + rng.randint(0, DAY_MS), len(self.out), line))
        if self.options.clashes and self.chance(0.02):
            self.clash(event, delivered_ms)

    def clash(self, event, delivered_ms):
        """Another event with the same source and id, later in the stream: the first stands."""
        other = {**event, "data": {**event["data"]}}
        for key, value in (("channel", "clash"), ("category", "clash/x"), ("tags", ["clash"]), ("add", ["clash"])):
            if key in other["data"]:
                other["data"][key] = value
        self.out.append((delivered_ms + 7 * DAY_MS, len(self.out), json.dumps(other)))

    # ---- the events of one session

    def session(self, number):
        rng = self.rng
        self.incident = rng.choice(self.incidents) if self.chance(0.35) else None
        self.tenant = self.incident.tenant if self.incident else rng.choice(TENANTS)
        self.id = rng.choice([f"S{number:08d}", f"会话/{number}", f"s-{number // 2}"])  # the last: shared by tenants
        if (self.tenant, self.id) in self.seen:
            self.id = f"S{number:08d}"
        self.seen.add((self.tenant, self.id))
        self.key = {"tenant": self.tenant, "session_id": self.id}
        self.events_of_session, self.short_ids = 0, self.chance(0.2)
        day = self.incident.day if self.incident else rng.randrange(self.days)
        self.closed_ms = self.start_ms + day * DAY_MS + rng.randrange(DAY_MS)
        if self.chance(0.05):  # on a boundary of hours, quarters and days
            self.closed_ms -= self.closed_ms % (15 * MINUTE_MS) + rng.choice([0, 1])
        if self.chance(0.85):
            self.invitations()
        evaluations = self.evaluations()
        if not self.chance(0.04):
            self.closes()
        self.withdrawals(evaluations)
        self.tag_changes()
        self.reviews()
        if self.chance(0.01):
            self.outcome()

    def closes(self):
        self.close(self.closed_ms)
        if self.chance(0.08):
            later = self.closed_ms + self.rng.choice([0, 0, 1, 30 * MINUTE_MS, DAY_MS, 3 * DAY_MS])
            self.close(later)

    def close(self, ms):
        rng, incident = self.rng, self.incident
        data = {**self.key, "closed_at": time_text(ms, rng)}
        data["channel"] = incident.channel if incident else rng.choice(CHANNELS)
        data["category"] = incident.category if incident and self.chance(0.9) else rng.choice(CATEGORIES)
        data["entity"] = rng.choice(ENTITIES)
        data["customer_id"] = f"C{rng.randrange(500)}" if self.chance(0.8) else None
        data["handle_ms"] = rng.choice(
            [None, 0, 63, 64, 65, 127, 128, rng.randrange(5_000_000), 1 << rng.randrange(40)]
        )
        data["queued_ms"] = rng.randrange(200_000) if self.chance(0.7) else None
        data["first_reply_ms"] = rng.randrange(60_000) if self.chance(0.5) else None
        data["agents"] = self.handlers(ms) if self.chance(0.9) else None
        data["agent_resolution"] = rng.choice(["resolved", "resolved", "unresolved", None])
        data["agent_tags"] = (
            self.pick([*TAGS, *RED_TAGS] if self.chance(0.02) else TAGS, 3) if self.chance(0.4) else None
        )
        data["closed_by"] = rng.choice(["customer", "agent", "system", None])
        if self.chance(0.6):
            data["routing"] = (
                {"rule": "r1", "version": rng.choice([1, 2, "2", "b"])} if self.chance(0.9) else {"rule": "r2"}
            )
        if self.chance(0.1):
            data.update(
                transfers=2, work_orders=1, knowledge={"lookups": 3, "hits": 0}, links=["https://example.org/r/1"]
            )
        self.emit("session.closed", ms, data)

    def handlers(self, ms):
        rng, handlers = self.rng, []
        begin = ms - 30 * MINUTE_MS
        for _ in range(rng.choice([0, 1, 1, 2, 3, 4])):
            handler = {"id": f"agent-{rng.randrange(12)}"}
            group = self.incident.group if self.incident and self.chance(0.8) else rng.choice(GROUPS)
            if group is not None:
                handler["group"] = group
            department = rng.choice(DEPARTMENTS)
            if department is not None:
                handler["department"] = department
            kind = rng.choice(["human", "human", None, "bot"])
            if kind is not None:
                handler["kind"] = kind
            end = begin + rng.randrange(10 * MINUTE_MS)
            if self.chance(0.9):
                handler["from"] = time_text(begin, rng)
            if self.chance(0.9):
                handler["to"] = time_text(end, rng)
            begin = end
            handlers.append(handler)
        return handlers

    def invitations(self):
        for _ in range(self.rng.choice([1, 1, 2])):
            sent = self.near(self.closed_ms, HOUR_MS)
            outcome = self.rng.choice(["delivered", None, "refused", "no_answer", "failed"])
            data = {
                **self.key,
                "survey": self.rng.choice(SURVEYS[:5]),
                "sent_at": time_text(sent, self.rng),
                "outcome": outcome,
            }
            self.emit("survey.invited", sent, data)

    def evaluations(self):
        names, rng = [], self.rng
        first = self.closed_ms + rng.choice([0, MINUTE_MS, HOUR_MS, -2 * HOUR_MS, DAY_MS, 2 * DAY_MS, 5 * DAY_MS])
        for number in range(rng.choice([0, 1, 1, 1, 2, 3])):
            name = f"E{rng.getrandbits(40)}" if self.chance(0.5) else f"e{number}"
            names.append(name)
            at = self.near(first, 3 * HOUR_MS)
            survey = rng.choice(SURVEYS)
            for _ in range(rng.choice([1, 1, 1, 2, 3])):  # corrections
                self.evaluation(name, survey if self.chance(0.9) else rng.choice(SURVEYS), at)
                at = at if self.chance(0.2) else at + rng.randrange(DAY_MS)
        return names

    def evaluation(self, name, survey, at):
        rng = self.rng
        data = {**self.key, "evaluation_id": name, "submitted_at": time_text(at, rng), "survey": survey}
        data["version"], data["language"] = rng.choice(VERSIONS), rng.choice(LANGUAGES)
        bad = self.incident is not None and self.chance(0.8)
        if self.chance(0.85):
            data["score"] = self.score(*rng.choice(SCALES.get(survey, [(1, 5)])), bad)
        data["resolved"] = "no" if bad and self.chance(0.7) else rng.choice(["yes", "yes", "no", None, None])
        data["tags"] = ([self.incident.tag] if bad else []) + self.pick(TAGS, 3) if self.chance(0.8) else None
        if data["tags"] is not None and self.chance(0.01):
            data["tags"].append(rng.choice(RED_TAGS))
        data["comment"] = rng.choice(RED_COMMENTS if self.chance(0.01) else COMMENTS) if self.chance(0.6) else None
        data["wants_contact"] = rng.choice([True, False, None, None]) if self.chance(0.3) else None
        if self.chance(0.4):
            data["answers"] = []
            for question in self.pick(QUESTIONS, 4):
                answer = {"question": question}
                if self.chance(0.3):
                    answer["skipped"] = True
                else:
                    answer["value"] = rng.choice([1, 4, 3.5, "还行"])
                data["answers"].append(answer)
        self.emit("evaluation.submitted", at, data)

    def score(self, low, high, bad):
        span = high - low
        value = low + self.rng.randint(0, span // 4) if bad else low + self.rng.randint(0, span)
        if self.chance(0.05) and value < high:
            value += self.rng.choice([0.5, 0.25, 0.125, 0.001])
        score = {"value": float(value) if self.chance(0.05) else value, "min": low, "max": high}
        if (low, high) == (1, 5) and self.chance(0.2):
            del score["min"], score["max"]  # the usual scale
        return score

    def withdrawals(self, names):
        hollow = self.incident is not None and self.incident.hollow
        for name in names:
            if hollow or self.chance(0.06):
                at = self.closed_ms + self.rng.randrange(8 * DAY_MS)
                early = (
                    self.closed_ms - 10 * DAY_MS if self.chance(0.2) and not hollow else None
                )  # before what it withdraws
                reason = self.rng.choice(["customer", "appeal", "forged", "test"])
                self.emit("evaluation.withdrawn", at, {**self.key, "evaluation_id": name, "reason": reason}, early)
        if self.chance(0.01):
            self.emit(
                "evaluation.withdrawn", self.closed_ms, {**self.key, "evaluation_id": "never-sent", "reason": "test"}
            )

    def tag_changes(self):
        if not self.chance(0.25):
            return
        at, few = self.closed_ms + self.rng.randrange(2 * DAY_MS), self.pick(TAGS, 3) + ["RUDE", "slow parcel"]
        for _ in range(self.rng.randint(1, 5)):
            if self.chance(0.5):
                at += self.rng.choice([0, 1, -1, HOUR_MS, -DAY_MS])
            by = self.rng.choice(["customer", "agent", "reviewer"])
            data = {
                **self.key,
                "by": by,
                "who": self.rng.choice(["r1", None]),
                "add": self.pick(few, 2),
                "remove": self.pick(few, 2),
            }
            if self.chance(0.02):
                data["add"].append(self.rng.choice(RED_TAGS))
            if self.chance(0.1):
                data["remove"] = None
            self.emit("tags.changed", at, data)

    def reviews(self):
        if not self.chance(0.15):
            return
        for _ in range(self.rng.randint(1, 4)):
            at = self.near(self.closed_ms + DAY_MS, HOUR_MS)
            tags = self.pick(TAGS, 2) if self.chance(0.8) else None
            data = {**self.key, "reviewer": self.rng.choice(["r1", "r2", "评审"]), "tags": tags}
            data["misrouted"], data["agrees"] = self.rng.choice([True, False, None]), self.rng.choice([True, None])
            self.emit("review.recorded", at, data)

    def outcome(self):
        at = time_text(self.closed_ms)
        data = {
            "tenant": self.tenant,
            "name": "returns",
            "time": at,
            "numerator": 3,
            "denominator": 40,
            "session_id": self.id,
        }
        data["category"] = "product/quality"
        self.emit("outcome.observed", self.closed_ms, data)

    # ---- the stream

    def stream(self):
        self.seen = set()
        for number in range(self.options.sessions):
            self.session(number)
        self.out.sort(key=lambda item: item[:2])
        lines = [line for _, _, line in self.out]
        if self.options.shuffle:
            random.Random(f"shuffle/{self.options.seed}").shuffle(lines)
        return lines


def add_options(parser):
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--days", type=int, default=42)
    parser.add_argument("--shuffle", action="store_true", help="any order of arrival")
    parser.add_argument("--clashes", action="store_true", help="some later events carry an earlier one's source and id")


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--config-dir", help="write the configuration there")
    add_options(parser)
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", file=sys.stderr)
    if options.config_dir:
        write_config(options.config_dir, START_S, options.days, lambda seconds: time_text(seconds * 1000))
    for line in Generator(options).stream():
        sys.stdout.buffer.write(line.encode("utf-8") + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
