#!/usr/bin/python3
"""A member that finds topics which cannot hold what they must, or no broker, says so and stops, before it has done anything.

    test_kafka_start.py [--binary build/release/echoloop]
"""

import os
import tempfile
import unittest

import broker as kafka
import server
import topics

PARTITIONS = 3
FITS = {"max.message.bytes": 24 << 20}


class Start(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.broker = kafka.Broker(os.path.join(cls.folder.name, "broker"))
        cls.broker.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.broker.stop()
        cls.folder.cleanup()

    def words(self, *more):
        return ["--kafka.brokers", self.broker.address, "--kafka.prefix", f"{self._testMethodName}.", "--kafka.partitions", str(PARTITIONS), *more]

    def make(self, name, partitions=PARTITIONS, **settings):
        if name == "events":
            settings.setdefault("max_message_bytes", 20 << 20)
        settings = {key.replace("_", "."): value for key, value in settings.items()}
        topics.create(self.broker.address, f"{self._testMethodName}.{name}", partitions=partitions, settings={**FITS, **settings})

    def refusal(self):
        """What a member says that does not start."""
        with tempfile.TemporaryDirectory() as folder:
            code, _, err = server.echoloop("run", "--data", folder, "--listen", "127.0.0.1:0", *self.words())
        self.assertEqual(code, 3, err)
        return err

    def test_a_changelog_that_forgets(self):
        self.make("changelog", retention_ms=604_800_000)
        said = self.refusal()
        self.assertIn(f"topic {self._testMethodName}.changelog has retention.ms=604800000", said)
        self.assertIn("it must be -1", said)

    def test_events_that_are_compacted(self):
        self.make("events", cleanup_policy="compact")
        self.assertIn("has cleanup.policy=compact: compaction would drop records that are needed", self.refusal())

    def test_members_who_forget_each_other(self):
        self.make("members")
        self.assertIn("has cleanup.policy=delete: it must be compact", self.refusal())

    def test_more_replicas_in_sync_than_there_are(self):
        self.make("deltas", min_insync_replicas=2)
        self.assertIn("has min.insync.replicas=2: of 1 replicas, so nothing can be written", self.refusal())

    def test_events_that_are_too_large_to_be_handed_on(self):
        self.make("events", max_message_bytes=30_000_000)
        self.assertIn("has max.message.bytes=30000000: larger ones than 20971520 cannot be handed on", self.refusal())

    def test_records_that_are_too_small(self):
        self.make("deltas", max_message_bytes=1_000_000)
        self.assertIn("has max.message.bytes=1000000", self.refusal())

    def test_another_number_of_partitions(self):
        self.make("events")
        self.make("cases", partitions=PARTITIONS + 1)
        self.assertIn(f"cases has {PARTITIONS + 1} partitions", self.refusal())

    def test_topics_made_by_hand_that_fit(self):
        self.make("changelog", retention_ms=-1, retention_bytes=-1)
        self.make("members", cleanup_policy="compact")
        for name in ("events", "misplaced", "deltas", "cases", "tasks", "dead"):
            self.make(name)
        with tempfile.TemporaryDirectory() as folder:
            member = server.Server(folder, *self.words()).start()
            self.assertEqual(member.stop(), 0, member.log())

    def test_events_with_small_records_are_warned_of(self):
        self.make("events", max_message_bytes=1_000_000)
        with tempfile.TemporaryDirectory() as folder:
            member = server.Server(folder, *self.words()).start()
            self.assertIn("intake cannot take larger documents", member.log())
            self.assertEqual(member.stop(), 0, member.log())


if __name__ == "__main__":
    server.run_tests()
