#!/usr/bin/python3
"""Runs echoloop on hostile streams and compares all that it counted, byte for byte, with the oracle; then its tasks.

    compare.py --binary build/release/echoloop --seeds 1-5 --sessions 2000 --shuffle --shards 3 --parts 2

Each seed is one stream with its own configuration. `--parts K` imports it in K pieces, each by a process of its own, and then the whole
stream once more, which must change nothing. `--reload` sends it to a running server instead, which begins with another configuration and
is made to take the true one while events are coming in. Exit code 0: all equal; 1: something differs (printed); 2: echoloop could not be run.
"""

import argparse
import csv
import io
import json
import os
import random
import subprocess
import sys
import shutil
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "house"))
import hostile_config  # noqa: E402

ENDED = {"cancelled", "rejected", "closed", "verified", "merged"}
SHOWN_MAX = 12
RECOUNTED = "echoloop_sessions_recounted_total "


class CannotRun(Exception):
    pass


def run(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    if done.returncode != 0:
        words = " ".join(command)
        raise CannotRun(f"{words}\nexit {done.returncode}\n{done.stderr.decode(errors='replace')[-4000:]}")
    return done.stdout


def python(script, *arguments):
    return run(["/usr/bin/python3", "-B", os.path.join(HERE, script), *arguments])


def oracle(config, *events):
    """(the aggregates as bytes, the tasks that must exist)"""
    with tempfile.TemporaryDirectory(prefix="echoloop-oracle-") as folder:
        found = os.path.join(folder, "tasks.ndjson")
        aggregates = python("oracle.py", "--config-dir", config, "--tasks", found, *events)
        with open(found, "rb") as file:
            return aggregates, read_tasks(file.read())


# ---- comparing aggregates


def keyed(lines):
    rows = {}
    for line in lines:
        row = json.loads(line)
        rows[row["tenant"], tuple(row["dimensions"]), tuple(row["values"]), row["bucket"]] = row["measures"]
    return rows


def flat(measures, prefix=""):
    for name, value in measures.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def differing_rows(expected, actual):
    """One text per row that differs: what the oracle has and what echoloop has."""
    expected, actual = keyed(expected), keyed(actual)
    for key in sorted(expected.keys() | actual.keys()):
        wanted, found = dict(flat(expected.get(key, {}))), dict(flat(actual.get(key, {})))
        if wanted == found:
            continue
        tenant, dimensions, values, bucket = key
        where = ", ".join(f"{d}={v}" for d, v in zip(dimensions, values)) or "()"
        what = "missing" if key not in actual else "too much" if key not in expected else "differs"
        lines = [f"{what}: tenant {tenant}, {where}, bucket {bucket}"]
        for name in sorted(wanted.keys() | found.keys()):
            if wanted.get(name, 0) != found.get(name, 0):
                lines.append(f"    {name}: expected {wanted.get(name, 0)}, got {found.get(name, 0)}")
        yield "\n".join(lines)


def compare_aggregates(expected, actual):
    if expected == actual:
        return []
    expected_lines, actual_lines = expected.splitlines(), actual.splitlines()
    problems = list(differing_rows(expected_lines, actual_lines))
    if not problems:  # the same rows in another form
        for number, (wanted, found) in enumerate(zip(expected_lines + [b""], actual_lines + [b""]), 1):
            if wanted != found:
                problems.append(
                    f"line {number}: expected {wanted.decode()}\n         got      {found.decode(errors='replace')}"
                )
                break
        problems = problems or ["the last line does not end with one newline"]
    return problems


# ---- comparing tasks


def read_tasks(output):
    """NDJSON, or CSV whose cells hold JSON where they are not plain."""
    text = output.decode("utf-8")
    if not text.strip():
        return []
    if text.lstrip().startswith("{"):
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    def cell(value):
        try:
            return json.loads(value)
        except ValueError:
            return value

    return [{name: cell(value) for name, value in row.items()} for row in csv.DictReader(io.StringIO(text))]


def cause_of(task):
    """The key under which the oracle knows it."""
    cause, tenant = task["cause"], task["tenant"]
    if task["kind"] == "improvement":
        return "improvement", tenant, cause["rule"], json.dumps(cause["scope"], ensure_ascii=False, sort_keys=True)
    scope = cause.get("scope") or {}
    return task["kind"], tenant, cause["rule"], scope.get("session") or scope.get("session_id") or task["sample"][0]


def expected_of(task):
    third = task.get("session") or json.dumps(task.get("scope"), ensure_ascii=False, sort_keys=True)
    return task["kind"], task["tenant"], task["rule"], third


def is_live(task):
    if task["kind"] == "improvement":
        return task["state"] not in ENDED
    return task["kind"] == "safety" or not task["evidence"]["withdrawn"]


def compare_tasks(expected, actual):
    problems, live = [], {}
    for task in actual:
        key = cause_of(task)
        if is_live(task):
            if key in live:
                problems.append(f"two live tasks: {key}: {live[key]['id']} and {task['id']}")
            live[key] = task
    wanted = {expected_of(task): task.get("count") for task in expected}
    for key in sorted(wanted.keys() | live.keys()):
        if key not in live:
            problems.append(f"no task: {key}, expected count {wanted[key]}")
        elif key not in wanted:
            problems.append(
                f"a task that should be gone: {key}: {live[key]['id']}, {live[key]['state']}, count {live[key]['count']}"
            )
        elif wanted[key] is not None and wanted[key] != live[key]["count"]:
            problems.append(f"count: {key}: expected {wanted[key]}, got {live[key]['count']}")
    return problems


# ---- one stream


class Stream:
    def __init__(self, options, seed, folder):
        self.options, self.seed, self.folder = options, seed, folder
        self.config, self.events, self.data = (
            os.path.join(folder, name) for name in ("config", "events.ndjson", "data")
        )
        flags = [flag for flag in ("shuffle", "clashes") if getattr(options, flag)]
        self.shards, self.parts = options.shards, options.parts
        if options.vary:
            chosen = random.Random(f"vary/{seed}")
            flags = [flag for flag in ("shuffle", "clashes") if chosen.random() < 0.5 or getattr(options, flag)]
            self.shards, self.parts = chosen.choice([1, 2, 4]), chosen.choice([1, 2, 5])
        self.flags = [f"--{flag}" for flag in flags]

    def __str__(self):
        words = [
            f"seed {self.seed}",
            *self.flags,
            f"--shards {self.shards}" if self.shards else "",
            f"--parts {self.parts}",
            "--reload" if self.options.reload else "",
        ]
        return " ".join(word for word in words if word)

    def generate(self):
        sizes = ["--sessions", str(self.options.sessions), "--days", str(self.options.days)]
        text = python("generate.py", "--seed", str(self.seed), *sizes, *self.flags, "--config-dir", self.config)
        self.write(self.events, text)
        return text.splitlines(keepends=True)

    def write(self, path, content):
        with open(path, "wb") as file:
            file.write(content)

    def echoloop(self, *arguments):
        return run([self.options.binary, *arguments, "--data", self.data, "--config-dir", self.config], cwd=self.folder)

    def shard_options(self):
        return ["--shards", str(self.shards)] if self.shards else []

    def import_file(self, path, events, server=None):
        """Imports, and holds the last line to what was in the file."""
        if server:
            output = run([self.options.binary, "import", "--server", server.url(), path])
        else:
            output = self.echoloop("import", *self.shard_options(), path)
        summary = json.loads(output.splitlines()[-1])
        whole = summary["read"] == events and not summary["rejected"] and not summary["skipped"]
        # Duplicates found already at the door may or may not count as accepted.
        if not whole or summary["accepted"] not in (events, events - summary["duplicate"]):
            return [f"import of {events} events says {json.dumps(summary)}"]
        return []

    def import_all(self, lines):
        problems = []
        size = -(-len(lines) // self.parts)
        for part in range(self.parts):
            piece = lines[part * size : (part + 1) * size]
            path = os.path.join(self.folder, f"part-{part}.ndjson")
            self.write(path, b"".join(piece))
            problems += self.import_file(path, len(piece))
        return problems

    def import_with_reload(self, lines):
        import server as house  # which wants a built echoloop

        house.BINARY = self.options.binary
        live, path = os.path.join(self.folder, "live"), os.path.join(self.folder, "first.ndjson")
        hostile_config.write_earlier(live, self.config)
        half = len(lines) // 2
        self.write(path, b"".join(lines[:half]))
        os.makedirs(os.path.join(self.folder, "run"))
        server = house.Server(os.path.join(self.folder, "run"), *self.shard_options(), config=live, data=self.data)
        with server:
            problems = self.import_file(path, half, server)
            self.post(server, lines[half : half + len(lines) // 8])
            shutil.copytree(self.config, live, dirs_exist_ok=True)
            answer = server.request("POST", "/api/v1/config/reload")
            if answer.status != 200 or answer.json() != {"result": "loaded"}:
                problems.append(f"the reload says {answer}")
            self.post(server, lines[half + len(lines) // 8 :])
            server.wait_settled()
            recounted = int(next(m.split()[1] for m in server.get("/metrics").body.decode().splitlines() if m.startswith(RECOUNTED)))
            if recounted == 0:
                problems.append("nothing was counted anew")
            if server.stop() != 0:
                problems.append(f"the server ended badly: {server.log()[-2000:]}")
        return problems

    @staticmethod
    def post(server, lines):
        for at in range(0, len(lines), 2000):
            answer = server.post_lines(b"".join(lines[at : at + 2000]))
            if answer.status != 202:
                raise CannotRun(f"the server answered {answer}")

    def compare(self):
        lines = self.generate()
        problems = self.import_with_reload(lines) if self.options.reload else self.import_all(lines)
        expected, expected_tasks = oracle(self.config, self.events)
        problems += compare_aggregates(expected, self.echoloop("export", "aggregates"))
        if not problems and self.parts > 1 and not self.options.reload:
            problems += self.import_file(self.events, len(lines))
            again = compare_aggregates(expected, self.echoloop("export", "aggregates"))
            problems += [f"after the same events once more: {problem}" for problem in again]
        problems += compare_tasks(expected_tasks, read_tasks(self.echoloop("export", "tasks")))
        rows = expected.count(b"\n")
        print(
            f"{self}: {len(lines)} events, {rows} rows, {len(expected_tasks)} tasks: {'equal' if not problems else 'DIFFERENT'}",
            flush=True,
        )
        return problems


def seeds_of(text):
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--binary", default=os.path.join(HERE, "../../build/release/echoloop")
    )
    parser.add_argument("--seeds", default="1-3", help="7 or 1-20 or 1,5,9-12")
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--days", type=int, default=42)
    parser.add_argument("--shuffle", action="store_true", help="any order of arrival")
    parser.add_argument("--clashes", action="store_true", help="later events that carry an earlier one's source and id")
    parser.add_argument("--shards", type=int, help="as echoloop chooses without")
    parser.add_argument("--parts", type=int, default=1, help="import in this many pieces, then once more")
    parser.add_argument("--reload", action="store_true", help="over HTTP, with the configuration changed in the middle")
    parser.add_argument("--vary", action="store_true", help="shuffle, clashes, shards and parts as each seed says")
    parser.add_argument("--keep", help="keep streams, configuration and data in this folder")
    options = parser.parse_args(arguments)
    options.binary = os.path.abspath(options.binary)
    failed = False
    for seed in seeds_of(options.seeds):
        with tempfile.TemporaryDirectory(prefix="echoloop-oracle-") as folder:
            if options.keep:
                folder = os.path.abspath(os.path.join(options.keep, f"seed-{seed}"))
                os.makedirs(folder)
            try:
                problems = Stream(options, seed, folder).compare()
            except (CannotRun, OSError) as error:
                print(f"seed {seed}: {error}", file=sys.stderr)
                return 2
        for problem in problems[:SHOWN_MAX]:
            print(f"  {problem}")
        if len(problems) > SHOWN_MAX:
            print(f"  … and {len(problems) - SHOWN_MAX} more")
        failed = failed or bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
