#!/usr/bin/python3
"""What stands of a session, by hand: events, closes, evaluations, invitations, tags, reviews, text, times. docs/aggregates.md, first half."""

import datetime
import unittest
import zoneinfo

from cases import OracleCase, change, close, event, invite, rate, review, withdraw
from configuration import normalise
from times import Zone, parse_time


class Duplicates(OracleCase):
    def test_the_first_of_equal_source_and_id_stands(self):
        events = [close(id="1", channel="web"), close(id="1", channel="app", at="2026-03-01T11:00:00Z")]
        self.assertEqual(self.values(events, "channel"), ["web"])

    def test_another_source_or_session_is_another_event(self):
        events = [
            close(id="1"),
            rate(id="1", source="/x", score=5),
            close(id="1", session="t"),
            close(id="1", tenant="york"),
        ]
        acme, york = sorted(self.lines(events, []), reverse=True, key=len)
        self.assertIn(b'"csat_n":1', acme)
        self.assertIn(b'"unknown_unanswered":2', acme)
        self.assertIn(b'"measures":{"unknown_unanswered":1},"tenant":"york"', york)

    def test_kinds_of_events_share_the_guard(self):
        events = [close(id="1"), rate(id="1", score=5)]
        self.assertEqual(self.total(events), {"unknown_unanswered": 1})

    def test_orphans_count_nowhere_until_the_close_comes(self):
        events = [rate(score=5), change("2026-03-01T10:00:00Z", add=["x"]), invite()]
        self.assertEqual(self.lines(events, [], ["tag"]), [])
        self.assertEqual(self.total([*events, close()])["csat_top"], 1)

    def test_other_events_count_nowhere(self):
        outcome = event(
            "outcome.observed", {"name": "returns", "time": "2026-03-01T10:00:00Z", "numerator": 1, "denominator": 2}
        )
        self.assertEqual(self.total([close(), outcome]), {"unknown_unanswered": 1})


class Closes(OracleCase):
    def test_the_greatest_closed_at_stands_with_all_its_facts(self):
        events = [
            close("2026-03-01T10:59:00Z", channel="web", handle_ms=5),
            close("2026-03-01T12:58:00+02:00", channel="app"),
        ]
        self.assertEqual(
            self.rows(events, ["channel"]),
            {("web",): {"unknown_unanswered": 1, "handle_n": 1, "handle_ms": 5, "bins": {"handle": {"5": 1}}}},
        )

    def test_ties_go_to_the_greatest_source_then_id(self):
        self.assertEqual(
            self.values([close(source="/b", id="1", channel="b"), close(source="/a", id="2", channel="a")], "channel"),
            ["b"],
        )
        self.assertEqual(
            self.values([close(id="10", channel="ten"), close(id="9", channel="nine")], "channel"), ["nine"]
        )


class Evaluations(OracleCase):
    def test_a_correction_replaces_exactly(self):
        events = [close(), rate(score=1, resolved="no"), rate(score=5, at="2026-03-01T10:31:00Z")]
        self.assertEqual(self.total(events)["scores"], {"csat:1000:5000:5000": 1})
        self.assertEqual(self.total(events)["unknown_unanswered"], 1)

    def test_ties_of_a_correction_go_to_source_then_id(self):
        events = [close(), rate(source="/b", id="1", score=1), rate(source="/a", id="2", score=2)]
        self.assertEqual(self.total(events)["scores"], {"csat:1000:5000:1000": 1})

    def test_a_withdrawal_counts_whichever_comes_first_and_covers_corrections(self):
        for events in (
            [withdraw(), close(), rate(score=1)],
            [close(), rate(score=1), withdraw(), rate(score=2, at="2026-03-02T00:00:00Z")],
        ):
            self.assertEqual(self.total(events), {"unknown_unanswered": 1})

    def test_the_latest_that_remains_stands(self):
        events = [close(), rate("a", score=1), rate("b", "2026-03-01T10:40:00Z", score=5), withdraw("b")]
        self.assertEqual(self.total(events)["scores"], {"csat:1000:5000:1000": 1})

    def test_per_survey_the_greatest_submitted_at_then_evaluation_id_stands(self):
        events = [
            close(),
            rate("a", score=1, survey="chat"),
            rate("b", score=2, survey="chat"),
            rate("c", score=3),
            rate("d", score=4, survey=""),
        ]
        self.assertEqual(self.total(events)["scores"], {"csat:1000:5000:2000": 1, "csat:1000:5000:4000": 1})
        self.assertEqual(self.values(events, "survey"), ["chat", "unknown"])

    def test_a_correction_may_move_to_another_survey(self):
        events = [
            close(),
            rate("a", survey="chat", score=1),
            rate("b", survey="effort", score=2),
            rate("a", "2026-03-01T11:00:00Z", survey="effort", score=3),
        ]
        self.assertEqual(self.values(events, "survey"), ["effort"])
        self.assertEqual(self.total(events)["ces_sum"], 3000)

    def test_the_latest_yes_or_no_among_the_standing_speaks(self):
        said = [
            close(),
            rate("a", survey="chat", resolved="no"),
            rate("b", "2026-03-01T10:31:00Z", survey="effort", resolved="yes"),
        ]
        silent = rate("c", "2026-03-01T10:32:00Z", survey="recommend", score=9, scale=(0, 10))
        self.assertEqual(self.total([*said, silent])["unknown_yes"], 1)
        same_time = [close(), rate("a", survey="chat", resolved="no"), rate("b", survey="effort", resolved="yes")]
        self.assertEqual(self.total(same_time)["unknown_yes"], 1)
        overtaken = [*said, rate("d", "2026-03-01T10:33:00Z", survey="effort")]
        self.assertEqual(self.total(overtaken)["unknown_no"], 1)


