#!/usr/bin/python3
"""Metrics and feedback as they are asked for: a row says what it counted, a warning stands where it belongs, and what cannot be
meant is refused."""

import csv
import io
import tempfile
import unittest
import urllib.parse

import events
import server as house
from events import closed, rated

DAY = "2026-06-10"
NOON = f"{DAY}T04:00:00Z"  # in Shanghai
FIRST = {"id": "first", "group": "g1", "from": NOON, "to": f"{DAY}T04:01:00Z"}
FREE_OF_ANSWERS = ("handle_time", "queue_time", "first_reply", "sessions", "evaluations", "response_rate", "coverage")


class Case(unittest.TestCase):
    sent = []

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="echoloop-metrics-")
        cls.addClassCleanup(folder.cleanup)
        cls.server = house.Server(folder.name).start()
        cls.addClassCleanup(cls.server.__exit__)
        cls.server.post_events(cls.sent)
        cls.server.wait_settled()

    def ask(self, path, query="", **parameters):
        """`query` goes into the URL as it is, `parameters` escaped."""
        parts = ["tenant=hongtu", query, urllib.parse.urlencode(parameters)]
        return self.server.get(f"{path}?{'&'.join(part for part in parts if part)}")

    def metric(self, name, query="", **parameters):
        answer = self.ask(f"/api/v1/metrics/{name}", query, **parameters)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def rows(self, name, query="", **parameters):
        return self.metric(name, query, **parameters)["rows"]

    def refused(self, path, query="", **parameters):
        answer = self.ask(path, query, **parameters)
        self.assertEqual(answer.status, 400, f"{path} {query}: {answer}")
        return answer.body.decode()


class Versions(Case):
    """Chat surveys of version 1 until June 10th and 2 from then on, by mail of version 1 only; and nps, which asks for no
    resolution."""

    sent = [
        event
        for number in range(12)
        for day, channel, version in (("09", "chat", 1), ("10", "chat", 2), ("10", "mail", 1))
        for name, at in [(f"{channel}-{day}-{number}", f"2026-06-{day}T04:{number:02d}:00Z")]
        for event in (
            closed(name, at, channel=channel, handle_ms=1000, agents=[{"id": f"{channel}-{day}"}]),
            rated(name, at, score=5, version=version, resolved="yes"),
            rated(name, at, score=9, scale=(0, 10), survey="nps", evaluation="e2", version=7 if channel == "chat" else 8),
        )
    ]

    def warned(self, name, query="", **parameters):
        return [text.split("'")[1] for text in self.metric(name, query, **parameters)["warnings"]]

    def test_pooled_versions_are_told_for_what_rests_on_answers(self):
        for name in ("csat", "dsat", "average_score", "resolved_rate", "unresolved_rate"):
            self.assertEqual(self.warned(name), ["chat-csat"], name)
        self.assertEqual(self.warned("nps"), ["nps"], "7 and 8")
        self.assertEqual(self.warned("csat_all_handlers", group_by="agent"), [])
        self.assertEqual(self.warned("csat_all_handlers", group_by="agent,channel"), [])
        for name in ("csat_all_handlers", "csat_time_weighted"):
            pooled = ["chat-csat"] if name == "csat_all_handlers" else []  # nobody has handled for any time
            self.assertEqual(self.warned(name, group_by="group"), pooled)

    def test_two_versions_in_the_filter_are_pooled_too(self):
        self.assertEqual(self.warned("csat", "survey_version=1,2"), ["chat-csat"])
        self.assertEqual(self.warned("csat", "survey_version=1&survey_version=2"), ["chat-csat"])
        self.assertEqual(self.warned("csat", "survey_version=1,2&channel=chat"), ["chat-csat"])
        for apart in ("survey_version=2", "survey_version=1,2&group_by=survey_version", "group_by=survey,survey_version"):
            self.assertEqual(self.warned("csat", apart), [], apart)

    def test_nothing_is_told_where_no_row_pools(self):
        self.assertEqual(self.warned("csat", "interval=day"), ["chat-csat"], "chat and mail of the 10th")
        for apart in ("interval=day&group_by=channel", "channel=mail", "from=2026-06-10&channel=chat", "to=2026-06-10"):
            self.assertEqual(self.warned("csat", apart), [], apart)
        self.assertEqual(self.warned("csat", "group_by=channel"), ["chat-csat"], "chat of both days")

    def test_nothing_is_told_of_other_metrics_or_of_nothing(self):
        for name in (*FREE_OF_ANSWERS, "ces", "resolution_mismatch_rate"):
            self.assertEqual(self.warned(name), [], name)
        for nothing in ("channel=fax", "from=2026-07-01", "survey=call-csat"):
            self.assertEqual(self.metric("csat", nothing)["warnings"], [], nothing)


