#!/usr/bin/python3
"""Values, rows, measures, credit and the canonical export, by hand. docs/aggregates.md, second half."""

import unittest

from cases import OracleCase, change, close, invite, rate, withdraw
from rows import bin_of

HUMAN_A = {"id": "a", "group": "g1", "department": "d1", "from": "2026-03-01T10:00:00Z", "to": "2026-03-01T10:01:00Z"}
HUMAN_B = {"id": "b", "group": "g1", "kind": "human", "from": "2026-03-01T10:01:00Z", "to": "2026-03-01T10:03:00.5Z"}
HUMAN_A_AGAIN = {"id": "a", "group": "g2", "from": "2026-03-01T10:04:00Z"}
BOT = {"id": "robot", "kind": "bot", "group": "bots", "from": "2026-03-01T09:00:00Z", "to": "2026-03-01T10:00:00Z"}


class Values(OracleCase):
    def test_facts_of_the_close_and_unknown_where_absent_or_empty(self):
        full = close(
            channel="web", category="a/b/c", entity="east", routing={"version": 3}, agents=[HUMAN_A, HUMAN_B, BOT]
        )
        for dimension, value in (
            ("channel", "web"), ("category", "a/b/c"), ("category1", "a"), ("entity", "east"), ("routing_version", "3"),
            ("agent", "b"), ("group", "g1"), ("department", "unknown"), ("bot", "robot"), ("tag", "unknown"), ("survey", "unknown"),
            ("survey_version", "unknown"), ("question", "unknown"), ("delay", "unknown"), ("language", "unknown"), ("moment", "unknown"),
        ):  # fmt: skip
            self.assertEqual(self.values([full], dimension), [value], dimension)
            if dimension not in ("channel", "category"):
                self.assertEqual(
                    self.values([close(entity="", agents=[], routing={})], dimension), ["unknown"], dimension
                )
        self.assertEqual(self.values([close(category="/x")], "category"), ["/x"])
        self.assertEqual(self.values([close(category="/x")], "category1"), ["unknown"])
        self.assertEqual(self.values([close(channel=""), close(session="t")], "channel"), ["unknown"])

    def test_delay_counts_whole_local_days(self):
        # Kathmandu (+05:45): midnight is 18:15Z.
        closed = close("2026-03-01T18:14:00Z", tenant="himal")
        for submitted, delay in (
            ("2026-02-20T00:00:00Z", "T+0"), ("2026-03-01T18:14:59.999Z", "T+0"), ("2026-03-01T18:15:00Z", "T+1"), ("2026-03-02T18:14:59Z", "T+1"),
            ("2026-03-02T18:15:00Z", "T+2"), ("2026-03-03T18:15:00Z", "later"), ("2026-09-03T18:15:00Z", "later"),
        ):  # fmt: skip
            self.assertEqual(self.values([closed, rate(at=submitted, tenant="himal")], "delay"), [delay], submitted)

    def test_versions_compare_as_text(self):
        events = [
            close(),
            rate("a", survey="x", version=2),
            rate("b", survey="y", version="2"),
            rate("c", survey="z", version="02"),
        ]
        self.assertEqual(self.values(events, "survey_version"), ["02", "2"])
        self.assertEqual(self.rows(events, ["survey_version"])[("2",)]["evaluations"], 2)


