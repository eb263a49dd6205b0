#!/usr/bin/python3
"""How long after a red line event its task can be seen, with a stream of other events beside it.

    ./dev bench red_line [--rate 5000] [--seconds 20] [--every-ms 100]

A real `echoloop run` with the shipped configuration takes the reference workload (workload.py) over HTTP at the rate asked for, from a
process of its own. Meanwhile single evaluations that cross a red line are posted, and GET /api/v1/tasks is asked until it shows the task of
each. A time runs from before the first byte of the event is sent to after the last byte of the answer that shows its task: both requests
are in it, the fsync of the event, and the commits of all stages. The goal is p99 below 50 ms.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time

from workload import write_workload

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests", "house"))
import server as house  # noqa: E402

GOAL_MS = 50
BATCH = 100  # events a request of the stream beside
LINES = {"Content-Type": "application/x-ndjson"}
PATIENCE_S = 10
LOOK_S = 0.001
TENANT = "hongtu"


def send_stream(host, path, rate, seconds, told):
    """Runs in its own process: batches at even distances, late ones as soon as they can be."""
    with open(path, "rb") as file:
        lines = file.readlines()
    connection = http.client.HTTPConnection(host, timeout=60)
    begin, sent, busy = time.monotonic(), 0, 0
    while sent < len(lines) and time.monotonic() < begin + seconds:
        due = begin + sent / rate
        time.sleep(max(0.0, due - time.monotonic()))
        connection.request("POST", "/api/v1/events", body=b"".join(lines[sent : sent + BATCH]), headers=LINES)
        answer = connection.getresponse()
        answer.read()
        if answer.status == 202:
            sent += BATCH
        else:
            busy += 1
    told.put((sent, time.monotonic() - begin, busy))


class RedLines:
    def __init__(self, host, told_ms):
        self.connection, self.told_ms = http.client.HTTPConnection(host, timeout=60), told_ms

    def ask(self, method, path, body=None):
        self.connection.request(method, path, body=body, headers=LINES if body else {})
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def cross(self, number):
        """Posts one and waits for its task."""
        session = f"red-{number}"
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        data = {"tenant": TENANT, "session_id": session, "evaluation_id": "e", "submitted_at": now, "comment": "插座漏电，小孩受伤了"}
        event = {"specversion": "1.0", "type": "echoloop.evaluation.submitted.v1", "source": "/red", "id": session, "data": data}
        body = json.dumps(event).encode() + b"\n"
        begin = time.monotonic()
        status, answer = self.ask("POST", "/api/v1/events", body)
        if status != 202:
            sys.exit(f"a red line event was answered {status}: {answer!r}")
        accepted = time.monotonic()
        while time.monotonic() < begin + PATIENCE_S:
            _, answer = self.ask("GET", f"/api/v1/tasks?tenant={TENANT}&kind=safety&limit=1")
            if any(task["cause"]["scope"]["session"] == session for task in json.loads(answer)["items"]):
                self.told_ms.append(((time.monotonic() - begin) * 1000, (accepted - begin) * 1000))
                return
            time.sleep(LOOK_S)
        sys.exit(f"no task for {session} within {PATIENCE_S} s")


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=int, default=5000, help="events a second beside")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--every-ms", type=int, default=100, help="between red line events")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="echoloop-red-line-") as folder:
        stream, measured = os.path.join(folder, "stream.ndjson"), []
        with open(stream, "wb") as file:
            # 1.64 events a session; a few more than needed.
            write_workload(file, options.rate * (options.seconds + 5) * 10 // 16, options.seed, os.cpu_count())
        with house.Server(folder, "--log.level", "warning") as server:
            told = multiprocessing.Queue()
            sender = multiprocessing.Process(
                target=send_stream, args=(server.host, stream, options.rate, options.seconds, told)
            )
            sender.start()
            begin, lines = time.monotonic(), RedLines(server.host, measured)
            time.sleep(1)  # the stream is under way
            number, moments = 0, random.Random(options.seed)
            while time.monotonic() < begin + options.seconds - 1:
                lines.cross(number)
                number += 1
                # Never in step with the epochs.
                time.sleep(options.every_ms / 1000 * moments.uniform(0.5, 1.5))
            sent, seconds, busy = told.get()
            sender.join()
            server.wait_settled()
    rate = sent / seconds
    seen, accepted = [one for one, _ in measured], [one for _, one in measured]
    print(f"beside: {rate:.0f} events/s for {seconds:.0f} s ({busy} answers of too busy); {len(seen)} red line events")
    for name, values in (("event → 202", accepted), ("event → task visible", seen)):
        print(f"{name:21} p50 {quantile(values, 0.5):7.1f} ms  p99 {quantile(values, 0.99):7.1f} ms  max {max(values):7.1f} ms")
    reached = quantile(seen, 0.99) < GOAL_MS and rate > 0.95 * options.rate
    print(f"goal: p99 below {GOAL_MS} ms at {options.rate} events/s: {'reached' if reached else 'missed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