class Periods(Case):
    sent = [closed(f"h{hour}", f"{DAY}T{hour:02d}:30:00Z") for hour in range(24)]

    def spans(self, query):
        return [(row["from"], row["to"], row["n"]) for row in self.rows("sessions", query)]

    def test_a_period_that_the_question_cuts_says_so(self):
        asked = f"interval=day&from={DAY}T10:00:00Z&to={DAY}T18:00:00Z"
        midnight = f"{DAY}T16:00:00Z"  # in Shanghai
        days = [(f"{DAY}T10:00:00Z", midnight, 6), (midnight, f"{DAY}T18:00:00Z", 2)]
        self.assertEqual(self.spans(asked), days)
        self.assertEqual(self.spans(f"interval=month&from={DAY}"), [("2026-06-09T16:00:00Z", "2026-06-30T16:00:00Z", 24)])
        hour = (f"{DAY}T10:00:00Z", f"{DAY}T11:00:00Z")
        self.assertEqual(self.spans(f"interval=hour&from={hour[0]}&to={hour[1]}"), [(*hour, 1)])

    def test_a_time_within_an_hour_is_answered_with_whole_hours_and_told(self):
        answer = self.metric("sessions", f"from={DAY}T10:31:00Z&to={DAY}T18:20:00Z")
        (row,), ends = answer["rows"], (f"{DAY}T11:00:00Z", f"{DAY}T19:00:00Z")
        self.assertEqual((row["from"], row["to"], row["n"]), (*ends, 8))
        self.assertEqual(len(answer["warnings"]), 2, answer["warnings"])
        for warning, end in zip(answer["warnings"], ends):
            self.assertIn(end, warning)
        self.assertEqual(self.metric("sessions", f"from={DAY}T10:00:00Z&to={DAY}T18:00:00Z")["warnings"], [])

    def test_an_empty_stretch_of_time_is_refused_everywhere(self):
        for path in ("/api/v1/metrics/csat", "/api/v1/feedback"):
            for end in (DAY, "2026-06-09"):
                self.assertIn("/query/to", self.refused(path, f"from={DAY}&to={end}"))


class Bounds(Case):
    """30 sessions, 20 evaluated: 5 yes, 5 no, 10 silent on that; 10 of them with a score, 5 with one of nps."""

    sent = [closed(f"s{n}", NOON, agent_resolution="resolved") for n in range(30)]
    sent += [rated(f"s{n}", NOON, resolved="yes" if n < 5 else "no") for n in range(10)]
    sent += [rated(f"s{n}", NOON, score=5 if n < 14 else 1) for n in range(10, 20)]

    def check(self, name, low, high):
        (row,) = self.rows(name)
        self.assertAlmostEqual(row["bounds"]["low"], low, 12, name)
        self.assertAlmostEqual(row["bounds"]["high"], high, 12, name)

    def test_who_is_silent_on_a_question_did_not_answer_it(self):
        for name in ("resolved_rate", "unresolved_rate", "resolution_mismatch_rate"):
            self.check(name, 5 / 30, 25 / 30)
        self.check("csat", 4 / 30, 24 / 30)
        self.check("dsat", 6 / 30, 26 / 30)
        self.check("average_score", (26 + 20 * 1) / 30, (26 + 20 * 5) / 30)

    def test_what_does_not_rest_on_answers_has_no_bounds(self):
        for name in FREE_OF_ANSWERS:
            self.assertIsNone(self.rows(name)[0]["bounds"], name)


class Promoters(Case):
    sent = [closed(f"s{n}", NOON) for n in range(50)]
    sent += [rated(f"s{n}", NOON, score=9 if n < 9 else 3, scale=(0, 10), survey="nps") for n in range(40)]

    def test_nps_is_exact_and_has_bounds(self):
        (row,) = self.rows("nps")
        self.assertEqual((row["numerator"], row["n"], row["value"]), (9 - 31, 40, -55))
        self.assertEqual(row["bounds"], {"low": -64, "high": -24})
        self.assertIn(b",-55.0,", self.ask("/api/v1/metrics/nps", format="csv").body)


