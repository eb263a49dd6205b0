#!/usr/bin/python3
"""Rules on trial: what `echoloop try` finds in stored history is what a live run of the same rules ended with; and it changes nothing."""

import json
import os
import re
import subprocess
import tempfile
import unittest

import server as house

RULES = os.path.join(house.CONFIG, "rules.yaml")


def causes(tasks):
    """(kind, tenant, rule, scope) → count."""
    return {(one["kind"], one["tenant"], one["cause"]["rule"], json.dumps(one["cause"]["scope"], sort_keys=True)): one["count"] for one in tasks}


class Trial(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="echoloop-try-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.data = os.path.join(cls.folder.name, "data")
        sample = os.path.join(cls.folder.name, "sample.ndjson")
        with open(sample, "wb") as out:
            subprocess.run([house.BINARY, "sample", "--sessions", "12000"], stdout=out, check=True)
        code, _, err = house.echoloop("import", "--data", cls.data, "--clock", "event", sample)
        assert code == 0, err

    def tried(self, rules, *more):
        code, out, err = house.echoloop("try", "--rules", rules, "--data", self.data, *more)
        self.assertEqual(code, 0, err)
        return [json.loads(line) for line in out.splitlines()]

    def changed(self, pattern, replacement):
        with open(RULES, encoding="utf-8") as file:
            text = file.read()
        path = os.path.join(self.folder.name, "rules.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(pattern, replacement, text, count=1))
        return path

    def test_the_same_rules_find_what_the_live_run_ended_with(self):
        live = [one for one in house.lines_of("export", "tasks", "--data", self.data) if one["kind"] in ("improvement", "recovery") and one["count"] > 0]
        tried = self.tried(RULES)
        self.assertGreater(len(tried), 50)
        self.assertEqual({one["kind"] for one in tried}, {"improvement", "recovery"})
        self.assertEqual(causes(tried), causes(live))
        ids = {one["id"]: one for one in live}
        for one in tried:
            seen = ids[one["id"]]
            self.assertEqual((one["department"], one["title"]), (seen["routing"]["departments"][0], seen["title"]))
            if one["kind"] == "improvement":
                self.assertEqual([one["evidence"][k] for k in ("first_window", "last_window", "n")], [seen["evidence"][k] for k in ("first_window", "last_window", "n")])

    def test_other_rules_find_other_tasks_and_nothing_changes(self):
        before = house.lines_of("export", "tasks", "--data", self.data)
        strict = self.tried(self.changed("minimum_n: 20", "minimum_n: 4"))
        self.assertGreater(len(strict), len(self.tried(RULES)))
        self.assertEqual(house.lines_of("export", "tasks", "--data", self.data), before)
        some = self.tried(RULES, "--from", "2026-03-10", "--to", "2026-03-14", "--tenant", "hongtu")
        self.assertTrue(some and all(one["tenant"] == "hongtu" for one in some))
        self.assertTrue(all("2026-03-09T16:00:00Z" <= one["evidence"]["first_window"] < "2026-03-13T16:00:00Z" for one in some if one["kind"] == "improvement"))
        self.assertIn("dissatisfied-category", {one["cause"]["rule"] for one in some})

    def test_a_new_rule_alone_need_not_repeat_what_routing_names(self):
        path = os.path.join(self.folder.name, "one.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                "thresholds:\n  - {id: new, version: 1, title: {zh: 新, en: New}, metric: dsat, group_by: [category], window: day, minimum_n: 5,"
                " tiers: [{above: 0.5, severity: low, escalate_to: lead}]}\nrecoveries: []\n"
            )
        tried = self.tried(path)
        self.assertEqual({one["cause"]["rule"] for one in tried}, {"new"})

    def test_bad_rules_are_refused_with_their_place(self):
        bad = self.changed("metric: dsat", "metric: dast")
        code, out, err = house.echoloop("try", "--rules", bad, "--data", self.data)
        self.assertEqual((code, out), (3, ""))
        self.assertRegex(err, rf"{bad}:\d+:\d+: unknown metric 'dast', did you mean 'dsat'")
        self.assertEqual(house.echoloop("try", "--data", self.data)[0], 2)
        self.assertEqual(house.echoloop("try", "--rules", RULES, "--from", "soon", "--data", self.data)[0], 2)

    def test_a_running_server_answers_the_same(self):
        here = self.tried(RULES)
        with house.Server(self.folder.name, "--clock", "event", data=self.data):
            there = self.tried(RULES)
            bad = house.echoloop("try", "--rules", self.changed("metric: dsat", "metric: dast"), "--data", self.data)
        self.assertEqual(causes(there), causes(here))
        self.assertEqual(bad[0], 3)


if __name__ == "__main__":
    house.run_tests()
