#!/usr/bin/python3
"""echoloop's import of a file against DuckDB's aggregation of the same file.

    ./dev bench import [--full] [--profile]

Writes the reference workload (workload.py), lets DuckDB (two threads) and `echoloop import` each read it from process start to the end,
first holds their results equal (per tenant, dimension, value and hour: sessions, evaluations, scores, resolved yes, no and unanswered, sums
of handle and queue time), then prints wall, CPU and memory of both. DuckDB computes these aggregates only and keeps nothing; echoloop also
makes them durable, keeps every event and session, and evaluates its rules. DuckDB comes from PyPI into a virtual environment under build/.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from workload import write_workload

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
FOLDER = os.path.join(ROOT, "build", "bench")
FULL_SESSIONS, QUICK_SESSIONS = 2_000_000, 182_700
COLUMNS = (
    "sessions",
    "evaluations",
    "score1",
    "score2",
    "score3",
    "score4",
    "score5",
    "yes",
    "no",
    "unanswered",
    "handle_ms",
    "queue_ms",
)

QUERY = """
SET threads = 2;
SET preserve_insertion_order = false;
CREATE TEMP TABLE events AS
  SELECT any_value(type) AS type, any_value(data) AS data
  FROM read_json(getvariable('input'), format = 'newline_delimited', columns = {
    source: 'VARCHAR', id: 'VARCHAR', type: 'VARCHAR',
    data: 'STRUCT(tenant VARCHAR, session_id VARCHAR, closed_at VARCHAR, channel VARCHAR, category VARCHAR,
                  agents STRUCT(id VARCHAR, department VARCHAR)[], queued_ms BIGINT, handle_ms BIGINT,
                  evaluation_id VARCHAR, submitted_at VARCHAR, score STRUCT("value" INTEGER), resolved VARCHAR, tags VARCHAR[])'})
  GROUP BY source, id;
CREATE TEMP TABLE standing AS
  SELECT s.data.tenant AS tenant, epoch(date_trunc('hour', s.data.closed_at::TIMESTAMP))::BIGINT AS hour, s.data.channel AS channel,
         s.data.category AS category, s.data.agents[1].id AS agent, s.data.agents[1].department AS department,
         s.data.queued_ms AS queued_ms, s.data.handle_ms AS handle_ms,
         r.session_id IS NOT NULL AS rated, r.best.score AS score, r.best.resolved AS resolved, r.best.tags AS tags
  FROM (FROM events WHERE type = 'echoloop.session.closed.v1') s
  LEFT JOIN (
    SELECT data.tenant AS tenant, data.session_id AS session_id,
           arg_max({score: data.score."value", resolved: data.resolved, tags: data.tags}, (data.submitted_at, data.evaluation_id)) AS best
    FROM events WHERE type = 'echoloop.evaluation.submitted.v1' GROUP BY ALL) r
  ON r.tenant = s.data.tenant AND r.session_id = s.data.session_id;
COPY (
  SELECT tenant, dimension, coalesce(value, '') AS value, hour,
         count(*) AS sessions, count(*) FILTER (rated) AS evaluations,
         count(*) FILTER (score = 1) AS score1, count(*) FILTER (score = 2) AS score2, count(*) FILTER (score = 3) AS score3,
         count(*) FILTER (score = 4) AS score4, count(*) FILTER (score = 5) AS score5,
         count(*) FILTER (resolved = 'yes') AS yes, count(*) FILTER (resolved = 'no') AS no,
         count(*) FILTER (rated AND resolved IS NULL) AS unanswered, sum(handle_ms) AS handle_ms, sum(queued_ms) AS queue_ms
  FROM (
    SELECT * EXCLUDE (channel, category, agent, department, tags), 'all' AS dimension, '' AS value FROM standing
    UNION ALL BY NAME SELECT * EXCLUDE (channel, category, agent, department, tags), 'channel' AS dimension, channel AS value FROM standing
    UNION ALL BY NAME SELECT * EXCLUDE (channel, category, agent, department, tags), 'category' AS dimension, category AS value FROM standing
    UNION ALL BY NAME SELECT * EXCLUDE (channel, category, agent, department, tags), 'agent' AS dimension, agent AS value FROM standing
    UNION ALL BY NAME SELECT * EXCLUDE (channel, category, agent, department, tags), 'department' AS dimension, department AS value FROM standing
    UNION ALL BY NAME SELECT * EXCLUDE (channel, category, agent, department, tags), 'tag' AS dimension, unnest(tags) AS value FROM standing)
  GROUP BY ALL
) TO '%s' (HEADER false);
"""


def aggregate_in_duckdb(source, target):
    """Runs inside the virtual environment."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET VARIABLE input = ?", [source])
    connection.execute(QUERY % target.replace("'", "''"))


