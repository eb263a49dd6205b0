#!/usr/bin/python3
"""Which tasks must exist, by hand."""

import unittest

from cases import OracleCase, change, close, rate, withdraw


def day(number, hour=10):
    return f"2026-03-{number:02d}T{hour:02d}:20:00Z"


class Improvements(OracleCase):
    rule = "{id: r, metric: %s, group_by: [channel], window: %s, %s tiers: [{%s, severity: low}, {%s: 99, severity: high}]}"

    def found(self, events, metric="dsat", window="day", more="minimum_n: 1,", tier="above: 0.3"):
        """{(tenant, channel): count}"""
        self.rules = "thresholds:\n  - " + self.rule % (metric, window, more, tier, tier.split(":")[0])
        tasks = self.tasks(events, ["channel"])
        return {(task["tenant"], task["scope"]["channel"]): task["count"] for task in tasks if task["rule"] == "r"}

    def sessions(self, at, *scores, channel="web", tenant="acme"):
        events = []
        for score in scores:
            name = f"{at}-{channel}-{tenant}-{len(events)}"
            events += [close(at, session=name, channel=channel, tenant=tenant)]
            events += [rate(name, at, session=name, score=score, tenant=tenant)] if score else []
        return events

    def test_a_bound_is_reached_exactly(self):
        self.assertEqual(self.found(self.sessions(day(1), 1, 1, 1, *[5] * 7)), {("acme", "web"): 3})
        self.assertEqual(self.found(self.sessions(day(1), 1, 1, *[5] * 5)), {})  # 2/7
        self.assertEqual(self.found(self.sessions(day(1), 1, 5, 5), tier="above: 0.333333"), {("acme", "web"): 1})
        self.assertEqual(self.found(self.sessions(day(1), 1, 5, 5), tier="above: 0.333334"), {})

    def test_minimum_n_is_20_unless_said(self):
        self.assertEqual(self.found(self.sessions(day(1), *[1] * 19), more=""), {})
        self.assertEqual(self.found(self.sessions(day(1), *[1] * 20), more=""), {("acme", "web"): 20})

    def test_evidence_adds_up_over_satisfying_windows_only(self):
        events = [
            *self.sessions(day(1), 1, 5),
            *self.sessions(day(2), 1, 5, 5, 5, 5),
            *self.sessions(day(3), 1, 1),
            *self.sessions(day(3, 23), 2),
        ]
        self.assertEqual(self.found(events), {("acme", "web"): 4})
        self.assertEqual(self.found(events, window="hour"), {("acme", "web"): 4})
        self.assertEqual(
            self.found(events, window="week", tier="above: 0.5"), {("acme", "web"): 1 + 4}
        )  # Sunday 1/2, from Monday 4/8

    def test_windows_are_the_tenants_own(self):
        # 18:14Z is 23:59 in Kathmandu
        events = [
            *self.sessions("2026-03-02T18:14:00Z", 1, tenant="himal"),
            *self.sessions("2026-03-02T18:16:00Z", 1, tenant="himal"),
        ]
        self.assertEqual(self.found(events, more="minimum_n: 2,"), {})
        self.assertEqual(
            self.found(
                self.sessions("2026-03-01T18:14:00Z", 1, tenant="himal") + events, window="week", more="minimum_n: 2,"
            ),
            {("himal", "web"): 2},
        )

    def test_scopes_unknown_or_outside_where_or_tenants_open_nothing(self):
        events = (
            self.sessions(day(1), 1, channel="unknown")
            + self.sessions(day(1), 1, channel="app")
            + self.sessions(day(1), 1, tenant="york")
        )
        self.assertEqual(self.found(events), {("acme", "app"): 1, ("york", "web"): 1})
        self.assertEqual(self.found(events, more="minimum_n: 1, where: {channel: [web]},"), {("york", "web"): 1})
        self.assertEqual(self.found(events, more="minimum_n: 1, tenants: [acme],"), {("acme", "app"): 1})

    def test_one_known_value_is_a_scope(self):
        self.rules = "thresholds:\n  - {id: r, metric: sessions, group_by: [channel, category], window: day, minimum_n: 1, tiers: [{above: 1}]}"
        tasks = self.tasks([close(), close(session="t", channel="web")], ["channel", "category"])
        self.assertEqual([task["scope"] for task in tasks], [{"channel": "web", "category": "unknown"}])

    def test_counts_are_compared_as_counts(self):
        events = self.sessions(day(1), 5, 0, 0) + self.sessions(day(2), 5, 5)
        self.assertEqual(self.found(events, "sessions", tier="above: 3"), {("acme", "web"): 3})
        self.assertEqual(self.found(events, "evaluations", tier="above: 2"), {("acme", "web"): 2})
        self.assertEqual(self.found(events, "evaluations", tier="above: 0"), {("acme", "web"): 3})

    def test_below_counts_what_is_missing(self):
        events = self.sessions(day(1), 5, 0, 0, 0)
        self.assertEqual(self.found(events, "coverage", tier="below: 0.25"), {("acme", "web"): 3})
        self.assertEqual(self.found(events, "coverage", tier="below: 0.249999"), {})
        self.assertEqual(self.found(events, "csat", tier="below: 0.5"), {})
        self.assertEqual(self.found(self.sessions(day(1), 0, 0), "csat", tier="below: 0.5"), {})  # no n, no rate

    def test_each_rate_has_its_numerator_and_n(self):
        def session(name, agent, customer):
            said = {"resolved": customer} if customer else {}
            return [close(session=name, channel="web", agent_resolution=agent), rate(name, session=name, **said)]

        events = [
            *session("1", "resolved", "no"),
            *session("2", "resolved", "yes"),
            *session("3", "unresolved", "no"),
            *session("4", "resolved", None),
        ]
        events += [
            close(session="5", channel="web"),
            rate("5", session="5", resolved="yes"),
            close(session="6", channel="web"),
        ]
        for metric, exact, more, count in (
            ("resolved_rate", "0.5", "0.500001", 2), ("unresolved_rate", "0.5", "0.500001", 2), ("coverage", "0.833333", "0.833334", 5),
            ("response_rate", "1", "1.000001", 5), ("resolution_mismatch_rate", "0.333333", "0.333334", 1),
        ):  # fmt: skip
            self.assertEqual(self.found(events, metric, tier=f"above: {exact}"), {("acme", "web"): count}, metric)
            self.assertEqual(self.found(events, metric, tier=f"above: {more}"), {}, metric)

    def test_counts_over_usual(self):
        usual = {"metric": "sessions", "more": "minimum_n: 1, over_usual: {periods: 3},", "tier": "above: 0.5"}
        history = self.sessions(day(1), 0) + self.sessions(day(3), 0)  # mean of days 1 to 3: 2/3
        self.assertEqual(
            self.found(history + self.sessions(day(4), 0), **usual), {("acme", "web"): 1}
        )  # day 3 is not judged: the third day before it lies before the data; day 4: 1 = 2/3 · 1.5
        self.assertEqual(
            self.found(history + self.sessions(day(4), 0), **{**usual, "tier": "above: 0.500001"}), {}
        )
        self.assertEqual(self.found(self.sessions(day(1), *[0] * 9), **usual), {})  # nothing usual
        self.assertEqual(self.found(history + self.sessions(day(7), *[0] * 9), **usual), {})  # day 3 is not among 4, 5, 6

    def test_weeks_and_hours_over_usual(self):
        usual = {"metric": "sessions", "more": "minimum_n: 2, over_usual: {periods: 1},", "tier": "above: 1"}
        self.assertEqual(
            self.found(self.sessions(day(1), 0) + self.sessions(day(2), 0, 0), window="week", **usual),
            {("acme", "web"): 2},
        )
        hours = self.sessions(day(1, 9), 0) + self.sessions(day(2, 9), 0, 0) + self.sessions(day(2, 10), 0, 0, 0)
        self.assertEqual(self.found(hours, window="hour", **usual), {("acme", "web"): 2})
        # New York: 9 o'clock is 14Z before 8 March and 13Z after
        summer = (
            self.sessions(day(7, 14), 0, tenant="york")
            + self.sessions(day(8, 13), 0, 0, tenant="york")
            + self.sessions(day(8, 14), 0, 0, tenant="york")
        )
        self.assertEqual(self.found(summer, window="hour", **usual), {("york", "web"): 2})

    def test_rates_over_usual(self):
        usual = {"more": "minimum_n: 2, over_usual: {periods: 2},", "tier": "above: 0.5"}
        before = self.sessions(day(1), 1, 5) + self.sessions(day(2), 5, 5)  # 1 of 4
        self.assertEqual(
            self.found(before + self.sessions(day(3), 1, 1, 1, 5, 5, 5, 5, 5), **usual), {("acme", "web"): 3}
        )  # 3/8 = 1/4 · 1.5
        self.assertEqual(self.found(before + self.sessions(day(3), 1, 5, 5), **usual), {})
        self.assertEqual(
            self.found(self.sessions(day(1), 0) + self.sessions(day(2), 1, 1), **usual), {}
        )  # usual without n

    def test_withdrawn_evidence_opens_nothing(self):
        events = self.sessions(day(1), 1)
        self.assertEqual(
            self.found(
                [*events, withdraw(events[1]["data"]["evaluation_id"], session=events[1]["data"]["session_id"])]
            ),
            {},
        )


