#!/usr/bin/python3
"""A week as departments are told of it: what came, ended, worked and waits, what customers said, whom they praised; the numbers of the API, told once."""

import json
import os
import shutil
import tempfile
import unittest

import endpoints
import server as house
from events import closed, rated

LI = [{"id": "li", "group": "east", "department": "service", "kind": "human"}]
WANG = [{"id": "wang", "group": "west", "department": "service", "kind": "human"}]
WEEK = {"from": "2026-03-02", "to": "2026-03-09"}


def sessions_of(day, count, agents, unhappy=0, tags=()):
    out = []
    for number in range(count):
        name, at = f"{agents[0]['id']}-{day}-{number}", f"2026-03-{day:02d}T04:{number:02d}:00Z"
        bad = number < unhappy
        answer = {"score": 1 if bad else 5, "resolved": "no" if bad else "yes", "wants_contact": bad, "tags": [] if bad else list(tags)}
        out += [closed(name, at, agents=agents, customer_id=f"c-{name}"), rated(name, at, customer_id=f"c-{name}", **answer)]
    return out


class Told(unittest.TestCase):
    """One server whose clock is the events' own, through two Mondays."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="echoloop-digests-")
        cls.addClassCleanup(cls.folder.cleanup)
        config = shutil.copytree(house.CONFIG, os.path.join(cls.folder.name, "config"))
        cls.hook, cls.robot = endpoints.HttpEndpoint(), endpoints.HttpEndpoint()
        cls.addClassCleanup(cls.hook.close)
        cls.addClassCleanup(cls.robot.close)
        path = os.path.join(config, "organisation.yaml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("    timezone: Asia/Shanghai\n", '    timezone: Asia/Shanghai\n    digest: {day: mon, at: "08:00"}\n', 1))
            file.write(f"\ndelivery:\n  - {{id: hook, webhook: {{url: '{cls.hook.url}'}}, events: [weekly], private_network: true}}\n")
            file.write(f"  - {{id: robot, feishu: {{url: '{cls.robot.url}'}}, departments: [service], events: [weekly], private_network: true, language: en}}\n")
        cls.config = config
        cls.server = house.Server(cls.folder.name, "--clock", "event", config=config).start()
        cls.addClassCleanup(lambda: cls.server.__exit__())
        cls.server.post_events(sessions_of(3, 40, LI, unhappy=4, tags=["friendly"]) + sessions_of(4, 30, WANG, tags=["quick"]))
        cls.server.wait_settled()
        cls.tasks = cls.server.tasks(tenant="hongtu", department="service", kind="recovery")
        cls.close(cls.tasks[0]["id"])
        # Monday, 08:30 of Shanghai; the week before is over, whatever came of this one.
        cls.server.post_events(sessions_of(9, 1, LI)[:1] + [closed("later", "2026-03-09T00:30:00Z")])
        cls.first = house.wait_for(lambda: cls.came(2), "the service desk's week and the praise")

    @classmethod
    def close(cls, task):
        for command in (
            {"command": "accept"},
            {"command": "start", "action_type": "process", "effective_from": "2026-03-05T00:00:00Z"},
            {"command": "done", "note": "called"},
            {"command": "tell_customer", "how": "phone", "customers": ["c-li-3-0"]},
            {"command": "close", "reason": "told"},
        ):
            answer = cls.server.command(task, **command)
            assert answer.status == 200, answer

    @classmethod
    def came(cls, count):
        """Digests by department, praise under none; None while there are fewer."""
        bodies = [json.loads(one.body) for one in cls.hook.all()]
        return {(one["data"].get("department"), one["data"]["from"][:10]): one for one in bodies} if len(bodies) >= count else None

    def digest(self, department):
        return self.first[department, "2026-03-01"]["data"]  # Shanghai's Monday begins on UTC's Sunday

    def test_it_is_an_event_of_its_own(self):
        for event in self.first.values():
            self.assertEqual((event["type"], event["change"]), ("echoloop.digest.v1", "weekly"))
        self.assertEqual(self.digest("service")["title"]["en"], "Customer service: the week 2026-03-02 to 2026-03-08")

    def test_its_tasks_are_those_of_the_lists(self):
        told = self.digest("service")
        kinds = [task["kind"] for task in self.server.tasks(tenant="hongtu", department="service") if task["opened_at"] < "2026-03-08T16:00:00Z"]
        self.assertEqual(told["came"]["n"], len(kinds))
        self.assertEqual(told["came"]["by_kind"], {kind: kinds.count(kind) for kind in set(kinds)})
        self.assertEqual((told["ended"]["n"], told["ended"]["by_state"]), (1, {"closed": 1}))
        self.assertEqual([one["id"] for one in told["ended"]["tasks"]], [self.tasks[0]["id"]])
        self.assertEqual(told["waits"]["n"], len(kinds) - 1)
        self.assertGreater(told["waits"]["overdue"], 0, "nobody acknowledged the others")
        self.assertEqual(len(told["waits"]["tasks"]), min(10, told["waits"]["n"]))
        self.assertEqual((told["worked"]["n"], told["worked"]["value"]), (0, None))

    def test_its_numbers_are_those_of_the_metrics(self):
        told = {one["metric"]: one for one in self.digest("service")["metrics"]}
        self.assertEqual(list(told), ["sessions", "csat", "dsat", "resolved_rate", "response_rate"])
        for name, row in told.items():
            (asked,) = self.server.get(f"/api/v1/metrics/{name}", tenant="hongtu", department="service", **WEEK).json()["rows"]
            for key in ("from", "to", "numerator", "n", "value", "interval", "coverage", "bounds", "suppressed"):
                self.assertEqual(row[key], asked[key], f"{name} {key}")
        self.assertEqual((told["csat"]["numerator"], told["csat"]["n"]), (66, 70))
        self.assertTrue(told["csat"]["interval"]["low"] < told["csat"]["value"] < told["csat"]["interval"]["high"])
        self.assertEqual(told["csat"]["before"]["n"], 0)

    def test_praise_goes_to_people_and_teams(self):
        told = self.digest(None)
        self.assertEqual([(one["tag"], one["n"]) for one in told["tags"]], [("friendly", 36), ("quick", 30)])
        self.assertEqual([(one["agent"], [(tag["tag"], tag["n"]) for tag in one["tags"]]) for one in told["agents"]], [("li", [("friendly", 36)]), ("wang", [("quick", 30)])])
        self.assertEqual([(one["group"], one["csat"]["numerator"], one["csat"]["n"]) for one in told["groups"]], [("east", 36, 40), ("west", 30, 30)])
        self.assertEqual(told["warnings"], [])

    def test_whoever_asks_gets_the_same(self):
        asked = {one.get("department"): one for one in self.server.get("/api/v1/digests", tenant="hongtu", week="2026-03-04").json()["items"]}
        told = {department: event["data"] for (department, _), event in self.first.items() if event["data"]["from"] == "2026-03-01T16:00:00Z"}
        self.assertEqual(asked.keys(), told.keys())
        for department, digest in told.items():
            for part in ("title", "from", "to", "came", "ended", "worked", "metrics", "tags", "agents", "groups"):
                if part in ("came", "ended"):  # tasks are shown as they are now
                    self.assertEqual(asked[department].get(part, {}).get("n"), digest.get(part, {}).get("n"), part)
                else:
                    self.assertEqual(asked[department].get(part), digest.get(part), part)
        (one,) = self.server.get("/api/v1/digests", tenant="hongtu", department="service", week="2026-03-04").json()["items"]
        self.assertEqual(one["department"], "service")
        self.assertEqual(self.server.get("/api/v1/digests", tenant="anxin", week="2026-03-04").json()["items"], [])
        self.assertEqual(self.server.get("/api/v1/digests", tenant="hongtu", week="soon").status, 400)

    def test_a_robot_says_it_in_words(self):
        (message,) = house.wait_for(lambda: self.robot.all(), "the robot's message")[:1]
        text = json.loads(message.body)["content"]["text"]
        self.assertIn("Customer service: the week 2026-03-02 to 2026-03-08\n", text)
        self.assertIn(f"{self.digest('service')['came']['n']} came, 1 ended, ", text)
        self.assertIn("\ncsat 94% (86% to 98%, n=70)\n", text)

    def test_then_it_is_told_no_more_until_the_next(self):
        before = len(self.hook.all())
        type(self).server.kill()
        type(self).server = house.Server(self.folder.name, "--clock", "event", config=self.config).start()
        self.server.post_events(sessions_of(10, 30, WANG, tags=["quick"]) + [closed("next", "2026-03-16T00:30:00Z")])
        second = house.wait_for(lambda: self.came(before + 2), "the next week")
        ids = [json.loads(one.body)["id"] for one in self.hook.all()]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(second["service", "2026-03-08"]["data"]["metrics"][0]["before"]["n"], 70)
        self.assertEqual({week for _, week in second}, {"2026-03-01", "2026-03-08"})


if __name__ == "__main__":
    house.run_tests()