class Invitations(OracleCase):
    def test_delivered_or_absent_or_an_evaluation_is_invited(self):
        for events in (
            [invite()],
            [invite(outcome="delivered")],
            [rate()],
            [invite(outcome="refused"), invite()],
            [invite(outcome="failed"), rate()],
        ):
            with self.subTest(events):
                measures = self.total([close(), *events])
                self.assertEqual((measures.get("invited"), measures.get("not_reached")), (1, None))

    def test_else_refused_no_answer_and_failed_are_not_reached(self):
        for outcome in ("refused", "no_answer", "failed"):
            self.assertEqual(
                self.total([close(), invite(outcome=outcome), invite(outcome=outcome)]),
                {"unknown_unanswered": 1, "not_reached": 1},
            )
        self.assertEqual(self.total([close()]), {"unknown_unanswered": 1})
        self.assertEqual(
            self.total([close(), invite(outcome="refused"), rate(), withdraw()]),
            {"unknown_unanswered": 1, "not_reached": 1},
        )


class Tags(OracleCase):
    def test_base_tags_come_from_what_stands(self):
        events = [
            close("2026-03-01T10:00:00Z", agent_tags=["old"]),
            close("2026-03-01T10:20:00Z", agent_tags=["b", "a"]),
            rate("x", survey="chat", tags=["replaced"]),
            rate("y", "2026-03-01T10:31:00Z", survey="chat", tags=["c"]),
            rate("z", survey="effort", tags=["d", "c"]),
            review("2026-03-02T10:00:00Z", "r1", ["e"]),
            review("2026-03-02T09:00:00Z", "r1", ["f"]),
            review("2026-03-02T09:00:00Z", "r2", ["g"]),
        ]
        self.assertEqual(self.values(events, "tag"), ["c", "d"])
        self.assertEqual(self.values(events, "agent_tag"), ["a", "b"])
        self.assertEqual(self.values(events, "review_tag"), ["e", "g"])

    def test_reviews_tie_on_time_by_id_then_source(self):
        at = "2026-03-02T10:00:00Z"
        self.assertEqual(
            self.values(
                [close(), review(at, tags=["a"], id="1", source="/z"), review(at, tags=["b"], id="2", source="/a")],
                "review_tag",
            ),
            ["b"],
        )
        self.assertEqual(
            self.values(
                [close(), review(at, tags=["a"], id="1", source="/z"), review(at, tags=["b"], id="1", source="/a")],
                "review_tag",
            ),
            ["a"],
        )

    def test_the_greatest_time_id_source_wins_per_direction_and_tag(self):
        base = [close(agent_tags=["a"]), rate(tags=["a", "b"])]
        early, at, late = "2026-03-01T10:29:59.999Z", "2026-03-01T10:30:00Z", "2026-03-01T10:30:00.001Z"
        self.assertEqual(self.values([*base, change(early, remove=["a"])], "tag"), ["a", "b"])  # before the base
        self.assertEqual(
            self.values([*base, change(at, remove=["a"])], "tag"), ["b"]
        )  # as old as the base, but with an id
        self.assertEqual(self.values([*base, change(late, remove=["a"]), change(at, add=["a"])], "tag"), ["b"])
        self.assertEqual(
            self.values([*base, change(at, remove=["a"], id="1"), change(at, add=["a"], id="2")], "tag"), ["a", "b"]
        )
        self.assertEqual(
            self.values(
                [*base, change(at, remove=["a"], id="1", source="/z"), change(at, add=["a"], id="1", source="/a")],
                "tag",
            ),
            ["b"],
        )
        self.assertEqual(self.values([*base, change(late, by="agent", remove=["a", "b"])], "tag"), ["a", "b"])
        self.assertEqual(self.values([*base, change(late, by="agent", remove=["a", "b"])], "agent_tag"), ["unknown"])
        self.assertEqual(self.values([*base, change(late, by="reviewer", add=["q"])], "review_tag"), ["q"])

    def test_a_tag_both_added_and_removed_is_not_there(self):
        self.assertEqual(
            self.values([close(), change("2026-03-01T11:00:00Z", add=["排隊", "x"], remove=["Long Wait"])], "tag"),
            ["x"],
        )

    def test_spellings_of_one_tag_are_one_tag(self):
        events = [close(), rate(tags=["排隊", "LONG  wait", "long-wait", "ｌｏｎｇ－ｗａｉｔ", "STRASSE", " ", ""])]
        self.assertEqual(self.values(events, "tag"), ["Straße", "long-wait"])
        self.assertEqual(self.rows(events, ["tag"])[("long-wait",)]["evaluations"], 1)

    def test_an_alias_holds_from_its_effective_from_by_closed_at(self):
        def tags(closed):
            return self.values([close(closed), rate(at="2026-06-01T00:00:00Z", tags=["QUEUE！"])], "tag")

        self.assertEqual(tags("2026-04-30T23:59:59.999Z"), ["queue!"])
        self.assertEqual(tags("2026-05-01T00:00:00Z"), ["long-wait"])

    def test_moments_are_those_of_the_customers_tags(self):
        self.assertEqual(
            self.values([close(agent_tags=["rude"]), rate(tags=["排队", "等待太久", "Street", "free text"])], "moment"),
            ["unknown", "waiting"],
        )
        self.assertEqual(self.values([close(agent_tags=["rude"])], "moment"), ["unknown"])


