#!/usr/bin/python3
"""What an operator meets sooner or later: a wrong address, no permission, a broker that is out for long, a changelog that was cut, lost offsets,
a full disk, a data folder that was copied. Each is told in a line that says what to do, and after mending nothing is lost or counted twice.

    test_kafka_misfortunes.py [--binary build/release/echoloop]
"""

import email.utils
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

import broker as kafka
import server as house
import topics
from events import closed
from machine import hold

PARTITIONS = 3
DAY = "2026-03-02"
SMALL_BYTES, LARGE_BYTES = "24m", "512m"
WRONG_CLOCK = os.path.join(os.path.dirname(house.BINARY), "tests", "house", "libwrong_clock.so")


def time_told(member):
    """What the clock of its process says, by its answers; seconds."""
    return email.utils.parsedate_to_datetime(member.get("/readyz").headers["Date"]).timestamp()


class Misfortunes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.brokers = tempfile.TemporaryDirectory()
        cls.broker = kafka.Broker(os.path.join(cls.brokers.name, "broker"), guarded=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.broker.close()
        cls.brokers.cleanup()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder, self.sent = folder.name, 0
        self.prefix = f"{self._testMethodName}."

    def words(self, address=None):
        return [
            "--kafka.brokers", address or self.broker.address, "--kafka.prefix", self.prefix, "--kafka.group", self._testMethodName,
            "--kafka.partitions", str(PARTITIONS), "--kafka.session-timeout", "2s", "--kafka.transaction-timeout", "3s", "--epoch.interval", "20ms",
            "--memory", "128MiB",
        ]  # fmt: skip

    def member(self, name="member", data=None, *more, environment=None):
        folder = os.path.join(self.folder, name)
        os.makedirs(folder, exist_ok=True)
        out = house.Server(folder, *self.words(), *more, data=data, environment=environment)
        self.addCleanup(lambda: out.alive() and out.kill())
        return out

    def send(self, count):
        """New sessions, straight into the topic."""
        self.put(range(self.sent, self.sent + count))
        self.sent += count

    def send_again(self, count):
        """The first sessions once more: each is known, and its row says so."""
        self.put(range(count))

    def put(self, numbers):
        self.send_text("".join(f"s{number}\t{json.dumps(closed(f's{number}', f'{DAY}T10:00:00Z'))}\n" for number in numbers))

    def send_text(self, text):
        command = ["kcat", "-P", "-b", self.broker.address, "-t", f"{self.prefix}events", "-K", "\t", "-X", "topic.partitioner=murmur2"]
        subprocess.run(command, input=text.encode(), check=True)

    def taken(self, member):
        """Events that it has committed, whatever became of them."""
        lines = member.get("/metrics").body.decode().splitlines()
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith("echoloop_events_total{"))

    def counted(self, member):
        """Sessions in its answer for the day; none when it does not answer."""
        answer = member.get("/api/v1/metrics/sessions", tenant="hongtu", interval="all")
        return sum(row["value"] for row in answer.json()["rows"]) if answer.status == 200 else None

    def letters(self, member):
        """Dead letters of the whole group; none when it does not answer."""
        answer = member.get("/api/v1/dead")
        return answer.json() if answer.status == 200 else None

    def await_all(self, member):
        house.wait_for(lambda: self.counted(member) == self.sent, f"{self.sent} sessions are counted")

    def await_refusal(self, member, why):
        """It says why it does not begin, and is not ready."""
        house.wait_for(lambda: why in member.log(), why)
        member.host = house.wait_for(member.address, "an address")
        answer = member.get("/readyz")
        self.assertEqual(answer.status, 503)
        self.assertIn(why, answer.body.decode())
        self.assertEqual(member.stop(), 0)

    def end_of(self, member):
        """What it said before it ended by itself."""
        self.assertNotEqual(member.wait_end(), 0)
        return member.log()[-3000:]

    def test_nobody_at_the_address(self):
        with hold(0) as port:
            address = "%s:%s" % port.getsockname()[:2]
            code, _, err = house.echoloop("run", "--data", self.folder, *self.words(address))
        self.assertNotEqual(code, 0)
        self.assertIn(f"kafka at {address}: ", err)

    def test_folders_of_the_other_way(self):
        """Neither begins anew beside what is there."""
        member = self.member().start()
        self.assertEqual(member.stop(), 0)
        for words in (["run"], ["export", "aggregates"], ["verify-store"]):
            code, _, err = house.echoloop(*words, "--data", member.data)
            self.assertNotEqual(code, 0)
            self.assertIn("is the folder of a member on Kafka", err)
        with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as file:
            file.write(json.dumps(closed("s", f"{DAY}T10:00:00Z")) + "\n")
            file.flush()
            data = os.path.join(self.folder, "embedded")
            self.assertEqual(house.echoloop("import", "--data", data, file.name)[0], 0)
        code, _, err = house.echoloop("run", "--data", data, *self.words())
        self.assertNotEqual(code, 0)
        self.assertIn("holds a pipeline without Kafka", err)

    def test_what_is_not_permitted(self):
        name, word = kafka.GUEST
        sasl = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": name, "sasl.password": word}
        properties = [part for pair in sasl.items() for part in ("--kafka.property", "=".join(pair))]
        code, _, err = house.echoloop("run", "--data", self.folder, *self.words(self.broker.guarded_address), *properties)
        self.assertNotEqual(code, 0)
        self.assertIn("authorization failed", err.lower())

    def test_a_broker_that_is_out_for_longer_than_anything_waits(self):
        member = self.member("member", None, "--kafka.standby").start()
        self.send(100)
        self.await_all(member)
        self.broker.kill()
        try:
            house.wait_for(lambda: member.get("/readyz").status == 503, "/readyz says so")
            house.wait_for(lambda: "kafka" in member.log().lower(), "the log says so")
        finally:
            self.broker.restart()
        self.send(100)
        self.await_all(member)
        self.assertEqual(member.stop(), 0)

    def test_a_changelog_that_was_cut(self):
        member = self.member().start()
        self.send(500)
        self.await_all(member)
        self.assertEqual(member.stop(), 0)
        shutil.rmtree(os.path.join(member.data, "cache"))
        for partition in range(PARTITIONS):
            topics.delete_records(self.broker.address, f"{self.prefix}changelog", partition, topics.END)
        self.send(1)
        self.await_refusal(member.start(wait=False), "records were deleted that hold the state of this shard")

    def test_a_changelog_that_was_deleted(self):
        """Whoever holds the rows goes on and writes them all again; nobody takes a part of them for the state meanwhile."""
        member = self.member().start()
        self.send(2000)
        self.await_all(member)
        self.assertEqual(member.stop(), 0)
        self.assertTrue(topics.delete(self.broker.address, f"{self.prefix}changelog"))
        member.start()
        self.send(10)
        self.await_all(member)
        self.assertIn("the topic was deleted and made anew; all rows are written into it again", member.log())
        self.assertEqual(member.stop(), 0)
        cache = os.path.join(member.data, "cache")
        shutil.move(cache, f"{cache}.kept")
        self.await_refusal(member.start(wait=False), "the topic was deleted and made anew, and does not hold all rows yet")
        shutil.rmtree(cache)
        shutil.move(f"{cache}.kept", cache)
        member.start()
        for again in range(1, 7):  # a turn writes all rows while twice as much changes
            self.send_again(self.sent)
            house.wait_for(lambda n=again: self.taken(member) == (1 + n) * self.sent, f"all were taken {again} times more")
        self.assertEqual(member.stop(), 0)
        shutil.rmtree(cache)
        member.start()
        self.await_all(member)
        self.assertEqual(member.stop(), 0)

    def watchful(self):
        """A member to which brokers tell soon that topics have changed."""
        return self.member("member", None, "--kafka.property", "topic.metadata.refresh.interval.ms=500")

    def delete_under(self, member, topic):
        """It says so, and waits."""
        self.assertTrue(topics.delete(self.broker.address, f"{self.prefix}{topic}"))
        why = f"topic {self.prefix}{topic}: it is not there: it was deleted, and is waited for"
        house.wait_for(lambda: member.get("/readyz").status == 503 and why in member.get("/readyz").body.decode(), why)

    def test_events_that_were_deleted(self):
        """What was processed stays counted, and what comes into the new topic is; places in the former are none in the new one."""
        member = self.watchful().start()
        self.send_text("first\tno event\n")
        house.wait_for(lambda: len((self.letters(member) or {"items": []})["items"]) == 1, "it is a dead letter")
        self.send(40)
        self.await_all(member)
        self.delete_under(member, "events")
        topics.create(self.broker.address, f"{self.prefix}events", PARTITIONS)
        self.send_text("first\tnor this\n")
        self.send(10)
        self.await_all(member)
        house.wait_for(lambda: len((self.letters(member) or {"items": []})["items"]) == 2, "both are dead letters")
        sessions = [member.get(f"/api/v1/sessions/s{number}", tenant="hongtu").json() for number in range(self.sent)]
        shown = {session["session_id"]: session["events"][0]["event"] for session in sessions}
        self.assertIsNone(shown["s0"])
        self.assertEqual(sum(event is not None for event in shown.values()), 10)
        self.assertEqual({name for name, event in shown.items() if event}, {event["data"]["session_id"] for event in shown.values() if event})
        self.assertIn("it was deleted and made anew, and is read from its beginning", member.log())
        self.send_again(40)
        house.wait_for(lambda: self.taken(member) == 90, "they are taken once more")
        self.assertEqual(self.counted(member), self.sent)
        self.assertEqual(member.stop(), 0)

    def test_deltas_that_were_deleted(self):
        """What stages had told each other is not in the numbers and comes from nowhere else: nobody goes on before an operator says so."""
        member = self.member().start()
        self.send(100)
        self.await_all(member)
        self.delete_under(member, "deltas")
        self.assertEqual(member.stop(), 0)
        name, why = f"{self.prefix}deltas", "what members had written there and had not counted yet is gone"
        self.await_refusal(member.start(wait=False), why)
        arguments = (self.broker.address, self._testMethodName, name, PARTITIONS, 0)
        house.wait_for(lambda: topics.set_offsets(*arguments), "the group is empty")
        member.start()
        self.send(10)
        self.await_all(member)
        self.assertEqual(member.stop(), 0)

    def test_partitions_that_were_added(self):
        """Sessions would go to shards that know nothing of them: nobody counts on, neither a running member nor one that starts."""
        member = self.watchful().start()
        self.send(10)
        self.await_all(member)
        topics.add_partitions(self.broker.address, f"{self.prefix}events", 2 * PARTITIONS)
        self.assertIn(f"events had {PARTITIONS} partitions when this member started, and has {2 * PARTITIONS} now", self.end_of(member))
        self.assertIn("a shard needs one of each", self.end_of(member.start(wait=False)))
        for topic in ("misplaced", "deltas", "cases", "changelog", "members", "tasks", "dead", "customers"):
            topics.add_partitions(self.broker.address, f"{self.prefix}{topic}", 2 * PARTITIONS)
        why = f"the state was written with {PARTITIONS} partitions of each topic, and there are {2 * PARTITIONS} now"
        lives = member.log().count("listening on")
        self.assertIn(why, self.end_of(member.start(wait=False)))
        self.assertEqual(member.log().count("listening on"), lives)  # it has not come so far as to take new shards

    def test_offsets_that_were_lost(self):
        member = self.member().start()
        self.send(10)
        self.await_all(member)
        self.assertEqual(member.stop(), 0)
        house.wait_for(lambda: topics.delete_group(self.broker.address, self._testMethodName), "the group is empty")
        self.await_refusal(member.start(wait=False), "it holds state, but the group has committed no offsets")

    def test_a_data_folder_that_was_copied(self):
        member = self.member().start()
        self.send(10)
        self.await_all(member)
        copy = os.path.join(self.folder, "copy")
        os.makedirs(copy)
        shutil.copy(os.path.join(member.data, "member"), copy)
        other = self.member("other", copy).start(wait=False)
        self.assertIn("another process runs as this member", self.end_of(member))
        other.wait_ready()
        self.send(10)
        self.await_all(other)
        self.assertEqual(other.stop(), 0)

    def test_a_consumer_that_joins_under_its_name(self):
        """As its own former request does, when a slow broker takes it late: nobody else runs as this member, and it goes on."""
        member = self.member("member", None, "--workers", "1").start()
        self.send(10)
        self.await_all(member)
        with open(os.path.join(member.data, "member"), encoding="ascii") as file:
            name = f"{self._testMethodName}.{file.read().strip()}.0"
        properties = [f"group.instance.id={name}", "partition.assignment.strategy=range", "enable.auto.commit=false"]
        words = [part for property in properties for part in ("-X", property)]
        command = ["kcat", "-b", self.broker.address, *words, "-G", self._testMethodName, f"{self.prefix}events"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as other:
            house.wait_for(lambda: "reading: Fatal consumer error: Broker: Static consumer fenced" in member.log(), "it is fenced")
            other.kill()
        self.send(10)
        self.await_all(member)
        house.wait_for(lambda: member.get("/readyz").status == 200, "/readyz")
        self.assertEqual(member.stop(), 0, member.log()[-3000:])

    def test_clocks_of_members_that_are_an_hour_off(self):
        members = []
        for name, offset in (("ahead", "3600"), ("right", "0"), ("behind", "-3600")):
            environment = {"LD_PRELOAD": WRONG_CLOCK, "WRONG_CLOCK_S": offset}
            members.append(self.member(name, None, "--workers", "1", environment=environment).start())
        ahead, right, behind = members
        house.wait_for(lambda: all(self.gauge(one, "echoloop_shards_held") == 1 for one in members), "each holds a shard")
        hour_s = (time_told(ahead) - time_told(behind)) / 2
        self.assertAlmostEqual(hour_s, 3600, delta=house.PATIENCE_S, msg="the clocks differ")
        self.send(150)
        for number, member in enumerate(members):
            member.post_events([closed(f"now{number}", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))])
        self.sent += len(members)
        for member in members:
            self.await_all(member)
        ahead.kill()
        self.send(150)
        for member in (right, behind):
            self.await_all(member)
            letters = house.wait_for(lambda one=member: self.letters(one), "an answer of all shards")
            self.assertEqual(letters["items"], [])
            self.assertEqual(member.stop(), 0, member.log()[-3000:])

    def gauge(self, member, name):
        lines = member.get("/metrics").body.decode().splitlines()
        return next(int(float(line.split()[-1])) for line in lines if line.startswith(f"{name} "))

    def test_a_member_that_is_gone_for_good_while_others_keep_copies(self):
        first, second = self.member("first", None, "--kafka.standby").start(), self.member("second", None, "--kafka.standby").start()
        house.wait_for(lambda: all(0 < self.gauge(one, "echoloop_shards_held") < PARTITIONS for one in (first, second)), "both hold shards")
        self.send(300)
        self.await_all(second)
        kept = self.gauge(first, "echoloop_shards_held")
        # Control records of transactions stay behind the last row.
        house.wait_for(
            lambda: self.gauge(second, "echoloop_shard_copies") == kept and self.gauge(second, "echoloop_shard_copies_behind_records") <= kept,
            "the copies are there",
        )
        before = len(second.log())
        first.kill()
        house.wait_for(lambda: self.gauge(second, "echoloop_shards_held") == PARTITIONS, "the other one holds all")
        self.await_all(second)
        self.assertNotIn("restoring from epoch 0 to", second.log()[before:])
        self.assertEqual(second.stop(), 0, second.log()[-3000:])

    def test_a_reload_that_one_member_cannot_follow(self):
        first, second = self.member("first").start(), self.member("second")
        second.config = shutil.copytree(house.CONFIG, os.path.join(self.folder, "config"))
        second.start()

        def reloaded():
            answer = first.request("POST", "/api/v1/config/reload")
            self.assertEqual(answer.status, 200, answer)
            return answer.json().get("members")

        (said,) = house.wait_for(reloaded, "the members know of each other").values()
        self.assertEqual(list(said), ["result"])
        with open(os.path.join(second.config, "metrics.yaml"), "a", encoding="utf-8") as file:
            file.write("weather: fine\n")
        (said,) = reloaded().values()
        self.assertIn("weather", said["error"])
        self.assertIn("configuration not loaded, the old one stays", second.log())
        for each in (first, second):
            self.assertEqual(each.stop(), 0, each.log()[-3000:])

    def mount(self, *arguments):
        return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0

    def test_a_full_disk_of_one_member(self):
        disk = os.path.join(self.folder, "disk")
        os.makedirs(disk)
        if os.geteuid() != 0 or not self.mount("-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "none", disk):
            self.skipTest("a small file system can be mounted by root only")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        whole = self.member("whole").start()
        small = self.member("small", os.path.join(disk, "data")).start()
        with open(os.path.join(disk, "filler"), "wb") as file:
            with self.assertRaises(OSError):
                while True:
                    file.write(bytes(1 << 20))
                    file.flush()
        self.send(2000)
        house.wait_for(lambda: small.get("/readyz").status == 503, "/readyz says so")
        self.assertEqual(whole.get("/livez").status, 200)
        self.assertTrue(self.mount("-o", f"remount,size={LARGE_BYTES}", disk))
        self.await_all(whole)
        self.await_all(small)
        for each in (small, whole):
            self.assertEqual(each.stop(), 0, each.log()[-3000:])


if __name__ == "__main__":
    house.run_tests()
