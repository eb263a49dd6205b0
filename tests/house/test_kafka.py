#!/usr/bin/python3
"""Members of a group on a real Kafka are killed, stopped, emptied and joined by others, and hold their word: what is in topic events is
counted once, whatever happens to whoever counts it.

    test_kafka.py --binary build/release/echoloop --kills 40 --seed 1

A seeded stream goes into topic events bit by bit while two members work on it. One of them is killed with SIGKILL, at random moments and
at every named point of the commit in turn, or loses its store with it, or is stopped until the group has given its partitions away, or a
third member joins and leaves, or a broker is killed and comes back (with --brokers 3 one of three, while the others go on), or every
connection to the brokers is cut, again and again. All the time
somebody asks them for numbers of the whole group. In the end the export of each member equals the oracle's rows byte for byte, their tasks
are the oracle's, and topic tasks holds each record once. An endpoint was told of each of them at least once, always the same under one id.
"""

import argparse
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import broker as kafka
import endpoints
import server as house
from asker import Asker

sys.path.insert(0, house.ORACLE)
import compare  # noqa: E402
from test_kills import crash_points  # noqa: E402

PATIENCE_S = 120
SESSION_S = 3  # after so long the group gives a silent member's partitions away
STRIKE_S = 8
SPARE = 6
CUTS = 4
PARTITIONS = 6  # three members of two workers each: one for everybody
OPTIONS = ["--epoch.interval", "20ms", "--memory", "128MiB", "--log.level", "info", "--kafka.partitions", str(PARTITIONS)]
OPTIONS += ["--kafka.session-timeout", f"{SESSION_S}s", "--kafka.transaction-timeout", "5s"]


class Member:
    """A process with a data folder of its own; started again it is the same member."""

    def __init__(self, name, harness):
        self.harness, self.folder = harness, os.path.join(harness.folder, name)
        os.makedirs(self.folder, exist_ok=True)
        self.standby = ["--kafka.standby"] if name == "member-1" else []  # keeps copies of what others hold
        self.server = None

    def start(self, order=None):
        environment = {"ECHOLOOP_CRASH_AT": order} if order else {}
        options = ["--kafka.brokers", self.harness.broker.wired_address, *OPTIONS, *self.standby]
        self.server = house.Server(self.folder, *options, config=self.harness.config, environment=environment)
        self.server.start(wait=False)
        return self

    def alive(self):
        return self.server is not None and self.server.alive()

    def kill(self):
        self.server.process.kill()
        self.server.wait_end()

    def forget(self):
        shutil.rmtree(os.path.join(self.folder, "data", "cache"), ignore_errors=True)

    def export(self, what):
        code, out, _ = house.echoloop(
            "export", what, "--server", self.server.url(), "--config-dir", self.harness.config
        )
        return out.encode() if code == 0 else None


