#!/usr/bin/python3
"""The reference workload in Kafka Streams: what a peer of echoloop's Kafka edition takes for it.

    ./dev bench kafka_peer --brokers HOST:PORT [--sessions 200000] [--form tuned] [--broker-pid PID]

Writes the workload (workload.py) in the peer's form into two topics, `…sessions` and `…ratings`, unless they hold it already: 8 partitions,
the session's id as key, delivery time as timestamp, LZ4. Then bench/kafka_streams drops duplicates, joins, aggregates and evaluates the
rule exactly once, with a commit every 100 ms, in the form asked for: `plain`, step by step in the DSL, or `tuned`. Its aggregates must equal,
row for row, DuckDB's from echoloop's form of the same events, and each window that is bad at the end must have its one task. Printed are wall,
CPU and peak memory from the start of the process until all input is committed and nothing is left in between. Maven, Java 17 and a broker are
needed; 2,000,000 sessions are the full workload and want some 3 GB of disk.
"""

import argparse
import csv
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timezone

import workload

batch = importlib.import_module("import")  # the bench of that name: DuckDB and the workload's file

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.join(HERE, "kafka_streams")
TARGET = os.path.join(batch.FOLDER, "kafka_streams")
FIRST_MS = int(datetime(2026, 3, 1, tzinfo=timezone.utc).timestamp() * 1000)
JAVA = ("java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", os.path.join(TARGET, "peer.jar") + ":" + os.path.join(TARGET, "libs", "*"))


def peer_form(line):
    """(topic, key, JSON) of an event in echoloop's form."""
    event = json.loads(line)
    data = event["data"]
    begin = {"id": event["id"], "source": event["source"], "time": event["time"], "tenant": data["tenant"], "session_id": data["session_id"]}
    if event["type"] == "echoloop.session.closed.v1":
        (agent,) = data["agents"]
        topic = "sessions"
        rest = {
            "type": "session.closed",
            "customer_id": data["customer_id"],
            "channel": data["channel"],
            "agent_id": agent["id"],
            "department": agent["department"],
            "category": data["category"],
            "queued_ms": data["queued_ms"],
            "handle_ms": data["handle_ms"],
            "agent_resolved": data["agent_resolution"] == "resolved",
        }
    else:
        topic = "ratings"
        rest = {"type": "evaluation.submitted", "score": data["score"]["value"]}
        rest |= {name: data[name] for name in ("resolved", "tags", "comment") if name in data}
    return topic, data["session_id"], json.dumps(begin | rest, ensure_ascii=False, separators=(",", ":"))


def peer_block(task):
    """As workload.block, with (topic, key, JSON) for a line."""
    times, lines = workload.block(task)
    return times, [peer_form(line) for line in lines]


