"""Small events and small configurations for the tests of the oracle, written as short as they can be read."""

import itertools
import json
import tempfile
import unittest
from decimal import Decimal

from configuration import Config
from expected_tasks import tasks
from rows import aggregate, closed_sessions, export
from sessions import gather

OWN = {f"{a}_{c}" for a in ("unknown", "resolved", "unresolved") for c in ("unanswered", "yes", "no")}
NUMBERS = itertools.count(1)

ORGANISATION = """
tenants:
  - {id: acme, name: {zh: a, en: a}, timezone: UTC}
  - {id: himal, name: {zh: h, en: h}, timezone: Asia/Kathmandu}
  - {id: york, name: {zh: y, en: y}, timezone: America/New_York}
"""
SURVEYS = """
surveys:
  - id: chat
    kind: csat
    boxes:
      - {min: 1, max: 5, top_from: 4, bottom_to: 2}
      - {min: 1, max: 5, top_from: 5, bottom_to: 3, effective_from: 2026-05-01T00:00:00+02:00}
  - {id: recommend, kind: nps}
  - {id: effort, kind: ces}
"""
TAXONOMY = """
tags:
  - {id: long-wait, name: {zh: 等待太久, en: Long wait}, moment: waiting, aliases: [排队, {text: Queue!, effective_from: "2026-05-01T00:00:00Z"}]}
  - {id: rude, name: {zh: 态度差, en: Bad manners}, moment: greeting, aliases: ["😡"]}
  - {id: Straße, name: {zh: 街道, en: Street}, aliases: []}
  - {id: unsafe, name: {zh: 安全, en: Safety}, aliases: [触电, {text: smoke, effective_from: "2026-05-01T00:00:00Z"}]}
red_lines:
  - {id: safety, version: 1, title: {zh: a, en: a}, tags: [unsafe], words: [着火, Caught Fire]}
"""


def event(kind, data, source="/s", id=None, time=None):
    raw = {"specversion": "1.0", "type": f"echoloop.{kind}.v1", "source": source, "id": id or f"n{next(NUMBERS)}"}
    if time is not None:
        raw["time"] = time
    tenant, session = data.pop("tenant", "acme"), data.pop("session", "s")
    raw["data"] = {"tenant": tenant, "session_id": session, **data}
    return raw


def close(at="2026-03-01T10:20:00Z", source="/s", id=None, **data):
    return event("session.closed", {"closed_at": at, **data}, source, id)


def rate(name="e1", at="2026-03-01T10:30:00Z", source="/s", id=None, score=None, scale=(1, 5), **data):
    if score is not None:
        data["score"] = {"value": score, "min": scale[0], "max": scale[1]}
    return event("evaluation.submitted", {"evaluation_id": name, "submitted_at": at, **data}, source, id)


def withdraw(name="e1", **data):
    return event("evaluation.withdrawn", {"evaluation_id": name, "reason": "appeal", **data})


def invite(**data):
    return event("survey.invited", {"survey": "chat", "sent_at": "2026-03-01T10:21:00Z", **data})


def change(time, by="customer", add=(), remove=(), source="/s", id=None, **data):
    return event("tags.changed", {"by": by, "add": list(add), "remove": list(remove), **data}, source, id, time)


def review(time, reviewer="r", tags=(), source="/s", id=None):
    return event("review.recorded", {"reviewer": reviewer, "tags": list(tags)}, source, id, time)


class OracleCase(unittest.TestCase):
    """`rows(events, *sets)` → {values: measures}: one set, or the only bucket and tenant, are left out of the key."""

    organisation, surveys, taxonomy, rules = ORGANISATION, SURVEYS, TAXONOMY, ""

    def config(self, *sets):
        with tempfile.TemporaryDirectory() as folder:
            written = {
                "organisation": self.organisation,
                "surveys": self.surveys,
                "taxonomy": self.taxonomy,
                "rules": self.rules,
                "metrics": json.dumps({"dimension_sets": list(sets)}),
            }
            for name, text in written.items():
                with open(f"{folder}/{name}.yaml", "w", encoding="utf-8") as file:
                    file.write(text)
            return Config(folder)

    def gathered(self, events):
        return gather([json.dumps(e, ensure_ascii=False) if isinstance(e, dict) else e for e in events])

    def lines(self, events, *sets):
        config = self.config(*sets)
        return export(aggregate(closed_sessions(self.gathered(events), config)))

    def rows(self, events, dimensions, **more):
        """{values: measures} of one dimension set; with more than one bucket, {(values, bucket): measures}."""
        parsed = [json.loads(line) for line in self.lines(events, dimensions)]
        buckets = {row["bucket"] for row in parsed}
        key = (
            (lambda row: tuple(row["values"]))
            if len(buckets) < 2
            else (lambda row: (tuple(row["values"]), row["bucket"]))
        )
        return {key(row): row["measures"] for row in parsed}

    def total(self, events):
        return self.rows(events, [])[()]

    def values(self, events, *dimensions):
        """The sorted combinations of values under which sessions count (others may have credit only)."""
        counted = self.rows(events, list(dimensions)).items()
        return sorted("|".join(values) for values, measures in counted if OWN & measures.keys())

    def tasks(self, events, *sets):
        config = self.config(*sets)
        gathered = self.gathered(events)
        sessions = list(closed_sessions(gathered, config))
        return [
            json.loads(line, parse_float=Decimal) for line in tasks(gathered, sessions, aggregate(sessions), config)
        ]