class Rows(OracleCase):
    def test_the_bucket_is_the_local_hour_of_the_standing_close(self):
        events = [
            close("2026-03-01T00:14:59.999Z", tenant="himal"),
            close("2026-03-01T00:59:59Z"),
            close("2026-03-01T00:15:00Z", tenant="nobody"),
        ]
        lines = self.lines(events, [])
        self.assertEqual(
            [line.split(b",")[0] for line in lines],
            [b'{"bucket":1772320500', b'{"bucket":1772323200', b'{"bucket":1772323200'],
        )

    def test_a_session_adds_to_every_combination_of_its_values(self):
        events = [close(channel="web", agent_tags=["p", "q"]), rate(tags=["x", "y"], score=5)]
        rows = self.rows(events, ["tag", "channel", "agent_tag"])
        self.assertEqual(sorted(rows), [(t, "web", a) for t in ("x", "y") for a in ("p", "q")])
        for measures in rows.values():
            self.assertEqual((measures["unknown_unanswered"], measures["csat_top"]), (1, 1))

    def test_evaluation_dimensions_select_the_evaluations_that_carry_them(self):
        events = [
            close(handle_ms=7),
            rate("a", survey="x", language="zh", score=5),
            rate("b", survey="y", language="zh", score=1),
            rate("c", survey="z", score=3),
        ]
        rows = self.rows(events, ["language"])
        self.assertEqual(sorted(rows), [("unknown",), ("zh",)])
        self.assertEqual(rows[("zh",)]["scores"], {"csat:1000:5000:1000": 1, "csat:1000:5000:5000": 1})
        self.assertEqual(rows[("unknown",)]["scores"], {"csat:1000:5000:3000": 1})
        self.assertEqual([rows[key]["handle_ms"] for key in rows], [7, 7])  # session measures: once per combination
        self.assertEqual(self.values(events, "survey", "language"), ["x|zh", "y|zh", "z|unknown"])

    def test_a_session_without_evaluations_has_them_all_unknown(self):
        events = [close(channel="web"), rate(survey="x"), withdraw()]
        self.assertEqual(
            self.rows(events, ["survey", "channel", "delay"]),
            {("unknown", "web", "unknown"): {"unknown_unanswered": 1}},
        )

    def test_questions_belong_to_their_evaluation(self):
        answers = [
            {"question": "q1", "value": 1},
            {"question": "q2", "skipped": True},
            {"question": "q1", "skipped": True},
        ]
        events = [
            close(),
            rate("a", survey="x", answers=answers),
            rate("b", survey="y", answers=[{"question": "q1"}]),
            rate("c", survey="z"),
        ]
        rows = self.rows(events, ["question"])
        self.assertEqual(
            {key[0]: (m["evaluations"], m.get("answers"), m.get("answers_skipped")) for key, m in rows.items()},
            {"q1": (2, 3, 1), "q2": (1, 1, 1), "unknown": (1, None, None)},
        )
        self.assertEqual(self.values(events, "question", "survey"), ["q1|x", "q1|y", "q2|x", "unknown|z"])
        self.assertEqual((self.total(events)["answers"], self.total(events)["answers_skipped"]), (4, 2))

    def test_sets_hold_from_their_effective_from(self):
        late = {"dimensions": ["channel"], "effective_from": "2026-03-01T12:00:00+01:00"}
        events = [close("2026-03-01T10:59:59.999Z", session="s"), close("2026-03-01T11:00:00Z", session="t")]
        self.assertEqual([b'"bucket":1772362800' in line for line in self.lines(events, late)], [True])