class Harness:
    def __init__(self, options, folder, broker):
        self.options, self.folder, self.broker = options, folder, broker
        self.rng = random.Random(f"kafka/{options.seed}")
        self.config, self.events = os.path.join(folder, "config"), os.path.join(folder, "events.ndjson")
        sizes = ["--sessions", str(options.sessions), "--days", "28"]
        text = compare.python("generate.py", "--seed", str(options.seed), *sizes, "--config-dir", self.config)
        with open(self.events, "wb") as file:
            file.write(text)
        # It is told every change, and says now and then that it is busy.
        self.endpoint = endpoints.HttpEndpoint(*(503 if self.rng.random() < 0.05 else 200 for _ in range(200)))
        with open(os.path.join(self.config, "organisation.yaml"), "a", encoding="utf-8") as file:
            file.write(f"delivery: [{{id: hook, webhook: {{url: '{self.endpoint.url}'}}, events: [changed], old: true, private_network: true}}]\n")
        self.lines = text.splitlines(keepends=True)
        self.sent = 0
        # Those of deliveries last: in the beginning there is nothing to tell.
        self.points = [name for prefix in ("kafka.", "delivery.") for name in crash_points() if name.startswith(prefix)]
        self.struck = collections.Counter()
        self.members = [Member(f"member-{i}", self) for i in range(2)]

    # ---- the stream

    def send(self, until):
        """Events up to that one, keyed by session; every third time by somebody whose partitioner is another one."""
        lines = []
        for line in self.lines[self.sent : until]:
            data = json.loads(line)["data"]
            lines.append(data.get("session_id", data["tenant"]).encode() + b"\t" + line)
        self.sent = until
        partitioner = self.rng.choice(["murmur2", "murmur2", "consistent"])
        command = ["kcat", "-P", "-b", self.broker.address, "-t", "echoloop.events", "-K", "\t"]
        subprocess.run([*command, "-X", f"topic.partitioner={partitioner}", "-X", "acks=all"], input=b"".join(lines), check=True, stderr=subprocess.DEVNULL)

    def committed_records(self, topic, form="%s"):
        """A line of that form (of kcat's) each; their values."""
        command = ["kcat", "-C", "-b", self.broker.address, "-t", topic, "-e", "-q", "-X", "isolation.level=read_committed"]
        return subprocess.run([*command, "-f", form + "\n"], check=True, capture_output=True).stdout.splitlines()

    def places(self, topic):
        """Of each committed record: where it lies, and its id."""
        lines = self.committed_records(topic, "%p/%o %s")
        return [(at.decode(), json.loads(value)["id"]) for at, _, value in (line.partition(b" ") for line in lines)]

    def begin_of(self, topic, partition):
        """Offset of the first record that is left."""
        command = ["kcat", "-Q", "-b", self.broker.address, "-t", f"{topic}:{partition}:-2"]
        return int(subprocess.run(command, check=True, capture_output=True).stdout.split()[-1])

    # ---- what happens to members

    def misfortunes(self):
        """Every other one strikes at a named point, all of them in turn; the others are drawn."""
        for number in range(self.options.kills):
            if number % 2 == 0:
                yield "point", self.points[number // 2 % len(self.points)]
            else:
                yield self.rng.choices(["moment", "emptied", "stopped", "joined", "broker", "cut"], [12, 4, 1, 2, 1, 3])[0], None

    def befall(self, what, point):
        member = self.rng.choice(self.members)
        if point and point.startswith("delivery."):
            member = next(filter(self.tells, self.members), member)
        if what == "point":
            member.kill()
            member.start(f"{point}:{self.rng.choice([1, 1, 2, 5])}")
        self.send(min(len(self.lines), self.sent + self.step))
        if what == "point":
            self.await_strike(member, point)
        elif what == "moment":
            try:
                member.server.process.wait(self.rng.random() * 0.6)
            except subprocess.TimeoutExpired:
                member.kill()
        elif what == "emptied":
            member.kill()
            member.forget()
        elif what == "stopped":
            self.stop_for_a_while(member)
        elif what == "joined":
            self.join_and_leave()
        elif what == "broker":
            self.lose_a_broker()
        elif what == "cut":
            self.cut_wires()
        for each in self.members:
            if not each.alive():
                each.start()

    def metrics(self, member):
        """Empty when it does not answer."""
        try:
            member.server.host = member.server.address()
            return member.server.get("/metrics").body.decode() if member.server.host else ""
        except OSError:
            return ""

    def tells(self, member):
        """Whether it is the one that tells the endpoint."""
        return 'echoloop_deliveries_waiting{endpoint="hook"}' in self.metrics(member)

    def await_strike(self, member, point):
        try:
            member.server.process.wait(STRIKE_S)
            self.struck[point] += 1
        except subprocess.TimeoutExpired:
            member.kill()

    def stop_for_a_while(self, member):
        """A zombie: it goes on with an epoch that belongs to somebody else by then."""
        member.server.process.send_signal(signal.SIGSTOP)
        others = [each for each in self.members if each is not member]
        try:
            house.wait_for(lambda: self.holds_all(others), "the group gives the partitions away", PATIENCE_S)
        finally:
            member.server.process.send_signal(signal.SIGCONT)

    def join_and_leave(self):
        third = Member("member-2", self).start()
        try:
            house.wait_for(lambda: third.alive() and self.shards_of(third), "the third member gets shards", PATIENCE_S)
        finally:
            third.kill()

    def cut_wires(self):
        """Every connection of the members to the brokers, in the middle of whatever is on its way, again and again while they work."""
        brokers = getattr(self.broker, "brokers", [self.broker])
        for _ in range(CUTS):
            self.send(min(len(self.lines), self.sent + self.step // CUTS))
            for broker in brokers:
                broker.wire.cut()

    def lose_a_broker(self):
        """While there is one they wait; of three the others go on, so more comes in before it is back."""
        if self.options.brokers == 1:
            self.broker.kill()
            self.broker.restart()
            return
        lost = self.rng.choice(self.broker.brokers)
        lost.kill()
        self.send(min(len(self.lines), self.sent + self.step))
        lost.restart()

    def shards_of(self, member):
        """How many it holds now; none when it does not answer."""
        found = [line for line in self.metrics(member).splitlines() if line.startswith("echoloop_shards_held ")]
        return int(found[0].split()[-1]) if found else 0

    def await_shards(self):
        """Of each member; one that died will not have any."""
        for member in self.members:
            house.wait_for(lambda each=member: self.shards_of(each) or not each.alive(), "each member holds shards", PATIENCE_S)
            if not member.alive():
                raise house.NotReached(f"{member.folder}: it ended with {member.server.process.returncode}")

    def holds_all(self, members):
        return sum(self.shards_of(member) for member in members) == PARTITIONS

    # ---- what must hold in the end

    def answer(self, what):
        """What every member answers for the whole group; none while one does not, or another than the others."""
        parts = [member.export(what) for member in self.members]
        return parts[0] if all(part == parts[0] for part in parts) else None

    def final_problems(self):
        expected, wanted = compare.oracle(self.config, self.events)
        self.await_shards()
        try:
            house.wait_for(lambda: self.answer("aggregates") == expected, "all is counted once", self.options.patience)
        except house.NotReached:
            yield from compare.compare_aggregates(expected, self.answer("aggregates") or b"")
            yield "the members' aggregates are not the oracle's"
        yield from compare.compare_tasks(wanted, compare.read_tasks(self.answer("tasks")))
        ids = collections.Counter(json.loads(line)["id"] for line in self.committed_records("echoloop.tasks"))
        for name, times in ids.items():
            if times > 1:
                yield f"topic tasks has {name} {times} times"
        if not ids:
            yield "topic tasks is empty"
        yield from self.endpoint_problems(set(ids))
        if not any(self.begin_of("echoloop.changelog", partition) for partition in range(PARTITIONS)):
            yield "nothing of the changelog was deleted"
        if not self.committed_records("echoloop.misplaced"):
            yield "no event lay in a wrong partition: the test is not what it says"
        print(f"{len(self.lines)} events, {len(expected.splitlines())} rows, {len(ids)} task events", flush=True)

    def endpoint_problems(self, wanted):
        try:
            house.wait_for(lambda: wanted <= self.told().keys(), "the endpoint was told of everything", self.options.patience)
        except house.NotReached:
            untold = [at for at in self.places("echoloop.tasks") if at[1] not in self.told()]
            yield f"the endpoint was never told of {untold[:9]}"
            yield from (f"deliveries of {name}: {self.deliveries_of(name)}" for _, name in untold[:3])
        told = self.told()
        yield from (f"the endpoint was told of {name}, which never happened" for name in sorted(told.keys() - wanted))
        yield from (f"the endpoint was told different things under {name}" for name, bodies in told.items() if len(bodies) > 1)
        print(f"the endpoint was told {len(self.endpoint.all())} times of {len(told)} changes", flush=True)

    def deliveries_of(self, change):
        """What the members say of that task's."""
        answer = self.members[0].server.get(f"/api/v1/deliveries?task={change.split('/')[0]}&limit=200")
        if answer.status != 200:
            return repr(answer)
        return [f"{one['events']} {one['outcome']} {one['at']}" for one in answer.json()["items"]]

    def told(self):
        """What came under each id."""
        bodies = collections.defaultdict(set)
        for came in self.endpoint.all():
            bodies[came.headers["webhook-id"]].add(came.body)
        return bodies

    def run(self):
        self.step = -(-len(self.lines) // max(1, self.options.kills + SPARE))
        for member in self.members:
            member.start()
        self.await_shards()
        house.wait_for(lambda: any(map(self.tells, self.members)), "the endpoint's place is kept", PATIENCE_S)
        asker = Asker(self)
        asker.start()
        counted = collections.Counter()
        for what, point in self.misfortunes():
            counted[what] += 1
            self.befall(what, point)
        if self.options.kills >= 4 * len(self.points):
            # Where it was another member that came by, or nobody in time: some events were kept back for that.
            for point in [name for name in self.points for _ in range(SPARE)]:
                if not self.struck[point] and self.sent < len(self.lines):
                    self.befall("point", point)
        self.send(len(self.lines))
        problems = asker.end() + list(self.final_problems())
        print("asked meanwhile:", ", ".join(f"{status} {n} times" for status, n in sorted(asker.answers.items(), key=str)), flush=True)
        if not asker.answers[200]:
            problems.append("nobody ever answered")
        for member in self.members:
            if member.server.stop() != 0:
                problems.append(f"a member ended with {member.server.process.returncode}: {member.server.log()[-2000:]}")
        never = [name for name in self.points if not self.struck[name]]
        if never and self.options.kills >= 4 * len(self.points):
            problems.append(f"these crash points never struck: {', '.join(never)}")
        print(", ".join(f"{what} {n}" for what, n in sorted(counted.items())), flush=True)
        print("struck at", ", ".join(f"{name} {self.struck[name]}" for name in self.points), flush=True)
        return problems


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--brokers", type=int, default=1, help="1, or 3")
    parser.add_argument("--patience", type=int, default=PATIENCE_S, help="seconds for the last events to be counted")
    parser.add_argument("--keep", help="use this folder, which must not exist, and leave it")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="echoloop-kafka-") as folder:
        if options.keep:
            folder = os.path.abspath(options.keep)
            os.makedirs(folder)
        data = os.path.join(folder, "broker")
        with kafka.Broker(data, wired=True) if options.brokers == 1 else kafka.Cluster(data, options.brokers, wired=True) as broker:
            harness = Harness(options, folder, broker)
            try:
                problems = harness.run()
            except (house.NotReached, house.Died, subprocess.TimeoutExpired) as error:
                problems = [str(error)]
            for member in harness.members:
                if member.alive():
                    member.kill()
                if problems:
                    print(f"--- {member.folder}\n{member.server.log()[-3000:]}")
    for problem in problems[:20]:
        print(f"  {problem}")
    print(f"{'FAILED' if problems else 'held'} after {time.monotonic() - begin:.0f} s (seed {options.seed})")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