class TextAndTimes(unittest.TestCase):
    def test_text_is_folded_widened_simplified_and_trimmed(self):
        for raw, clean in (
            ("ＡＢＣ　１２", "abc 12"), ("Straße", "strasse"), ("繁體中文", "繁体中文"), ("ﬁne", "fine"), ("①", "1"), ("ⅷ", "viii"),
            (" a\t\n\u2028b\u00a0 ", "a b"), ("👍🏽", "👍🏽"), ("a\u200bb", "a\u200bb"), ("\u3000", ""), ("e\u0301", "é"), ("ΣΑΣ", "σασ"), ("\x1f", "\x1f"),
        ):  # fmt: skip
            self.assertEqual(normalise(raw), clean, raw)

    def test_times_are_cut_to_milliseconds(self):
        self.assertEqual(parse_time("1970-01-01T00:00:00.0019Z"), 1)
        self.assertEqual(parse_time("1970-01-01T01:00:00.5+01:00"), 500)
        self.assertEqual(parse_time("2026-03-01T00:00:00-00:30"), 1772325000000)
        for wrong in ("2026-03-01", "2026-03-01T00:00:00", "2026-3-1T00:00:00Z", "2026-02-30T00:00:00Z"):
            self.assertRaises(ValueError, parse_time, wrong)

    def test_hours_and_days_are_the_zones_own(self):
        kathmandu = Zone("Asia/Kathmandu")  # 00:00Z is 05:45
        self.assertEqual(kathmandu.hour(parse_time("2026-03-01T00:00:00Z")), parse_time("2026-02-28T23:15:00Z"))
        self.assertEqual(kathmandu.hour(parse_time("2026-03-01T00:15:00Z")), parse_time("2026-03-01T00:15:00Z"))
        york = Zone("America/New_York")  # summer time from 2026-03-08T07:00Z
        self.assertEqual(york.day(parse_time("2026-03-08T04:59:59Z")) + 1, york.day(parse_time("2026-03-08T05:00:00Z")))
        self.assertEqual(york.day(parse_time("2026-03-09T03:59:59Z")) + 1, york.day(parse_time("2026-03-09T04:00:00Z")))
        self.assertRaises(ValueError, Zone, "Mars/Olympus")

    def test_offsets_are_those_of_the_systems_zone_files(self):
        for name in (
            "America/New_York",
            "Australia/Adelaide",
            "Asia/Kathmandu",
            "Pacific/Chatham",
            "Europe/London",
            "Asia/Shanghai",
        ):
            zone, other = Zone(name), zoneinfo.ZoneInfo(name)
            for hour in range(0, 24 * 366 * 2, 3):
                moment = datetime.datetime(2025, 12, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(hours=hour)
                offset_ms = zone.offset(int(moment.timestamp() * 1000))
                self.assertEqual(
                    offset_ms, moment.astimezone(other).utcoffset() / datetime.timedelta(milliseconds=1), moment
                )


if __name__ == "__main__":
    unittest.main()
