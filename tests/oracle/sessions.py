"""From events to one session: what stands, and its values per dimension."""

import json
from collections import defaultdict
from decimal import Decimal

from configuration import UNKNOWN, thousandths
from times import parse_time


class Event:
    __slots__ = ("type", "source", "id", "time", "data")

    def __init__(self, raw):
        self.type = raw["type"].removeprefix("echoloop.").removesuffix(".v1")
        self.source, self.id, self.data = raw["source"], raw["id"], raw["data"]
        self.time = raw.get("time")

    def at(self):
        if self.time is None:
            raise ValueError(f"{self.type} {self.id} has no time: its append time is not in the file")
        return parse_time(self.time)


SESSION_EVENTS = (
    "session.closed",
    "survey.invited",
    "evaluation.submitted",
    "evaluation.withdrawn",
    "tags.changed",
    "review.recorded",
)


def gather(lines):
    """{(tenant, session): [events]}: duplicates dropped, the first stands."""
    sessions = defaultdict(dict)
    for line in lines:
        if not line.strip():
            continue
        event = Event(json.loads(line, parse_float=Decimal))
        if event.type in SESSION_EVENTS:
            key = (event.data["tenant"], event.data["session_id"])
            sessions[key].setdefault((event.source, event.id), event)
    return {key: list(events.values()) for key, events in sessions.items()}


def scaled(score):
    """(value, min, max) in thousandths; on 1..5 where no scale is given."""
    low, high = score.get("min"), score.get("max")
    if (low is None) != (high is None):
        raise ValueError(f"half a scale: {score}")
    low, high = (1, 5) if low is None else (low, high)
    return thousandths(score["value"]), thousandths(low), thousandths(high)


class Evaluation:
    """A standing evaluation with its values of the evaluation dimensions."""

    def __init__(self, event, submitted_at, closed_at, counting, zone):
        data = event.data
        self.submitted_at, self.id = submitted_at, data["evaluation_id"]
        self.resolved, self.tags = data.get("resolved"), data.get("tags") or []
        self.wants_contact = data.get("wants_contact") is True
        self.survey = data.get("survey") or UNKNOWN
        answers = data.get("answers") or []
        self.answers = [(answer.get("question") or UNKNOWN, answer.get("skipped") is True) for answer in answers]
        days = zone.day(submitted_at) - zone.day(closed_at)
        self.values = {
            "survey": [self.survey],
            "survey_version": [as_text(data.get("version"))],
            "question": sorted({question for question, _ in self.answers}) or [UNKNOWN],
            "delay": ["T+0" if days <= 0 else f"T+{days}" if days <= 2 else "later"],
            "language": [data.get("language") or UNKNOWN],
        }
        self.kind, boxes = counting.survey(self.survey)
        self.score = None
        self.top = self.bottom = False
        if data.get("score") is not None:
            self.score = value, low, high = scaled(data["score"])
            if (low, high) in boxes:
                top_from, bottom_to = boxes[low, high]
                self.top, self.bottom = value >= top_from, value <= bottom_to
            elif self.kind == "nps":
                self.top = 10 * (value - low) >= 9 * (high - low)
                self.bottom = 10 * (value - low) <= 6 * (high - low)
            else:
                self.top = 4 * (value - low) >= 3 * (high - low)
                self.bottom = 4 * (value - low) <= high - low

    def measures(self):
        """What it adds to the evaluation measures, answers aside."""
        yield "evaluations", 1
        if self.score is None:
            return
        value, low, high = self.score
        yield f"scores/{self.kind}:{low}:{high}:{value}", 1
        yield f"{self.kind}_n", 1
        if self.kind == "csat":
            yield "csat_top", int(self.top)
            yield "csat_bottom", int(self.bottom)
        elif self.kind == "nps":
            yield "nps_promoters", int(self.top)
            yield "nps_detractors", int(self.bottom)
        else:
            yield "ces_sum", value


def as_text(value):
    """A version (integer or text) or a text, as a value of a dimension."""
    return UNKNOWN if value is None or value == "" else str(value)