class Parameters(Case):
    sent = [
        event
        for name, channel, late in (("a", "shop, main street", 0), ("b", "shop", 1), ("c", "main street", 2))
        for event in (closed(name, NOON, channel=channel), rated(name, f"2026-06-1{late}T05:00:00Z", score=5))
    ]

    def channels(self, query):
        return sorted(row["group"]["channel"] for row in self.rows("sessions", f"group_by=channel&{query}"))

    def found(self, query):
        answer = self.ask("/api/v1/feedback", query)
        self.assertEqual(answer.status, 200, answer)
        return sorted(item["session_id"] for item in answer.json()["items"])

    def test_an_escaped_comma_is_part_of_a_value_and_a_literal_one_separates(self):
        self.assertEqual(self.channels("channel=shop%2C%20main%20street"), ["shop, main street"])
        self.assertEqual(self.channels("channel=shop%2C+main+street,shop"), ["shop", "shop, main street"])
        self.assertEqual(self.channels("channel=shop&channel=main%20street"), ["main street", "shop"])
        self.assertEqual(self.channels("channel=shop%2Cmain%20street"), ["main street", "shop"])
        self.assertEqual(self.found("channel=shop%2C%20main%20street,shop"), ["a", "b"])

    def test_words_may_be_separated_by_an_escaped_comma(self):
        self.assertEqual(len(self.rows("csat", group_by="survey,survey_version")), 1)
        self.assertEqual(self.ask("/api/v1/tasks", kind="safety,improvement", state="opened,done").status, 200)

    def test_a_delay_may_come_with_a_literal_plus(self):
        asked = {"delay=T+0": "a", "delay=T%2B1": "b", "delay=T+0,T+2": "ac", "delay=T%2B0&delay=T+1": "ab"}
        for query, sessions in asked.items():
            self.assertEqual(self.found(query), sorted(sessions), query)
            self.assertEqual(sum(row["n"] for row in self.rows("evaluations", query)), len(sessions), query)

    def test_what_is_one_value_is_given_once(self):
        once = {
            "/api/v1/metrics/csat": ("tenant", "from", "to", "interval", "timezone", "format"),
            "/api/v1/metrics": ("tenant",),
            "/api/v1/feedback": ("tenant", "from", "to", "score", "resolved", "text", "has_comment", "limit", "cursor"),
            "/api/v1/sessions/a": ("tenant",),
            "/api/v1/orphans": ("tenant", "limit", "cursor"),
            "/api/v1/tasks": ("tenant", "overdue", "limit", "cursor"),
            "/api/v1/dead": ("tenant", "state", "limit", "cursor"),
        }
        for path, names in once.items():
            for name in names:
                self.assertIn(f"/query/{name}", self.refused(path, f"{name}=1&{name}=2"), path)
        tasks = "state=opened&state=done&kind=safety&kind=praise&department=a&department=b"
        for path, query in (("/api/v1/metrics/csat", "group_by=channel&group_by=category"), ("/api/v1/tasks", tasks)):
            self.assertEqual(self.ask(path, query).status, 200, path)


class Handlers(Case):
    sent = [
        event
        for n in range(6)
        for event in (
            closed(f"s{n}", NOON, channel="chat", agents=[FIRST, {"id": "last", "group": "g2"}]),
            rated(f"s{n}", NOON, score=5),
        )
    ]

    def agents(self, name, grouping):
        return [row["group"]["agent"] for row in self.rows(name, group_by=grouping)]

    def test_who_handed_on_has_rows_only_where_all_handlers_are_credited(self):
        for grouping in ("agent", "group,agent", "agent,channel"):  # two stored, one computed from sessions
            for name in ("sessions", "csat", "handle_time", "coverage"):
                self.assertEqual(self.agents(name, grouping), ["last"], f"{name} {grouping}")
            for name in ("csat_all_handlers", "csat_time_weighted"):
                self.assertEqual(self.agents(name, grouping), ["first", "last"], f"{name} {grouping}")
        self.assertEqual(self.rows("sessions", "agent=first"), [])


class Table(Case):
    sent = [
        event
        for n in range(40)
        for event in (
            closed(f"s{n}", NOON, channel="=cmd, \"x\"", handle_ms=1000 * n, agent_resolution="resolved"),
            rated(f"s{n}", NOON, score=n % 5 + 1, resolved="no" if n % 3 else "yes"),
        )
    ]

    def table(self, name, **parameters):
        answer = self.ask(f"/api/v1/metrics/{name}", format="csv", **parameters)
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/csv; charset=utf-8"))
        return list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))

    def numbers(self, row):
        """What a JSON row holds, by the names of the columns."""
        out = {name: row[name] for name in ("from", "to", "numerator", "n", "value", "suppressed")}
        for part in ("interval", "coverage", "quantiles"):
            out.update(row.get(part) or {})
        out.update({f"bound_{name}": value for name, value in (row["bounds"] or {}).items()})
        out.update({f"{agent}_{said}": n for agent, line in row.get("table", {}).items() for said, n in line.items()})
        return {**out, "unanswered": row.get("unanswered")}

    def test_the_table_holds_what_the_json_holds(self):
        names = [item["name"] for item in self.ask("/api/v1/metrics").json()["items"]]
        for name in names:
            asked = {"group_by": "agent" if name.startswith("csat_") else "channel", "interval": "day"}
            answer, (line,) = self.metric(name, **asked), self.table(name, **asked)
            (row,) = answer["rows"]
            self.assertEqual((line["metric"], line["definition_version"]), (name, str(answer["definition"]["version"])))
            for column, value in self.numbers(row).items():
                shown = "" if value is None else value if isinstance(value, str) else None
                if shown is None:
                    self.assertEqual(float(line[column]), value, f"{name} {column}")
                else:
                    self.assertEqual(line[column], shown, f"{name} {column}")
        (line,) = self.table("handle_time", group_by="channel")
        self.assertEqual(line["channel"], "'=cmd, \"x\"", "a value that begins like a formula is text")
        self.assertTrue(float(line["p50"]) < float(line["p90"]) < float(line["p99"]))