class Measures(OracleCase):
    def test_the_session_falls_into_one_of_nine(self):
        for agent in ("unknown", "resolved", "unresolved"):
            for customer, said in (("unanswered", {}), ("yes", {"resolved": "yes"}), ("no", {"resolved": "no"})):
                facts = {} if agent == "unknown" else {"agent_resolution": agent}
                expected = {f"{agent}_{customer}": 1, "answered": 1, "invited": 1, "evaluations": 1}
                self.assertEqual(self.total([close(**facts), rate(**said)]), expected)

    def test_the_resolution_is_the_sessions_even_where_another_evaluation_is_selected(self):
        events = [close(), rate("a", survey="x"), rate("b", survey="y", resolved="no")]
        self.assertEqual(
            self.rows(events, ["survey"])[("x",)], {"unknown_no": 1, "answered": 1, "invited": 1, "evaluations": 1}
        )

    def test_times_are_counted_summed_and_binned(self):
        measures = self.total(
            [close(handle_ms=0, queued_ms=64, first_reply_ms=1000), close(session="t", handle_ms=130, queued_ms=65)]
        )
        self.assertEqual(measures, {
            "unknown_unanswered": 2, "handle_n": 2, "handle_ms": 130, "queue_n": 2, "queue_ms": 129, "first_reply_n": 1, "first_reply_ms": 1000,
            "bins": {"handle": {"0": 1, "129": 1}, "queue": {"64": 1, "65": 1}, "first_reply": {"317": 1}},
        })  # fmt: skip

    def test_bins_are_64_an_octave(self):
        for value, expected in (
            (0, 0),
            (63, 63),
            (64, 64),
            (127, 127),
            (128, 128),
            (129, 128),
            (130, 129),
            (255, 191),
            (256, 192),
            (1000, 317),
            (1 << 40, 2240),
        ):
            self.assertEqual(bin_of(value), expected, value)

    def boxes(self, survey, score, scale, at="2026-03-01T10:20:00Z"):
        measures = self.total([close(at), rate(survey=survey, score=score, scale=scale)])
        return measures.get("csat_n") or measures.get("nps_n"), *(
            measures.get(csat) or measures.get(nps) or 0
            for csat, nps in (("csat_top", "nps_promoters"), ("csat_bottom", "nps_detractors"))
        )

    def test_configured_boxes_hold_for_their_scale_and_time(self):
        self.assertEqual(
            [self.boxes("chat", score, (1, 5)) for score in (2, 2.5, 3.999, 4)],
            [(1, 0, 1), (1, 0, 0), (1, 0, 0), (1, 1, 0)],
        )
        before, after = "2026-04-30T21:59:59.999Z", "2026-04-30T22:00:00Z"
        self.assertEqual([self.boxes("chat", score, (1, 5), before) for score in (3, 4)], [(1, 0, 0), (1, 1, 0)])
        self.assertEqual(
            [self.boxes("chat", score, (1, 5), after) for score in (3, 4, 5)], [(1, 0, 1), (1, 0, 0), (1, 1, 0)]
        )

    def test_other_scales_take_three_and_one_quarter(self):
        for survey in ("chat", "unlisted"):
            self.assertEqual(
                [self.boxes(survey, score, (0, 10)) for score in (2.5, 2.501, 7.499, 7.5)],
                [(1, 0, 1), (1, 0, 0), (1, 0, 0), (1, 1, 0)],
            )
        self.assertEqual(
            [self.boxes("unlisted", score, (1, 5)) for score in (2, 3, 4)], [(1, 0, 1), (1, 0, 0), (1, 1, 0)]
        )
        self.assertEqual(
            [self.boxes("unlisted", score, (-2, 2)) for score in (-1, 0, 1)], [(1, 0, 1), (1, 0, 0), (1, 1, 0)]
        )

    def test_a_score_without_scale_is_on_one_to_five(self):
        event = rate(score=2)
        for absent in ({}, {"min": None, "max": None}):
            event["data"]["score"] = {"value": 2, **absent}
            self.assertEqual(self.total([close(), event])["scores"], {"csat:1000:5000:2000": 1})

    def test_null_means_absent(self):
        nothing = close(
            channel=None,
            agents=[{"id": "a", "kind": None, "from": None}],
            agent_tags=None,
            handle_ms=None,
            routing=None,
        )
        silent = rate(survey=None, resolved=None, tags=None, comment=None, answers=None, version=None)
        expected = {"unknown_unanswered": 1, "answered": 1, "invited": 1, "evaluations": 1}
        self.assertEqual(self.total([nothing, silent, invite(outcome=None)]), expected)
        self.assertEqual(self.values([nothing, silent], "agent", "survey", "survey_version"), ["a|unknown|unknown"])

    def test_nps_takes_nine_and_six_tenths(self):
        self.assertEqual(
            [self.boxes("recommend", score, (0, 10)) for score in (6, 7, 8.999, 9)],
            [(1, 0, 1), (1, 0, 0), (1, 0, 0), (1, 1, 0)],
        )
        self.assertEqual(
            [self.boxes("recommend", score, (1, 5)) for score in (3.4, 3.401, 4.6)], [(1, 0, 1), (1, 0, 0), (1, 1, 0)]
        )

    def test_ces_sums_thousandths(self):
        measures = self.total(
            [
                close(),
                rate(survey="effort", score=2.5, scale=(1, 7)),
                close(session="t"),
                rate(survey="effort", score=7, scale=(1, 7), session="t"),
            ]
        )
        self.assertEqual(
            (measures["ces_n"], measures["ces_sum"], measures["scores"]),
            (2, 9500, {"ces:1000:7000:2500": 1, "ces:1000:7000:7000": 1}),
        )
        self.assertNotIn("csat_n", measures)