class Session:
    """What stands of one closed session."""

    def __init__(self, key, events, config):
        self.tenant, self.id = key
        by_type = defaultdict(list)
        for event in events:
            by_type[event.type].append(event)
        close = max(by_type["session.closed"], key=lambda e: (parse_time(e.data["closed_at"]), e.source, e.id))
        self.close = close.data
        self.closed_at = parse_time(self.close["closed_at"])
        self.zone = config.zone(self.tenant)
        self.counting = config.counting(self.closed_at)
        self.bucket = self.zone.hour(self.closed_at) // 1000
        self.evaluations = self.standing_evaluations(by_type)
        self.resolved = self.customers_resolution()
        outcomes = {e.data.get("outcome") or "delivered" for e in by_type["survey.invited"]}
        self.invited = "delivered" in outcomes or bool(self.evaluations)
        self.not_reached = not self.invited and bool(outcomes)
        self.tags = self.standing_tags(by_type)
        self.values = self.dimension_values()

    def standing_evaluations(self, by_type):
        withdrawn = {e.data["evaluation_id"] for e in by_type["evaluation.withdrawn"]}
        latest = {}  # evaluation_id → (rank, event)
        for event in by_type["evaluation.submitted"]:
            rank = (parse_time(event.data["submitted_at"]), event.source, event.id)
            name = event.data["evaluation_id"]
            if name not in withdrawn and (name not in latest or rank > latest[name][0]):
                latest[name] = (rank, event)
        standing = {}  # survey → evaluation
        for (submitted_at, _, _), event in latest.values():
            evaluation = Evaluation(event, submitted_at, self.closed_at, self.counting, self.zone)
            best = standing.get(evaluation.survey)
            if best is None or (submitted_at, evaluation.id) > (best.submitted_at, best.id):
                standing[evaluation.survey] = evaluation
        return [standing[survey] for survey in sorted(standing)]

    def customers_resolution(self):
        said = [e for e in self.evaluations if e.resolved in ("yes", "no")]
        return max(said, key=lambda e: (e.submitted_at, e.id)).resolved if said else None

    def standing_tags(self, by_type):
        """{direction: canonical tags}"""
        statements = {"customer": {}, "agent": {}, "reviewer": {}}  # direction → tag → ((time, id, source), there)

        def state(direction, tag, rank, there):
            if tag is not None:
                found = statements[direction].get(tag)
                if found is None or rank > found[0]:
                    statements[direction][tag] = (rank, there)

        def canonicals(texts):
            return {self.counting.canonical(text) for text in texts or []} - {None}

        for evaluation in self.evaluations:
            for tag in canonicals(evaluation.tags):
                state("customer", tag, (evaluation.submitted_at, "", ""), True)
        for tag in canonicals(self.close.get("agent_tags")):
            state("agent", tag, (self.closed_at, "", ""), True)
        reviews = {}
        for event in by_type["review.recorded"]:
            rank = (event.at(), event.id, event.source)
            name = event.data["reviewer"]
            if name not in reviews or rank > reviews[name][0]:
                reviews[name] = (rank, event)
        for (time, _, _), event in reviews.values():
            for tag in canonicals(event.data.get("tags")):
                state("reviewer", tag, (time, "", ""), True)
        for event in by_type["tags.changed"]:
            rank = (event.at(), event.id, event.source)
            removed = canonicals(event.data.get("remove"))
            for tag in canonicals(event.data.get("add")) - removed:
                state(event.data["by"], tag, rank, True)
            for tag in removed:
                state(event.data["by"], tag, rank, False)
        return {
            direction: sorted(tag for tag, (_, there) in stated.items() if there)
            for direction, stated in statements.items()
        }

    def dimension_values(self):
        """{session dimension: distinct values}"""
        handlers = self.close.get("agents") or []
        self.humans = [h for h in handlers if (h.get("kind") or "human") == "human"]
        bots = [h for h in handlers if h.get("kind") == "bot"]
        category = self.close.get("category") or ""
        customer = self.tags["customer"]
        values = {
            "channel": [as_text(self.close.get("channel"))],
            "category": [as_text(category)],
            "category1": [as_text(category.split("/")[0])],
            "entity": [as_text(self.close.get("entity"))],
            "bot": [as_text(bots[-1]["id"] if bots else None)],
            "routing_version": [as_text((self.close.get("routing") or {}).get("version"))],
            "tag": customer or [UNKNOWN],
            "agent_tag": self.tags["agent"] or [UNKNOWN],
            "review_tag": self.tags["reviewer"] or [UNKNOWN],
            "moment": sorted({self.counting.moment(tag) for tag in customer}) or [UNKNOWN],
        }
        values.update(handler_values(self.humans[-1] if self.humans else {}))
        return values


def handler_values(handler):
    return {
        "agent": [as_text(handler.get("id"))],
        "group": [as_text(handler.get("group"))],
        "department": [as_text(handler.get("department"))],
    }
