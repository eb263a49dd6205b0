#!/usr/bin/python3
"""echoloop on Kafka beside Kafka Streams, on one broker, one after the other, the same events.

    ./dev bench kafka [--sessions 200000] [--forms tuned,plain] [--full]

A broker is started for it. The reference workload is written into topic events in echoloop's form, and for Kafka Streams in the peer's own
(kafka_peer.py says what that computes: 6 dimension sets and one rule; echoloop computes all of its 23 with histograms, and its rules; with
--work peer it is configured to the same: those sets and that rule and no others, only that its rows have histograms still). One member of echoloop begins with nothing and is done when it says that it has caught up; its aggregates must equal DuckDB's row for row.
Printed are wall, CPU and peak memory of each, the broker's CPU and what it wrote meanwhile, the ratio, and how long the member takes to be back after a kill. --full is the whole workload: 3.28 million events.
"""

import argparse
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import kafka_peer as peer
import workload

batch = importlib.import_module("import")
sys.path.insert(0, os.path.join(batch.ROOT, "tests", "house"))
import broker as kafka  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
CONFIG = os.path.join(batch.ROOT, "config")
OPTIONS = ("--clock", "event", "--log.level", "warning", "--listen", "127.0.0.1:0")
PEER_SETS = """dimension_sets:
  - []
  - [agent]
  - [department]
  - [category]
  - [channel]
  - [tag]
  - [department, category]
"""
PEER_RULES = """thresholds:
  - id: dissatisfied
    version: 1
    title: {zh: "{category}", en: "{category}"}
    metric: dsat
    group_by: [department, category]
    window: hour
    minimum_n: 20
    tiers: [{above: 0.3, severity: medium, escalate_to: lead}]
recoveries: []
"""


def cpu_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def written_by(pid):
    """Bytes that it gave to the disk."""
    with open(f"/proc/{pid}/io", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("write_bytes"))


def own_block(task):
    """As workload.block, with (key, line) for a line."""
    times, lines = workload.block(task)
    return times, [(peer.peer_form(line)[1], line) for line in lines]


def load(address, prefix, options):
    """Topic events in order of delivery."""
    topics = ["--brokers", address, "--sessions", f"{prefix}events", "--ratings", f"{prefix}unused"]
    loader = subprocess.Popen([*peer.JAVA, "-Xmx512m", "echoloop.peer.Main", "load", *topics], stdin=subprocess.PIPE)
    for some in workload.deliveries(options.sessions, options.seed, os.cpu_count(), own_block):
        for delivered, (key, line) in some:
            text = line if isinstance(line, bytes) else line.encode()
            loader.stdin.write(f"{prefix}events\t{peer.FIRST_MS + delivered}\t{key}\t".encode() + text.rstrip(b"\n") + b"\n")
    loader.stdin.close()
    if loader.wait() != 0:
        sys.exit("the events could not be loaded")


