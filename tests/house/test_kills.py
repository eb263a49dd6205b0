#!/usr/bin/python3
"""Kills a running echoloop over and over, and holds it to its word: what it answered 202 for is in, and nothing is in twice.

    test_kills.py --binary build/release/echoloop --kills 120 --seed 1

A seeded stream is posted by several clients while the process is killed with SIGKILL, at random moments and at every named crash point
in turn, and started again. Batches without an answer are sent again; batches answered 202 are not, but for a few whose repetition only
keeps the process busy. In the end its aggregates equal those of an undisturbed import and the oracle's, byte for byte; its tasks are the
oracle's; the outbox file has each line once and every task's last state; and an endpoint was told of each change at least once, always the same
under the same id.
"""

import argparse
import collections
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

import server as house

sys.path.insert(0, house.ORACLE)
import compare
import endpoints  # noqa: E402

CLIENTS = 4
BATCH = 12  # events
REPEATED = 0.05  # share of the batches that are sent again and again
STRIKE_S = 8  # for a named point to be passed as often as asked; then the process is killed anyway
OPTIONS = ["--epoch.interval", "15ms", "--log.segment-bytes", "64KiB", "--memory", "128MiB", "--log.level", "warning"]


def crash_points():
    """Every name that stands in the sources."""
    names = set()
    for folder, _, files in os.walk(os.path.join(house.ROOT, "pipeline")):
        for name in files:
            if name.endswith(".cc"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    names.update(re.findall(r'ECHOLOOP_CRASH_POINT\("([^"]+)"\)', file.read()))
    return sorted(names)


class Stream:
    """The batches still to be sent. Safe from several threads."""

    def __init__(self, lines, rng, lives):
        batches = [b"".join(lines[at : at + BATCH]) for at in range(0, len(lines), BATCH)]
        self.lock = threading.Lock()
        self.again = [batch for batch in batches if rng.random() < REPEATED] or batches[:1]
        self.waiting = collections.deque(batches)
        self.share = -(-len(batches) // max(1, lives))
        self.left = 0  # fresh batches of this life
        self.rng, self.answered, self.unanswered = rng, 0, 0

    def begin_life(self, last=False):
        self.left = len(self.waiting) if last else self.share

    def take(self, last):
        """(batch, whether it must arrive); none at the end of the stream."""
        with self.lock:
            if self.waiting and (last or self.left > 0):
                self.left -= 1
                return self.waiting.popleft(), True
            return None if last else (self.rng.choice(self.again), False)

    def failed(self, batch):
        with self.lock:
            self.waiting.appendleft(batch)
            self.unanswered += 1


class Life:
    """One process from start to kill, with clients at its door."""

    def __init__(self, server, stream):
        self.server, self.stream = server, stream
        self.over, self.posted, self.trouble = threading.Event(), threading.Event(), []

    def client(self, last):
        while not self.over.is_set():
            taken = self.stream.take(last)
            if taken is None:
                return
            batch, needed = taken
            try:
                answer = self.server.post_lines(batch)
            except OSError:
                if needed:
                    self.stream.failed(batch)
                if not last:
                    return
                self.trouble.append("the last process gave no answer")
                return
            self.judge(answer, batch, needed)
            self.posted.set()

    def judge(self, answer, batch, needed):
        if answer.status == 202:
            body = answer.json()
            sent = batch.count(b"\n")
            if body["rejected"] or body["accepted"] != sent:
                self.trouble.append(f"{sent} valid events were sent: {answer}")
            self.stream.answered += 1
        elif needed:
            self.stream.failed(batch)
            if answer.status not in (429, 503):
                self.trouble.append(f"unexpected: {answer}")

    def serve(self, last, wait_moment):
        clients = [threading.Thread(target=self.client, args=(last,)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        wait_moment(self)
        if not last:
            self.over.set()
        for client in clients:
            client.join()
        return self.trouble


class Harness:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.rng = random.Random(f"kills/{options.seed}")
        self.config, self.events = os.path.join(folder, "config"), os.path.join(folder, "events.ndjson")
        sizes = ["--sessions", str(options.sessions), "--days", "28"]
        text = compare.python("generate.py", "--seed", str(options.seed), *sizes, "--config-dir", self.config)
        with open(self.events, "wb") as file:
            file.write(text)
        # An endpoint that is told every change, and says now and then that it is busy.
        self.endpoint = endpoints.HttpEndpoint(*(503 if self.rng.random() < 0.05 else 200 for _ in range(200)))
        with open(os.path.join(self.config, "organisation.yaml"), "a", encoding="utf-8") as file:
            file.write(f"delivery: [{{id: hook, webhook: {{url: '{self.endpoint.url}'}}, events: [changed], old: true, private_network: true}}]\n")
        self.lines = text.splitlines(keepends=True)
        self.stream = Stream(self.lines, self.rng, options.kills)
        self.points = [name for name in crash_points() if not name.startswith("kafka.")]
        self.struck, self.missed = collections.Counter(), collections.Counter()

    def server(self, order=None):
        environment = {"ECHOLOOP_CRASH_AT": order} if order else {}
        return house.Server(self.folder, *OPTIONS, config=self.config, environment=environment)

    def order(self, number):
        """Every other kill at a named point, all of them in turn; the others at a random moment."""
        if number % 2:
            return None, 1
        name = self.points[number // 2 % len(self.points)]
        rare = name.startswith(("log.segment", "log.sealed", "tasks.", "delivery."))
        return name, 1 if rare else self.rng.choice([1, 1, 2, 3, 5, 9, 20])

    def life(self, number):
        """Starts, serves, dies."""
        name, count = self.order(number)
        server = self.server(f"{name}:{count}" if name else None)
        server.start(wait=False)
        moment_s = self.rng.choice([0.02, 0.1, 0.3]) * self.rng.random()

        def wait_moment(life):
            if name is None:
                life.posted.wait(house.PATIENCE_S)
            try:
                server.process.wait(STRIKE_S if name else moment_s)
            except subprocess.TimeoutExpired:
                pass
            server.process.kill()
            server.wait_end()

        try:
            if name is None and self.rng.random() < 0.1:
                return self.kill_while_starting(server, moment_s)
            server.wait_ready()
        except house.Died:
            if server.process.returncode != -9 or name is None:
                raise  # ended by itself
            self.struck[name] += 1
            return []
        # After SIGKILL by the crash point the process is gone before our own kill.
        life = Life(server, self.stream)
        self.stream.begin_life()
        begin = time.monotonic()
        trouble = life.serve(False, wait_moment)
        if server.process.returncode != -9:
            trouble.append(f"life {number}: exit {server.process.returncode}\n{server.log()[-2000:]}")
        if name is not None:
            (self.struck if time.monotonic() - begin < STRIKE_S else self.missed)[name] += 1
        return trouble

    def kill_while_starting(self, server, moment_s):
        try:
            server.process.wait(moment_s)
        except subprocess.TimeoutExpired:
            pass
        server.kill()
        return []

    def last_life(self):
        server = self.server().start()
        self.stream.begin_life(last=True)
        trouble = Life(server, self.stream).serve(True, lambda life: None)
        while not trouble and self.stream.waiting:
            trouble = Life(server, self.stream).serve(True, lambda life: None)
        server.wait_settled()
        code = server.stop()
        if self.changes() - self.told().keys():
            server = self.server().start()
            house.wait_for(lambda: self.changes() <= self.told().keys(), "the endpoint told of everything")
            code = code or server.stop()
        return trouble + ([] if code == 0 else [f"the last process ended with {code}: {server.log()[-2000:]}"])

    # ---- what must hold in the end

    def command(self, data, *arguments):
        return compare.run([house.BINARY, *arguments, "--data", data, "--config-dir", self.config])

    def outbox_problems(self, exported):
        path = os.path.join(self.folder, "data", "outbox", "tasks.ndjson")
        with open(path, "rb") as file:
            text = file.read()
        if text and not text.endswith(b"\n"):
            yield "the outbox file ends in the middle of a line"
        newest, ids = {}, collections.Counter()
        for line in text.splitlines():
            event = json.loads(line)
            newest[event["data"]["id"]] = event["data"]
            ids[event["id"], line] += 1
        for (name, _), times in ids.items():
            if times > 1:
                yield f"the outbox file has {name} {times} times"
        for task in exported:
            if task["id"] not in newest:
                yield f"the outbox file has nothing of task {task['id']}"
            elif [newest[task["id"]][k] for k in ("state", "count")] != [task[k] for k in ("state", "count")]:
                yield f"the outbox file's last word on task {task['id']} is {newest[task['id']]}, but it is {task}"

    def changes(self):
        """Ids of all task events."""
        with open(os.path.join(self.folder, "data", "outbox", "tasks.ndjson"), "rb") as file:
            return {json.loads(line)["id"] for line in file}

    def told(self):
        """What came under each id."""
        bodies = collections.defaultdict(set)
        for came in self.endpoint.all():
            bodies[came.headers["webhook-id"]].add(came.body)
        return bodies

    def endpoint_problems(self):
        """Every event arrived, perhaps several times, each time the same."""
        wanted = self.changes()
        bodies = self.told()
        yield from (f"the endpoint was never told of {name}" for name in sorted(wanted - set(bodies)))
        yield from (f"the endpoint was told of {name}, which never happened" for name in sorted(set(bodies) - wanted))
        yield from (f"the endpoint was told different things under {name}" for name, all_told in bodies.items() if len(all_told) > 1)
        print(f"the endpoint was told {len(self.endpoint.all())} times of {len(bodies)} changes", flush=True)

    def final_problems(self):
        data, undisturbed = (os.path.join(self.folder, name) for name in ("data", "undisturbed"))
        self.command(undisturbed, "import", self.events)
        calm, ours = (self.command(place, "export", "aggregates") for place in (undisturbed, data))
        expected, wanted = compare.oracle(self.config, self.events)
        for name, rows in (("the undisturbed import", calm), ("the oracle", expected)):
            for problem in compare.compare_aggregates(rows, ours):
                yield f"against {name}: {problem}"
        exported = compare.read_tasks(self.command(data, "export", "tasks"))
        yield from compare.compare_tasks(wanted, exported)
        yield from self.outbox_problems(exported)
        yield from self.endpoint_problems()
        print(f"{len(self.lines)} events, {len(ours.splitlines())} rows, {len(exported)} tasks", flush=True)

    def run(self):
        problems = []
        for number in range(self.options.kills):
            problems += self.life(number)
            if problems:
                return problems
        problems += self.last_life()
        never = [name for name in self.points if not self.struck[name]]
        if never and self.options.kills >= 4 * len(self.points):
            problems.append(f"these crash points never struck: {', '.join(never)}")
        counted = ", ".join(f"{name} {self.struck[name]}" for name in self.points)
        print(f"{self.options.kills} kills; at named points: {counted}", flush=True)
        print(f"{self.stream.answered} batches answered 202, {self.stream.unanswered} sent again", flush=True)
        return problems + list(self.final_problems())


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sessions", type=int, default=1500)
    parser.add_argument("--keep", help="use this folder, which must not exist, and leave it")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="echoloop-kills-") as folder:
        if options.keep:
            folder = os.path.abspath(options.keep)
            os.makedirs(folder)
        problems = Harness(options, folder).run()
    for problem in problems[:20]:
        print(f"  {problem}")
    print(f"{'FAILED' if problems else 'held'} after {time.monotonic() - begin:.0f} s (seed {options.seed})")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
