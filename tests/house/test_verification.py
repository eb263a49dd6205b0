#!/usr/bin/python3
"""From a bad week to a verdict: a task is worked on, the customers are told, and six weeks later it says honestly whether that helped."""

import os
import shutil
import tempfile
import unittest
from datetime import date, timedelta

import server as house
from events import closed, observed, rated

BEGIN = date(2026, 1, 5)
ANSWERS = 24  # a day and category
WEEKS = 6
TRIGGER, TOLD = 7 * WEEKS + 1, 7 * WEEKS + 3  # days: bad; worked on
LAST = TOLD + 7 * WEEKS + 3


def day_of(day, category, bad):
    """A day's sessions of a category, so many of them dissatisfied."""
    out = []
    for number in range(ANSWERS):
        name = f"{category}-{day}-{number}"
        at = f"{BEGIN + timedelta(days=day)}T{number % 12:02d}:{number:02d}:00Z"
        out += [closed(name, at, category=category), rated(name, at, score=1 if number < bad else 5)]
    return out


class Verified(unittest.TestCase):
    """One server for all stories: its clock is the events' own."""

    # Dissatisfied of 24 answers: before, on the bad day, after.
    STORIES = {"helped": (6, 12, 2), "nothing": (6, 12, 6), "worse": (6, 12, 10), "steady": (6, 6, 6), "calm": (6, 6, 6)}

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="echoloop-verification-")
        cls.addClassCleanup(cls.folder.cleanup)
        config = shutil.copytree(house.CONFIG, os.path.join(cls.folder.name, "config"))
        with open(os.path.join(config, "rules.yaml"), encoding="utf-8") as file:
            rules = file.read()
        with open(os.path.join(config, "rules.yaml"), "w", encoding="utf-8") as file:
            file.write(rules.replace("    metric: dsat\n", "    metric: dsat\n    verify: {outside: returns}\n", 1))
        cls.server = house.Server(cls.folder.name, "--clock", "event", config=config).start()
        cls.addClassCleanup(cls.server.__exit__)
        cls.live_through(range(TRIGGER))
        cls.live_through([TRIGGER], 1)
        cls.server.post_events(day_of(TRIGGER, "rare", 12))
        cls.server.wait_settled()
        cls.tasks = {one["cause"]["scope"]["category"]: one for one in cls.server.tasks(tenant="hongtu") if one["cause"]["rule"] == "dissatisfied-category"}
        cls.live_through(range(TRIGGER + 1, TOLD))
        told = f"{BEGIN + timedelta(days=TOLD - 1)}T00:00:00Z"
        for task in cls.tasks.values():
            for command in (
                {"command": "accept"},
                {"command": "start", "action_type": "process", "effective_from": told},
                {"command": "done", "note": "流程已改"},
                {"command": "tell_customer", "how": "sms", "customers": ["c1", "c2"]},
            ):
                answer = cls.server.command(task["id"], **command)
                assert answer.status == 200, answer
        cls.live_through(range(TOLD, LAST), 2)

    @classmethod
    def live_through(cls, days, part=0):
        for day in days:
            for name, parts in cls.STORIES.items():
                cls.server.post_events(day_of(day, name, parts[part]))
            # Of a hundred parcels a day; those of "steady" concern no task.
            at = f"{BEGIN + timedelta(days=day)}T12:00:00Z"
            back = 10 if day < TOLD else 4
            cls.server.post_events([observed("returns", at, back + day % 3, 100, category="helped"), observed("returns", at, 90, 100, category="steady")])
        cls.server.wait_settled()

    def verdict(self, name):
        path = f"/api/v1/tasks/{self.tasks[name]['id']}"
        return house.wait_for(lambda: self.ended(path), f"the verdict on {name}")

    def ended(self, path):
        task = self.server.get(path).json()
        return task["verification"] and task["verification"]["verdict"] and task

    def test_what_helped_is_verified(self):
        task = self.verdict("helped")
        seen = task["verification"]
        self.assertEqual((task["state"], seen["verdict"]), ("verified", "improved"))
        self.assertEqual((seen["before"]["numerator"], seen["before"]["n"]), (6 * 7 * WEEKS, ANSWERS * 7 * WEEKS))
        self.assertEqual((seen["after"]["numerator"], seen["after"]["n"]), (2 * 7 * WEEKS, ANSWERS * 7 * WEEKS))
        self.assertEqual(seen["before"]["to"], f"{BEGIN + timedelta(days=TRIGGER - 1)}T16:00:00Z", "it ends where the bad day of Shanghai begins")
        low, high = seen["effect"]["interval"]["low"], seen["effect"]["interval"]["high"]
        self.assertTrue(low < seen["effect"]["value"] < high < 0, seen)
        self.assertIsNone(task["clock"])
        self.assertEqual([line["what"] for line in task["history"]][-2:], ["verifying", "verdict"])

    def test_where_others_work_nothing_is_compared(self):
        for name in ("helped", "nothing", "worse"):
            compared = self.verdict(name)["verification"]["comparison"]
            self.assertEqual((compared["scopes"], compared["some"]), (2, ["calm", "steady"]))

    def test_what_the_outside_saw_stands_beside_it(self):
        seen = self.verdict("helped")["verification"]["outside"]
        days = range(TRIGGER - 7 * WEEKS, TRIGGER)
        self.assertEqual(seen["outcome"], "returns")
        self.assertEqual(seen["before"], {"numerator": sum(10 + day % 3 for day in days), "n": 100 * len(days), "weeks": WEEKS})
        self.assertEqual((seen["after"]["n"], seen["after"]["weeks"]), (4200, WEEKS))
        self.assertTrue(seen["change"]["interval"]["low"] < -0.06 < seen["change"]["interval"]["high"] < 0, seen)
        other = self.verdict("nothing")["verification"]["outside"]
        self.assertEqual((other["before"]["n"], other["change"]), (0, None), "it says of other categories only")

    def test_where_nothing_changed_there_is_no_evidence_though_the_bad_day_is_over(self):
        task = self.verdict("nothing")
        self.assertEqual((task["state"], task["verification"]["verdict"]), ("not_improved", "no_evidence"))
        self.assertEqual(task["clock"]["waits_for"], "decide")

    def test_worse_is_worse(self):
        task = self.verdict("worse")
        self.assertEqual((task["state"], task["verification"]["verdict"]), ("not_improved", "worse"))

    def test_too_little_is_said_to_be_too_little(self):
        task = self.verdict("rare")
        self.assertEqual((task["state"], task["verification"]["verdict"]), ("not_enough_data", "not_enough_data"))
        self.assertIn("fewer than 100 answers", task["verification"]["why"])

    def test_what_was_never_bad_has_no_task(self):
        self.assertEqual(set(self.tasks), {"helped", "nothing", "worse", "rare"})

    def test_effects_are_counted_by_action_and_department(self):
        for name in self.tasks:
            self.verdict(name)
        rows = self.server.get("/api/v1/effects", tenant="hongtu").json()["items"]
        self.assertEqual([(row["month"], row["action_type"], row["department"]) for row in rows], [("2026-04", "process", "triage")])
        counts = {name: rows[0][name] for name in ("improved", "no_evidence", "worse", "not_enough_data", "n")}
        self.assertEqual(counts, {"improved": 1, "no_evidence": 1, "worse": 1, "not_enough_data": 1, "n": 3})
        self.assertEqual(self.server.get("/api/v1/effects", to="2026-04").json()["items"], [])
        self.assertEqual([self.server.get("/api/v1/effects", **{bound: "soon"}).status for bound in ("from", "to")], [400, 400])

    def test_the_outside_hears_the_verdict(self):
        task = self.verdict("helped")
        with open(f"{self.server.data}/outbox/tasks.ndjson", encoding="utf-8") as file:
            told = [line for line in file if task["id"] in line and "task.verified.v1" in line]
        self.assertEqual(len(told), 1)


if __name__ == "__main__":
    house.run_tests()