class SeveralValues(Case):
    """A session has several tags, evaluations and handlers: a filter that lets several of them through counts it once."""

    handlers = [{"id": name, "group": name, "from": NOON, "to": f"{DAY}T04:01:00Z"} for name in ("ann", "bob", "eve")]
    sent = [
        closed("two", NOON, agents=handlers[:2]),
        rated("two", NOON, score=1, tags=["slow", "harsh", "dear"], survey="chat-csat", resolved="no"),
        rated("two", NOON, score=5, tags=["slow", "harsh", "dear"], survey="call-csat", evaluation="e2"),
        closed("one", NOON, agents=handlers[1:]),
        rated("one", NOON, score=2, tags=["slow"], survey="chat-csat", resolved="yes"),
        closed("none", NOON, agents=handlers[:1]),
    ]

    def counted(self, metric, query):
        (row,) = self.rows(metric, query)
        return row["numerator"], row["n"], row["coverage"]["eligible"], row["coverage"]["answered"]

    def test_a_session_with_several_of_the_values_counts_once(self):
        self.assertEqual(self.counted("sessions", "tag=slow,harsh"), (2, 2, 2, 2))
        self.assertEqual(self.counted("sessions", "tag=slow,harsh,unknown"), (3, 3, 3, 2))
        self.assertEqual(self.counted("sessions", "tag=harsh,dear,absent"), (1, 1, 1, 1))
        self.assertEqual(self.counted("resolved_rate", "survey=chat-csat,call-csat"), (1, 2, 2, 2))
        self.assertEqual(self.counted("sessions", "survey=chat-csat,call-csat,unknown"), (3, 3, 3, 2))

    def test_every_evaluation_that_is_let_through_counts(self):
        self.assertEqual(self.counted("csat", "survey=chat-csat,call-csat"), (1, 3, 2, 2))
        self.assertEqual(self.counted("csat", "survey=chat-csat"), (0, 2, 2, 2))
        self.assertEqual(self.counted("csat", "tag=harsh,dear&survey=call-csat,other"), (1, 1, 1, 1))

    def test_a_session_of_several_handlers_is_credited_once_to_a_group_of_them(self):
        self.assertEqual(self.counted("csat_all_handlers", "agent=ann,bob"), (1, 3, 3, None))
        self.assertEqual(self.counted("csat_all_handlers", "agent=ann,eve"), (1, 3, 3, None))
        self.assertEqual(self.counted("csat", "agent=ann,bob"), (1, 2, 2, 1))

    def test_grouped_by_the_dimension_each_value_has_its_row(self):
        rows = self.rows("sessions", "group_by=tag&tag=slow,harsh")
        self.assertEqual({row["group"]["tag"]: row["n"] for row in rows}, {"slow": 2, "harsh": 1})
        rows = self.rows("sessions", "group_by=channel&tag=slow,harsh")
        self.assertEqual([row["n"] for row in rows], [2])


class Sessions(Case):
    whole = {
        "transfers": 2,
        "work_orders": 1,
        "knowledge": {"lookups": 3, "hits": 1},
        "routing": {"rule": "r", "version": "4", "intended_group": "g"},
        "links": ["https://desk.example/1"],
    }
    zero = {"transfers": 0, "work_orders": 0, "knowledge": {"lookups": 0, "hits": 0}}
    sent = [closed("whole", NOON, **whole), closed("bare", NOON), closed("zero", NOON, **zero)]

    def test_a_close_shows_what_the_event_carried(self):
        def shown(session):
            close = self.ask(f"/api/v1/sessions/{session}").json()["closed"]
            return {name: close[name] for name in self.whole}

        self.assertEqual(shown("whole"), self.whole)
        self.assertEqual(shown("bare"), dict.fromkeys(self.whole))
        self.assertEqual(shown("zero"), {**dict.fromkeys(self.whole), **self.zero})


if __name__ == "__main__":
    house.run_tests()
