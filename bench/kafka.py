#!/usr/bin/python3
"""echoloop on Kafka beside Kafka Streams, on one broker, one after the other, the same events.

    ./dev bench kafka [--sessions 200000] [--forms tuned,plain] [--full] [--work peer] [--members 1,2,4] [--memory 512MiB]

A broker is started for it. The reference workload is written into topic events in echoloop's form, and for Kafka Streams in the peer's own
(kafka_peer.py says what that computes: 6 dimension sets and one rule; echoloop computes all of its 23 with histograms, and its rules; with
--work peer it is configured to the same: those sets and that rule and no others, only that its rows have histograms still). One member of echoloop begins with nothing and is done when it says that it has caught up; its aggregates must equal DuckDB's row for row.
--members runs groups of so many members one after the other, each on events of its own, all on this machine; the first is compared with the peer. Printed are wall, CPU and peak memory of each, the broker's CPU and what it wrote meanwhile, the ratio, and how long the member takes to be back after a kill. --full is the whole workload: 3.28 million events.
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


class Members:
    """Members of one group on this machine. `events` is how many lie in the topic."""

    def __init__(self, binary, config, broker, prefix, folder, events, members=1, more=()):
        self.binary, self.broker, self.prefix, self.events = binary, broker, prefix, events
        self.folders = [os.path.join(folder, f"member-{number}") for number in range(members)]
        common = ["--kafka.brokers", broker.address, "--kafka.prefix", prefix, "--config-dir", config, *OPTIONS, *more]
        self.commands = [[binary, "run", "--data", data, *common] for data in self.folders]
        self.processes, self.urls = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def catch_up(self):
        """Starts them, and measures until all is counted."""
        pid = self.broker.process.pid
        broker_before, written_before, begin = cpu_of(pid), written_by(pid), time.monotonic()
        self.start()
        self.await_counted()
        self.wall_s, self.cpu_s, self.peak_bytes = time.monotonic() - begin, self.sum_of(cpu_of), self.sum_of(peak_of)
        self.broker_s, self.written = cpu_of(pid) - broker_before, written_by(pid) - written_before

    def rows(self):
        out = {}
        for url in self.urls:
            exported = subprocess.run([self.binary, "export", "aggregates", "--server", url], stdout=subprocess.PIPE, check=True).stdout
            out.update(batch.of_echoloop(exported.splitlines()))
        return out

    def start(self):
        self.processes = [subprocess.Popen(command) for command in self.commands]
        self.urls = [self.address(data, process) for data, process in zip(self.folders, self.processes)]

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait()
        self.processes = []

    def sum_of(self, measure):
        return sum(measure(process.pid) for process in self.processes)

    def await_counted(self):
        while self.counted() != self.events or any(self.status(url + "/readyz") != 200 for url in self.urls):
            for process in self.processes:
                if process.poll() is not None:
                    sys.exit(f"echoloop ended with {process.returncode}")
            time.sleep(0.05)

    def back_again(self, lose):
        """Seconds from a kill -9 until an event is counted that came meanwhile."""
        begin = time.monotonic()
        self.processes[0].kill()
        self.processes[0].wait()
        os.remove(os.path.join(self.folders[0], "server"))
        if lose:
            shutil.rmtree(os.path.join(self.folders[0], "cache"))
        late = f'{{"specversion":"1.0","type":"echoloop.session.closed.v1","source":"/late","id":"{self.events}","data":{{"tenant":"t0","session_id":"late-{self.events}","closed_at":"2026-03-01T00:00:00Z"}}}}'
        command = ["kcat", "-P", "-b", self.broker.address, "-t", f"{self.prefix}events", "-X", "topic.partitioner=murmur2", "-k", f"late-{self.events}"]
        subprocess.run(command, input=late.encode(), check=True)
        self.events += 1
        self.start()
        self.await_counted()
        return time.monotonic() - begin

    @staticmethod
    def address(data, process):
        while True:
            try:
                with open(os.path.join(data, "server"), encoding="ascii") as file:
                    text = file.read()
                if text.endswith("\n"):
                    return text.strip()
            except FileNotFoundError:
                pass
            if process.poll() is not None:
                sys.exit(f"echoloop ended with {process.returncode}")
            time.sleep(0.01)

    @staticmethod
    def status(url):
        try:
            with urllib.request.urlopen(url) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def counted(self):
        lines = []
        for url in self.urls:
            with urllib.request.urlopen(url + "/metrics") as answer:
                lines += answer.read().decode().splitlines()
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
    parser.add_argument("--members", default="1", help="sizes of the group")
    parser.add_argument("--memory", default="1GiB", help="of each member")
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
    expected = None
    with tempfile.TemporaryDirectory(dir=batch.FOLDER, prefix="kafka-") as folder:
        with kafka.Broker(os.path.join(folder, "broker"), quick=False) as broker:
            compared = None  # the first group
            for members in map(int, options.members.split(",")):
                prefix = f"bench.{members}."
                load(broker.address, prefix, options)
                if not expected:
                    print(f"{events} events in topic {prefix}events", flush=True)
                    expected = peer.batch_rows(source, folder)
                config = peer_config(tempfile.mkdtemp(dir=folder)) if options.work == "peer" else CONFIG
                place = tempfile.mkdtemp(dir=folder)
                binary, more = os.path.abspath(options.binary), ("--memory", options.memory)
                with Members(binary, config, broker, prefix, place, events, members, more) as ours:
                    ours.catch_up()
                    problems = list(batch.differences(expected, ours.rows()))
                    if problems:
                        print("\n".join(problems[:10]))
                        print(f"{len(problems)} of {len(expected)} rows differ from DuckDB's")
                        return 1
                    print(f"results equal: {len(expected)} rows", flush=True)
                    compared = compared or ours
                    print(ours.line("echoloop" if members == 1 else f"echoloop, {members} members", events), flush=True)
                    if members == 1:
                        warm_s, lost_s = ours.back_again(lose=False), ours.back_again(lose=True)
                        print(f"kill -9, then an event that came meanwhile is counted: {warm_s:.2f} s, with its store lost {lost_s:.2f} s", flush=True)
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
                    f"echoloop / {name}: events per CPU second {told['cpu_s'] / compared.cpu_s:.2f} x, wall {told['wall_s'] / compared.wall_s:.2f} x,"
                    f" memory {compared.peak_bytes / told['peak_bytes']:.2f}, CPU of the broker {compared.broker_s / told['broker_cpu_s']:.2f}, bytes that it wrote {compared.written / written:.2f}",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