class Sessions(OracleCase):
    rules = """
recoveries:
  - {id: call, when: {unresolved: true, wants_contact: true}}
  - {id: low, when: {low_score: true}, tenants: [acme]}
  - {id: odd, when: {unresolved: false, low_score: true}}
"""

    def of_kind(self, kind, events):
        return sorted((task["rule"], task["session"]) for task in self.tasks(events, []) if task["kind"] == kind)

    def test_every_condition_must_hold_in_the_final_state(self):
        wish = rate("a", survey="x", resolved="no", wants_contact=True)
        self.assertEqual(self.of_kind("recovery", [close(), wish]), [("call", "s")])
        self.assertEqual(self.of_kind("recovery", [wish]), [])  # not closed
        self.assertEqual(self.of_kind("recovery", [close(), wish, withdraw("a")]), [])
        changed = rate("b", "2026-03-01T11:00:00Z", survey="y", resolved="yes", score=1)
        self.assertEqual(self.of_kind("recovery", [close(), wish, changed]), [("low", "s"), ("odd", "s")])
        self.assertEqual(self.of_kind("recovery", [close(tenant="york"), rate(score=2, tenant="york")]), [("odd", "s")])

    def test_low_scores_are_those_in_the_bottom_boxes_of_any_kind(self):
        for survey, score, scale, low in (
            ("effort", 2.5, (1, 7), True),
            ("effort", 2.6, (1, 7), False),
            ("recommend", 6, (0, 10), True),
            ("chat", 3, (1, 5), False),
        ):
            found = self.of_kind("recovery", [close(), rate(survey=survey, score=score, scale=scale, resolved="no")])
            self.assertEqual(found, [("low", "s")] if low else [], survey)

    def test_red_lines_look_at_every_event_even_without_a_close(self):
        at = "2026-03-01T10:00:00Z"
        for events in (
            [rate(tags=["觸電"])], [rate(tags=["UNSAFE"]), withdraw()], [rate(tags=["unsafe"]), rate(at="2026-03-02T00:00:00Z", tags=[])],
            [close(agent_tags=["触电"]), close("2026-03-02T00:00:00Z")], [change(at, by="reviewer", add=["unsafe"], remove=["unsafe"])],
            [rate(comment="昨天著火了")], [rate(comment="it CAUGHT \n FIRE!"), withdraw()],
        ):  # fmt: skip
            self.assertEqual(self.of_kind("safety", events), [("safety", "s")], events)
        for events in (
            [change(at, remove=["unsafe"])],
            [rate(comment="unsafe")],
            [rate(tags=["着火"])],
            [rate(comment="caught a fire")],
        ):
            self.assertEqual(self.of_kind("safety", events), [], events)

    def test_red_tags_follow_the_rules_at_the_events_own_time(self):
        early, late = "2026-04-30T23:59:59Z", "2026-05-01T00:00:00Z"
        for at, red in ((early, []), (late, [("safety", "s")])):
            self.assertEqual(self.of_kind("safety", [rate(at=at, tags=["SMOKE"])]), red)
            self.assertEqual(self.of_kind("safety", [close(at, agent_tags=["smoke"])]), red)
            self.assertEqual(self.of_kind("safety", [close(late), change(at, add=["smoke"])]), red)

    def test_the_first_of_equal_source_and_id_is_the_only_one_seen(self):
        self.assertEqual(self.of_kind("safety", [rate(id="1"), rate(id="1", tags=["unsafe"])]), [])


if __name__ == "__main__":
    unittest.main()