def peer_config(folder):
    """The shipped configuration without what the peer does not compute."""
    config = shutil.copytree(CONFIG, os.path.join(folder, "config"))
    for name, change in {
        "metrics.yaml": lambda text: text[: text.index("dimension_sets:")] + PEER_SETS,
        "rules.yaml": lambda _: PEER_RULES,
        "taxonomy.yaml": lambda text: text[: text.index("red_lines:")] + "red_lines: []\n",
        "routing.yaml": lambda text: "".join(line for line in text.splitlines(keepends=True) if "rule:" not in line),
    }.items():
        path = os.path.join(config, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(change(text))
    return config


class Member:
    """One member of echoloop, from its start until it has caught up; then it dies, and comes back."""

    def __init__(self, binary, config, broker, prefix, folder, events):
        self.data, self.broker, self.prefix, self.events = os.path.join(folder, "member"), broker, prefix, events
        self.command = [binary, "run", "--kafka.brokers", broker.address, "--kafka.prefix", prefix, "--data", self.data, "--config-dir", config, *OPTIONS]
        broker_before, written_before, begin = cpu_of(broker.process.pid), written_by(broker.process.pid), time.monotonic()
        self.start()
        try:
            self.await_counted()
            self.wall_s, self.cpu_s = time.monotonic() - begin, cpu_of(self.process.pid)
            self.broker_s, self.peak_bytes = cpu_of(broker.process.pid) - broker_before, peak_of(self.process.pid)
            self.written = written_by(broker.process.pid) - written_before
            exported = subprocess.run([binary, "export", "aggregates", "--server", self.url], stdout=subprocess.PIPE, check=True).stdout
            self.rows = dict(batch.of_echoloop(exported.splitlines()))
            self.warm_s, self.lost_s = self.back_again(lose=False), self.back_again(lose=True)
        finally:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()

    def start(self):
        self.process = subprocess.Popen(self.command)

    def await_counted(self):
        self.url = self.address()
        while self.counted() != self.events or self.status("/readyz") != 200:
            if self.process.poll() is not None:
                sys.exit(f"echoloop ended with {self.process.returncode}")
            time.sleep(0.05)

    def back_again(self, lose):
        """Seconds from a kill -9 until an event is counted that came meanwhile."""
        begin = time.monotonic()
        self.process.kill()
        self.process.wait()
        os.remove(os.path.join(self.data, "server"))
        if lose:
            shutil.rmtree(os.path.join(self.data, "cache"))
        late = f'{{"specversion":"1.0","type":"echoloop.session.closed.v1","source":"/late","id":"{self.events}","data":{{"tenant":"t0","session_id":"late-{self.events}","closed_at":"2026-03-01T00:00:00Z"}}}}'
        command = ["kcat", "-P", "-b", self.broker.address, "-t", f"{self.prefix}events", "-X", "topic.partitioner=murmur2", "-k", f"late-{self.events}"]
        subprocess.run(command, input=late.encode(), check=True)
        self.events += 1
        self.start()
        self.await_counted()
        return time.monotonic() - begin

    def address(self):
        while True:
            try:
                with open(os.path.join(self.data, "server"), encoding="ascii") as file:
                    text = file.read()
                if text.endswith("\n"):
                    return text.strip()
            except FileNotFoundError:
                pass
            if self.process.poll() is not None:
                sys.exit(f"echoloop ended with {self.process.returncode}")
            time.sleep(0.01)

    def status(self, path):
        try:
            with urllib.request.urlopen(self.url + path) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def counted(self):
        with urllib.request.urlopen(self.url + "/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith("echoloop_events_total{"))

    def line(self, name, events):
        return said(name, events, self.wall_s, self.cpu_s, self.peak_bytes, self.broker_s, self.written)


def said(name, events, wall_s, cpu_s, peak_bytes, broker_s, written):
    return (
        f"{name:22} {wall_s:8.2f} s wall  {cpu_s:8.2f} s CPU  {peak_bytes / 1e6:8.0f} MB peak  {events / wall_s / 1e3:8.1f} k events/s"
        f"  {events / cpu_s / 1e3:8.1f} k events/CPU s  {broker_s:8.2f} s CPU of the broker, which wrote {written / events:6.0f} bytes an event"
    )


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sessions", type=int, default=200_000)
    parser.add_argument("--full", action="store_true", help="2000000 sessions")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--forms", default="tuned", help="of the peer: tuned, plain, both with a comma, or none")
    parser.add_argument("--work", choices=("all", "peer"), default="all", help="what echoloop computes")
    parser.add_argument("--binary", default=os.path.join(batch.ROOT, "build", "release", "echoloop"))
    options = parser.parse_args(arguments)
    if options.full:
        options.sessions = batch.FULL_SESSIONS
    return options


def main(arguments):
    options = parse(arguments)
    os.makedirs(batch.FOLDER, exist_ok=True)
    peer.build_peer()
    source, events = batch.workload_file(options.sessions, options.seed)
    with tempfile.TemporaryDirectory(dir=batch.FOLDER, prefix="kafka-") as folder:
        with kafka.Broker(os.path.join(folder, "broker"), quick=False) as broker:
            prefix = "bench."
            load(broker.address, prefix, options)
            print(f"{events} events in topic {prefix}events", flush=True)
            expected = peer.batch_rows(source, folder)
            config = peer_config(folder) if options.work == "peer" else CONFIG
            ours = Member(os.path.abspath(options.binary), config, broker, prefix, folder, events)
            problems = list(batch.differences(expected, ours.rows))
            if problems:
                print("\n".join(problems[:10]))
                print(f"{len(problems)} of {len(expected)} rows differ from DuckDB's")
                return 1
            print(f"results equal: {len(expected)} rows", flush=True)
            print(ours.line("echoloop", events), flush=True)
            print(f"kill -9, then an event that came meanwhile is counted: {ours.warm_s:.2f} s, with its store lost {ours.lost_s:.2f} s", flush=True)
            for form in [form for form in options.forms.split(",") if form in ("tuned", "plain")]:
                words = ["--brokers", broker.address, "--sessions", str(options.sessions), "--seed", str(options.seed)]
                theirs = peer.parse([*words, "--form", form, "--broker-pid", str(broker.process.pid)])
                topics = ["--brokers", broker.address, "--sessions", f"{theirs.prefix}sessions", "--ratings", f"{theirs.prefix}ratings"]
                peer.load(topics, theirs, events)
                written_before = written_by(broker.process.pid)
                told, rows, tasks = peer.run_peer(topics, theirs, tempfile.mkdtemp(dir=folder))
                written = written_by(broker.process.pid) - written_before
                problems = [*peer.differences(expected, rows), *peer.task_problems(expected, tasks)]
                if problems:
                    print("\n".join(problems[:10]))
                    return 1
                name = f"Kafka Streams, {form}"
                print(said(name, events, told["wall_s"], told["cpu_s"], told["peak_bytes"], told["broker_cpu_s"], written))
                print(
                    f"echoloop / {name}: events per CPU second {told['cpu_s'] / ours.cpu_s:.2f} x, wall {told['wall_s'] / ours.wall_s:.2f} x,"
                    f" memory {ours.peak_bytes / told['peak_bytes']:.2f}, CPU of the broker {ours.broker_s / told['broker_cpu_s']:.2f}, bytes that it wrote {ours.written / written:.2f}",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
