#!/usr/bin/python3
"""Pages of GET /api/v1/tasks with very many tasks, and what tasks cost that only wait.

    ./dev bench tasks [--open 1000000] [--closed 10000000] [--asked 200] [--keep FOLDER]

A data folder is filled with tasks through CASEWORK's own case book (bench/task_folder.cc), over a year, some hundred bytes of history each;
the open ones lie among the closed ones. A real server on it answers pages of 50 by every kind of filter, the first page and one somewhere
in the middle; GET /livez over the same connection is the yardstick. Then the server is left alone, with its tasks' clocks running, beside
one with an empty folder: how much CPU time both use. 11 million want 6 GB of disk and some ten minutes.
"""

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests", "house"))
import server as house  # noqa: E402

GOAL_MS = 20
IDLE_S = 20
QUESTIONS = [
    {},
    {"state": "opened"},
    {"state": "in_progress,accepted"},
    {"department": "last-mile"},
    {"department": "claims", "state": "opened"},
    {"kind": "safety"},
    {"kind": "improvement", "state": "closed"},
    {"overdue": "true"},
    {"overdue": "false", "state": "opened"},
    {"department": "design", "kind": "safety", "state": "done"},
    {"department": "nobody"},
]


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


class Client:
    def __init__(self, host):
        self.connection = http.client.HTTPConnection(host, timeout=60)

    def ask(self, path):
        begin = time.monotonic()
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {body!r}")
        return (time.monotonic() - begin) * 1000, body


def path_of(question, cursor=None):
    more = {"cursor": cursor} if cursor else {}
    return "/api/v1/tasks?" + urllib.parse.urlencode({"tenant": "hongtu", **question, **more})


def measure(client, question, asked):
    """Milliseconds of first pages, of pages further on, and how many tasks the first one had."""
    first, deep, shown = [], [], 0
    rng = random.Random(1)
    for _ in range(asked):
        took, body = client.ask(path_of(question))
        first.append(took)
        page = json.loads(body)
        shown = len(page["items"])
        for _ in range(rng.randrange(4)):
            if page["next_cursor"]:
                took, body = client.ask(path_of(question, page["next_cursor"]))
                deep.append(took)
                page = json.loads(body)
    return first, deep, shown


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmHWM"))


def idle_cpu(server):
    before = cpu_s(server.process.pid)
    time.sleep(IDLE_S)
    return (cpu_s(server.process.pid) - before) / IDLE_S


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--open", type=int, default=1_000_000)
    parser.add_argument("--closed", type=int, default=10_000_000)
    parser.add_argument("--asked", type=int, default=200, help="first pages of each question")
    parser.add_argument("--keep", help="use the folder of an earlier run, or leave one there")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="echoloop-tasks-") as folder:
        place = os.path.abspath(options.keep) if options.keep else folder
        data = os.path.join(place, "data")
        if not os.path.exists(data):
            os.makedirs(place, exist_ok=True)
            begin = time.monotonic()
            subprocess.run([os.path.join(ROOT, "build", "release", "bench", "bench_task_folder"), data, str(options.open), str(options.closed)], check=True)
            print(f"{options.open} open and {options.closed} closed tasks written in {time.monotonic() - begin:.0f} s")
        with house.Server(place, "--log.level", "warning", data=data) as server:
            # What became due since the folder was made is told first.
            house.wait_for(lambda: idle_cpu(server) < 0.5, "the clocks have caught up", 600)
            client, worst = Client(server.host), 0
            yard = [client.ask("/livez")[0] for _ in range(options.asked)]
            print(f"{'GET /livez':50} p50 {quantile(yard, 0.5):6.2f}  p99 {quantile(yard, 0.99):6.2f} ms")
            for question in QUESTIONS:
                first, deep, shown = measure(client, question, options.asked)
                name = "&".join(f"{k}={v}" for k, v in question.items()) or "(all)"
                further = f"further pages p50 {quantile(deep, 0.5):6.2f}  p99 {quantile(deep, 0.99):6.2f} ms" if deep else ""
                print(f"{name:50} p50 {quantile(first, 0.5):6.2f}  p99 {quantile(first, 0.99):6.2f} ms  ({shown} tasks)  {further}", flush=True)
                worst = max(worst, quantile(first, 0.99), quantile(deep, 0.99) if deep else 0)
            print(f"goal: p99 of every page below {GOAL_MS} ms: {'reached' if worst < GOAL_MS else 'missed'} ({worst:.1f} ms)")
            full = idle_cpu(server)
            print(f"peak memory {peak_mib(server.process.pid)} MiB (--memory 1GiB)")
        with house.Server(os.path.join(folder, "empty"), "--log.level", "warning") as server:
            empty = idle_cpu(server)
    print(f"left alone: {full * 1000:.1f} ms of CPU time a second with the tasks, {empty * 1000:.1f} with none")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