def duckdb_python():
    """The python of a virtual environment with DuckDB in it, made at the first call."""
    venv = os.path.join(FOLDER, "venv")
    python = os.path.join(venv, "bin", "python")
    if os.path.exists(python) and subprocess.run([python, "-c", "import duckdb"], check=False).returncode == 0:
        return python
    requirements = os.path.join(HERE, "requirements.txt")
    make = [sys.executable, "-m", "venv", "--without-pip", "--clear", venv]
    fill = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--requirement", requirements]
    for command in (make, fill):
        if subprocess.run(command, check=False).returncode != 0:
            sys.exit(
                "DuckDB could not be installed; this benchmark needs the packages python3-venv and python3-pip, and PyPI"
            )
    return python


class Measured:
    """One process from start to end: wall and CPU seconds, peak resident memory in bytes."""

    def __init__(self, command):
        begin = time.monotonic()
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(command, stdout=output, cwd=FOLDER)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.wall_s = time.monotonic() - begin
            output.seek(0)
            self.output = output.read()
        if process.returncode != 0:
            sys.exit(f"exit {process.returncode}: {' '.join(command)}")
        self.user_s, self.system_s = usage.ru_utime, usage.ru_stime
        self.cpu_s, self.peak_bytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024

    def line(self, name, events):
        return (
            f"{name:10} {self.wall_s:8.2f} s wall  {self.cpu_s:8.2f} s CPU ({self.user_s:.2f} user, {self.system_s:.2f} system)"
            f"  {self.peak_bytes / 1e6:8.0f} MB peak  {events / self.wall_s / 1e3:8.1f} k events/s  {events / self.cpu_s / 1e3:8.1f} k events/CPU s"
        )


def of_duckdb(path):
    with open(path, encoding="utf-8", newline="") as file:
        for tenant, dimension, value, hour, *numbers in csv.reader(file):
            yield (tenant, dimension, value, int(hour)), tuple(map(int, numbers))


def of_echoloop(lines):
    """The same numbers from the canonical export."""
    for line in lines:
        row = json.loads(line)
        dimensions = row["dimensions"]
        if dimensions not in ([], ["channel"], ["category"], ["agent"], ["department"], ["tag"]):
            continue
        if dimensions == ["tag"] and row["values"] == ["unknown"]:
            continue  # sessions whose current rating has no tag, or without one
        measures = row["measures"]

        def said(customer, measures=measures):
            return sum(measures.get(f"{agent}_{customer}", 0) for agent in ("unknown", "resolved", "unresolved"))

        yes, no, evaluations = said("yes"), said("no"), measures.get("evaluations", 0)
        scores = [measures.get("scores", {}).get(f"csat:1000:5000:{score}000", 0) for score in range(1, 6)]
        sums = measures.get("handle_ms", 0), measures.get("queue_ms", 0)
        numbers = yes + no + said("unanswered"), evaluations, *scores, yes, no, evaluations - yes - no, *sums
        key = (
            row["tenant"],
            dimensions[0] if dimensions else "all",
            row["values"][0] if dimensions else "",
            row["bucket"],
        )
        yield key, numbers


def differences(expected, actual):
    for key in sorted(expected.keys() | actual.keys()):
        if expected.get(key) != actual.get(key):
            wanted, found = (dict(zip(COLUMNS, side[key])) if key in side else None for side in (expected, actual))
            yield f"{key}: DuckDB {wanted}, echoloop {found}"


