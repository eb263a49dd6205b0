#!/usr/bin/python3
"""The script that README.md shows, from a complaint to the proof, runs as it stands there; then its data folder is asked what became of both
causes.

    test_readme_story.py [--binary build/release/echoloop]
"""

import json
import os
import subprocess
import tempfile
import unittest

import server

SCRIPT = "docs/closed_loop.sh"


class Story(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="echoloop-story-")
        cls.addClassCleanup(folder.cleanup)
        environment = {**os.environ, "ECHOLOOP": os.path.abspath(server.BINARY)}
        command = [os.path.join(server.ROOT, SCRIPT), folder.name]
        done = subprocess.run(command, cwd=server.ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.said = done.stdout
        code, out, err = server.echoloop("export", "tasks", "--data", os.path.join(folder.name, "data"), "--tenant", "hongtu")
        assert code == 0, err
        cls.tasks = [json.loads(line) for line in out.splitlines()]

    def task(self, rule, **scope):
        found = [one for one in self.tasks if one["cause"]["rule"] == rule and one["cause"]["scope"] == scope]
        self.assertEqual(len(found), 1)
        return found[0]

    def steps(self, task):
        """What happened, and where it led."""
        return [(line["what"], line["to"]) for line in task["history"] if line.get("to")]

    def test_the_readme_shows_what_it_says(self):
        with open(os.path.join(server.ROOT, "README.md"), encoding="utf-8") as file:
            readme = file.read()
        self.assertIn(f"\n{SCRIPT}\n", readme)
        self.assertIn(self.said.strip(), readme)

    def test_late_parcels_go_all_the_way_and_are_verified(self):
        task = self.task("tag-surge", tag="late-delivery")
        self.assertEqual(task["state"], "verified")
        walked = ["opened", "acknowledged", "accepted", "in_progress", "done", "customer_told", "verifying", "verified"]
        self.assertEqual([to for _, to in self.steps(task)], walked)
        seen = task["verification"]
        self.assertEqual(seen["verdict"], "improved")
        self.assertLess(seen["effect"]["interval"]["high"], 0)
        for part in (seen["before"], seen["after"], seen["comparison"]["before"], seen["comparison"]["after"]):
            self.assertGreaterEqual((part["n"] >= 100, part["weeks"]), (True, 6))
        self.assertLess(seen["before"]["to"], task["opened_at"], "the days that opened it are left out")

    def test_the_attitude_is_handed_on_and_what_proves_nothing_opens_again(self):
        task = self.task("dissatisfied-group", group="hotline-2")
        self.assertEqual(task["state"], "opened")
        walked = self.steps(task)
        self.assertEqual(walked[1], ("reject", "opened"))
        self.assertEqual([to for _, to in walked[2:]], ["accepted", "in_progress", "done", "customer_told", "verifying", "not_improved", "opened"])
        self.assertEqual({one["department"] for one in task["hand_overs"]}, {"training", "service"})
        interval = task["verification"]["effect"]["interval"]
        self.assertEqual(task["verification"]["verdict"], "no_evidence")
        self.assertLess(interval["low"], 0)
        self.assertGreater(interval["high"], 0)


if __name__ == "__main__":
    server.run_tests()
