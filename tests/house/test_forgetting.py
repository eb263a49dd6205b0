#!/usr/bin/python3
"""A server that forgets what is old, killed again and again: the numbers stay, the disk does not grow, what is young is whole."""

import os
import random
import tempfile
import unittest

import events
import server as house
from events import closed, rated, retagged

ROUNDS = 12
SESSIONS = 400  # a round
MINUTES = 20  # of stage time a round


def at(minute):
    return f"2026-06-{10 + minute // 1440:02d}T{minute // 60 % 24:02d}:{minute % 60:02d}:00Z"


class Forgetting(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="echoloop-forgetting-")
        self.addCleanup(folder.cleanup)
        options = ("--clock", "event", "--retention.sessions", "2h", "--retention.events", "1h", "--log.segment-bytes", "64KiB")
        self.server = house.Server(folder.name, *options).start()
        self.addCleanup(self.server.__exit__)

    def log_files(self):
        folder = os.path.join(self.server.data, "log")
        return {name: os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)}

    def session(self, name):
        return self.server.get(f"/api/v1/sessions/{name}", tenant=events.TENANT)

    def test_it_forgets_exactly_what_is_over_through_kills(self):
        rng = random.Random(4)
        peak = 0
        self.server.post_events([closed("kept", at(0))])
        for turn in range(ROUNDS):
            now = at(turn * MINUTES)
            names = [f"r{turn}-{i}" for i in range(SESSIONS)]
            self.server.post_events([closed(name, now) for name in names])
            if rng.random() < 0.7:
                self.server.kill()  # in the middle of whatever it does with them
                self.server.start()
            self.server.post_events(
                [rated(name, now, 1 + i % 5) for i, name in enumerate(names)] + [retagged("kept", now, add=[f"tag {turn}"])]
            )
            self.server.wait_settled()
            peak = max(peak, sum(self.log_files().values()))
        self.server.kill()
        self.server.start()

        rows = self.server.get("/api/v1/metrics/evaluations", tenant=events.TENANT).json()["rows"]
        self.assertEqual((rows[0]["n"], rows[0]["coverage"]["eligible"]), (ROUNDS * SESSIONS, ROUNDS * SESSIONS + 1))

        # Nearly four hours have passed: sessions of the first one are gone.
        self.assertEqual(self.session("r0-0").status, 404)
        self.assertEqual(self.session(f"r{ROUNDS - 1}-0").status, 200)
        young = self.session(f"r{ROUNDS - 1}-7").json()
        self.assertEqual([one["event"]["id"] is not None for one in young["events"]], [True, True])

        # One that is touched again and again lives, and says that events were there whose bytes are gone.
        kept = self.session("kept").json()
        raw = [one["event"] is not None for one in kept["events"]]
        self.assertEqual(len(raw), ROUNDS + 1)
        self.assertEqual(raw[:2], [False, False])
        self.assertEqual(raw[-2:], [True, True])
        self.assertEqual(kept["counted"]["tags"], sorted(f"tag {turn}" for turn in range(ROUNDS)))

        # Of the log there is an hour, three rounds of twelve, and no more than that and some segments at any time.
        sizes = self.log_files()
        self.assertIn("log.first", sizes)
        self.assertNotIn("000000000001.log", sizes)
        self.assertLess(peak, 3 * sum(sizes.values()))


if __name__ == "__main__":
    house.run_tests()