class Credit(OracleCase):
    def test_every_human_handler_is_credited_in_sets_of_handlers(self):
        events = [
            close(agents=[BOT, HUMAN_A, HUMAN_B, HUMAN_A_AGAIN]),
            rate("x", score=5, survey="chat"),
            rate("y", score=1),
            rate("z", score=9, scale=(0, 10), survey="recommend"),
        ]
        session = {
            "unknown_unanswered": 1,
            "answered": 1,
            "invited": 1,
            "evaluations": 3,
            "csat_n": 2,
            "csat_top": 1,
            "csat_bottom": 1,
            "nps_n": 1,
            "nps_promoters": 1,
            "scores": {"csat:1000:5000:1000": 1, "csat:1000:5000:5000": 1, "nps:0:10000:9000": 1},
        }

        def credited(ms):
            credit = {"all_sessions": 1, "all_csat_n": 2, "all_csat_top": 1, "all_csat_bottom": 1}
            weights = {
                "weighted_ms": ms,
                "weighted_csat_ms": 2 * ms,
                "weighted_csat_top_ms": ms,
                "weighted_csat_bottom_ms": ms,
            }
            return {**credit, **(weights if ms else {})}

        self.assertEqual(
            self.rows(events, ["agent"]), {("a",): {**session, **credited(60_000)}, ("b",): credited(120_500)}
        )
        self.assertEqual(
            self.rows(events, ["group", "agent"]),
            {("g1", "a"): credited(60_000), ("g1", "b"): credited(120_500), ("g2", "a"): {**session, **credited(0)}},
        )
        self.assertEqual(
            self.rows(events, ["group"]), {("g1",): credited(180_500), ("g2",): {**session, **credited(0)}}
        )
        self.assertNotIn("all_sessions", self.total(events))
        self.assertNotIn("all_sessions", self.rows(events, ["bot"])[("robot",)])

    def test_credit_follows_the_selected_evaluations(self):
        events = [close(agents=[HUMAN_A]), rate("x", score=5, survey="chat"), rate("y", score=1, survey="other")]
        rows = self.rows(events, ["survey", "agent"])
        self.assertEqual(
            (rows["chat", "a"]["all_csat_top"], rows["other", "a"]["all_csat_bottom"], rows["chat", "a"]["all_csat_n"]),
            (1, 1, 1),
        )
        self.assertEqual(rows["chat", "a"]["weighted_csat_top_ms"], 60_000)
        self.assertNotIn("all_csat_top", rows["other", "a"])

    def test_without_human_handlers_the_session_is_credited_to_unknown(self):
        self.assertEqual(
            self.rows([close(agents=[BOT])], ["agent"]), {("unknown",): {"unknown_unanswered": 1, "all_sessions": 1}}
        )


class Export(OracleCase):
    def test_the_form_is_exact(self):
        events = [
            close(tenant='a"\\\u0001\t\u007f\u2028中', category="a/b", channel="web", handle_ms=5),
            change("2026-03-01T11:00:00Z", tenant='a"\\\u0001\t\u007f\u2028中', add=["x"]),
        ]
        self.assertEqual(
            self.lines(events, ["channel", "category"]),
            [
                '{"bucket":1772359200,"dimensions":["channel","category"],"measures":{"bins":{"handle":{"5":1}},"handle_ms":5,"handle_n":1,'
                '"unknown_unanswered":1},"tenant":"a\\"\\\\\\u0001\\t\u007f\u2028中","values":["web","a/b"]}'.encode()
            ],
        )

    def test_lines_and_keys_are_sorted_by_bytes(self):
        events = [
            close(channel="é"),
            close(session="t", channel="z"),
            close(session="u", channel="Z"),
            close(session="v", channel="\U0001f600"),
            close(session="w", channel="\uffee"),
        ]
        lines = self.lines(events, ["channel"])
        self.assertEqual(
            [line.split(b'values":["')[1].decode() for line in lines],
            ['Z"]}', 'z"]}', 'é"]}', '\uffee"]}', '\U0001f600"]}'],
        )
        binned = self.lines([close(handle_ms=9), close(session="t", handle_ms=10)], [])
        self.assertIn(b'{"10":1,"9":1}', binned[0])

    def test_zero_measures_are_left_out(self):
        both = [close(), rate(survey="effort", score=0, scale=(-2, 2)), invite(outcome="failed")]
        self.assertEqual(
            self.total(both),
            {
                "unknown_unanswered": 1,
                "answered": 1,
                "invited": 1,
                "evaluations": 1,
                "ces_n": 1,
                "scores": {"ces:-2000:2000:0": 1},
            },
        )

    def test_order_of_arrival_leaves_no_trace(self):
        events = [
            close(agents=[HUMAN_A, HUMAN_B]),
            rate("x", score=5),
            rate("y", score=1),
            withdraw("x"),
            change("2026-03-01T11:00:00Z", add=["a"], remove=["b"]),
            invite(),
        ]
        sets = [[], ["tag"], ["agent"], ["survey"]]
        self.assertEqual(self.lines(events, *sets), self.lines(events[::-1] + events, *sets))


if __name__ == "__main__":
    unittest.main()