def build_peer():
    """The jar and what it needs, made anew only when a source is newer."""
    jar = os.path.join(TARGET, "peer.jar")
    sources = [os.path.join(folder, name) for folder, _, names in os.walk(PROJECT) for name in names]
    if os.path.exists(jar) and os.path.getmtime(jar) > max(map(os.path.getmtime, sources)):
        return
    if not shutil.which("mvn") or not shutil.which("java"):
        sys.exit("this benchmark needs Maven and Java 17: the packages maven and openjdk-17-jdk-headless")
    made = subprocess.run(["mvn", "-q", "-B", f"-Dpeer.target={TARGET}", "package"], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if made.returncode != 0:
        sys.exit(f"the peer could not be built:\n{made.stdout.decode(errors='replace')}")


def load(topics, options, events):
    """Fills the topics; a topic that holds part of it is somebody's whose work is not thrown away."""
    held = int(subprocess.run([*JAVA, "echoloop.peer.Main", "holds", *topics], stdout=subprocess.PIPE, check=True).stdout)
    if held == events:
        return
    if held:
        sys.exit(f"the input topics hold {held} of {events} records: delete them, or use another --prefix")
    loader = subprocess.Popen([*JAVA, "-Xmx512m", "echoloop.peer.Main", "load", *topics], stdin=subprocess.PIPE)
    size = 0
    for some in workload.deliveries(options.sessions, options.seed, os.cpu_count(), peer_block):
        for delivered, (topic, key, text) in some:
            value = text.encode()
            size += len(value)
            loader.stdin.write(f"{options.prefix}{topic}\t{FIRST_MS + delivered}\t{key}\t".encode() + value + b"\n")
    loader.stdin.close()
    if loader.wait() != 0:
        sys.exit("the events could not be loaded")
    print(f"loaded {events} records, {size / events:.0f} bytes each", flush=True)


def batch_rows(source, folder):
    table = os.path.join(folder, "duckdb.csv")
    script = os.path.join(HERE, "import.py")
    subprocess.run([batch.duckdb_python(), "-B", script, "--in-duckdb", source, table], check=True)
    return dict(batch.of_duckdb(table))


def differences(expected, actual):
    for key in sorted(expected.keys() | actual.keys()):
        if expected.get(key) != actual.get(key):
            yield f"{key}: DuckDB {expected.get(key)}, Kafka Streams {actual.get(key)}"


def bad_windows(rows):
    """(tenant, category, hour) that the rule holds for at the end."""
    for (tenant, dimension, value, hour), numbers in rows.items():
        ratings, low = numbers[1], numbers[2] + numbers[3]
        if dimension == "category" and ratings >= 20 and 10 * low >= 3 * ratings:
            yield tenant, value, hour


def task_problems(rows, path):
    """A window may have been bad for a while only, so there can be more tasks than windows that are bad at the end."""
    with open(path, encoding="utf-8", newline="") as file:
        tasks = [(tenant, value, int(hour)) for tenant, _, value, hour, *_ in csv.reader(file)]
    if len(set(tasks)) != len(tasks):
        yield f"{len(tasks) - len(set(tasks))} tasks came twice"
    for window in sorted(set(bad_windows(rows)) - set(tasks)):
        yield f"{window}: is bad and has no task"


def run_peer(topics, options, folder):
    """What the peer says, its rows and the file of its tasks."""
    rows, tasks = os.path.join(folder, "rows.csv"), os.path.join(folder, "tasks.csv")
    application = f"echoloop-peer-{options.form}-{os.getpid()}"
    words = ["--application", application, "--tasks", f"{application}.tasks", "--form", options.form, "--threads", str(options.threads)]
    words += ["--state", os.path.join(folder, "state"), "--export", rows, "--export-tasks", tasks]
    if options.broker_pid:
        words += ["--broker-pid", str(options.broker_pid)]
    command = [*JAVA, *options.java.split(), "echoloop.peer.Main", "run", *topics, *words]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return json.loads(said.splitlines()[-1]), dict(batch.of_duckdb(rows)), tasks


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--brokers", required=True, help="HOST:PORT")
    parser.add_argument("--sessions", type=int, default=200_000, help="2000000 for the full 3.28 million events")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--form", choices=("plain", "tuned"), default="tuned")
    parser.add_argument("--threads", type=int, default=2, help="stream threads")
    parser.add_argument("--java", default="-Xms2g -Xmx2g -Xmn1200m -XX:+UseParallelGC", help="options of the virtual machine")
    parser.add_argument("--broker-pid", type=int, help="say also what this process took meanwhile")
    parser.add_argument("--prefix", help="of the input topics; default: echoloop-ref-SESSIONS-SEED.")
    options = parser.parse_args(arguments)
    if options.prefix is None:
        options.prefix = f"echoloop-ref-{options.sessions}-{options.seed}."
    return options


def main(arguments):
    options = parse(arguments)
    os.makedirs(batch.FOLDER, exist_ok=True)
    build_peer()
    source, events = batch.workload_file(options.sessions, options.seed)
    topics = ["--brokers", options.brokers, "--sessions", f"{options.prefix}sessions", "--ratings", f"{options.prefix}ratings"]
    load(topics, options, events)
    with tempfile.TemporaryDirectory(dir=batch.FOLDER, prefix="kafka-peer-") as folder:
        said, actual, tasks = run_peer(topics, options, folder)
        expected = batch_rows(source, folder)
        problems = [*differences(expected, actual), *task_problems(expected, tasks)]
        if said["events"] != events:
            problems.append(f"{said['events']} records were read instead of {events}")
        if problems:
            print("\n".join(problems[:10]))
            print(f"{len(problems)} problems among {len(expected)} rows")
            return 1
        print(f"results equal: {len(expected)} rows; tasks: {said['tasks']}, of windows bad at the end: {len(set(bad_windows(expected)))}")
    broker = f"  {said['broker_cpu_s']:.2f} s CPU of the broker" if options.broker_pid else ""
    print(
        f"Kafka Streams, {options.form:5} {said['wall_s']:8.2f} s wall  {said['cpu_s']:8.2f} s CPU  {said['peak_bytes'] / 1e6:8.0f} MB peak  "
        f"{events / said['wall_s'] / 1e3:8.1f} k events/s  {events / said['cpu_s'] / 1e3:8.1f} k events/CPU s  {said['between']} records in between{broker}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