def workload_file(sessions, seed):
    path = os.path.join(FOLDER, f"ref-{sessions}-{seed}.ndjson")
    if not os.path.exists(path):
        with open(path + ".part", "wb") as file:
            write_workload(file, sessions, seed, os.cpu_count())
        os.rename(path + ".part", path)
    with open(path, "rb") as file:
        return path, sum(part.count(b"\n") for part in iter(lambda: file.read(1 << 20), b""))


def profile(command):
    """Where an import spends its user time, if perf is here and allowed."""
    if not shutil.which("perf"):
        print("perf is not installed: no profile")
        return
    record = os.path.join(FOLDER, "import.perf")
    perf = ["perf", "record", "-q", "-e", "cpu-clock:u", "-F", "499", "-o", record]
    if subprocess.run([*perf, *command], stdout=subprocess.DEVNULL, cwd=FOLDER, check=False).returncode != 0:
        print("perf could not record here: no profile")
        return
    report = [
        "perf",
        "report",
        "-i",
        record,
        "--stdio",
        "--no-children",
        "--percent-limit",
        "0.7",
        "--sort",
        "dso,symbol",
    ]
    text = subprocess.run(report, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    print("user time of one import by function:")
    print("\n".join(line for line in text.splitlines() if line and not line.startswith("#")))


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--full", action="store_true", help="3.28 million events instead of 0.3 million")
    parser.add_argument("--sessions", type=int, help="of the workload; events are 1.64 times as many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=1, help="repeat the measurement; the fastest counts")
    parser.add_argument("--profile", action="store_true", help="one more import under perf: user time by function")
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "echoloop"))
    parser.add_argument("--in-duckdb", nargs=2, metavar=("INPUT", "OUTPUT"), help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    if options.in_duckdb:
        aggregate_in_duckdb(*options.in_duckdb)
        return 0
    os.makedirs(FOLDER, exist_ok=True)
    binary = os.path.abspath(options.binary)
    if not os.access(binary, os.X_OK):
        sys.exit(f"{binary} is not built: ./dev build")
    python = duckdb_python()
    sessions = options.sessions or (FULL_SESSIONS if options.full else QUICK_SESSIONS)
    source, events = workload_file(sessions, options.seed)
    size = os.path.getsize(source)
    print(
        f"echoloop-ref, seed {options.seed}: {events} events, {sessions} sessions, {size / events:.0f} bytes per event",
        flush=True,
    )

    config = os.path.join(ROOT, "config")
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="import-") as folder:
        table = os.path.join(folder, "duckdb.csv")
        places = [
            ["--data", os.path.join(folder, f"data-{run}"), "--config-dir", config] for run in range(options.runs + 1)
        ]
        peer, ours = [], []
        for run in range(options.runs):
            peer.append(Measured([python, "-B", os.path.abspath(__file__), "--in-duckdb", source, table]))
            ours.append(Measured([binary, "import", *places[run], source]))
            summary = json.loads(ours[-1].output.splitlines()[-1])
            if summary["read"] != events or summary["rejected"] or summary["skipped"]:
                print(f"the import of {events} events says {json.dumps(summary)}")
                return 1
            with tempfile.TemporaryFile() as exported:
                subprocess.run([binary, "export", "aggregates", *places[run]], stdout=exported, cwd=FOLDER, check=True)
                exported.seek(0)
                expected, actual = dict(of_duckdb(table)), dict(of_echoloop(exported))
            problems = list(differences(expected, actual))
            if problems:
                print("\n".join(problems[:10]))
                print(f"{len(problems)} of {len(expected)} rows differ from DuckDB's")
                return 1
            print(f"results equal: {len(expected)} rows", flush=True)
        peer, ours = (min(several, key=lambda one: one.wall_s) for several in (peer, ours))
        print(peer.line("DuckDB", events))
        print(ours.line("echoloop", events))
        print(
            f"echoloop / DuckDB: wall {ours.wall_s / peer.wall_s:.2f}, CPU {ours.cpu_s / peer.cpu_s:.2f}, memory {ours.peak_bytes / peer.peak_bytes:.2f}"
        )
        if options.profile:
            profile([binary, "import", *places[-1], source])
        else:
            print("user time by function: ./dev bench import --profile")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
