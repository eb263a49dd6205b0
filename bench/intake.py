#!/usr/bin/python3
"""HTTP intake against a bare echo on the same server library.

    ./dev bench intake [--batch 100] [--connections 4] [--seconds 5] [--rounds 3]

The same client posts the same bodies, NDJSON of the reference workload, to an echo that reads a body and answers its size, and to
`echoloop run`, which validates every event, makes it durable (fsync), answers, and counts it behind. The two take turns; client, server and
stages share the machine. What is printed of echoloop is what intake accepted while the stages worked beside it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

from workload import write_workload

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests", "house"))
import server as house  # noqa: E402

LOAD = os.path.join(ROOT, "build", "release", "bench", "bench_http_load")
SESSIONS = 200_000


def post(host, path, file, options):
    command = [LOAD, "post", host, path, file, str(options.batch), str(options.connections), str(options.seconds)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def line(name, rounds):
    best = max(rounds, key=lambda one: one["events"] / one["seconds"])
    rate = best["events"] / best["seconds"]
    ms = best["ms"]
    print(
        f"{name:10} {rate / 1e3:8.1f} k events/s  {best['requests'] / best['seconds'] / 1e3:7.2f} k requests/s"
        f"  request p50 {ms['p50']:.2f} ms, p99 {ms['p99']:.2f} ms, max {ms['max']:.1f} ms  answers {best['statuses']}"
    )
    return rate


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, default=100, help="events a request")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echoloop-http-") as folder:
        file = os.path.join(folder, "ref.ndjson")
        with open(file, "wb") as out:
            write_workload(out, SESSIONS, 1, os.cpu_count())
        echo = subprocess.Popen([LOAD, "echo"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            address = f"127.0.0.1:{int(echo.stdout.readline())}"
            with house.Server(folder) as server:
                bare, ours = [], []
                for _ in range(options.rounds):
                    bare.append(post(address, "/echo", file, options))
                    ours.append(post(server.host, "/api/v1/events", file, options))
                print(f"batches of {options.batch}, {options.connections} connections, best of {options.rounds} rounds in turn")
                ratio = line("echo", bare) / line("echoloop", ours)
                print(f"echo / echoloop: {ratio:.1f}")
        finally:
            echo.stdin.close()
            echo.wait()


if __name__ == "__main__":
    main()
