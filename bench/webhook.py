#!/usr/bin/python3
"""How long after a red line event its webhook arrives, with a stream of other events beside it, and with a queue to a dead endpoint.

    ./dev bench webhook [--rate 5000] [--seconds 20] [--every-ms 100] [--dead 10000]

As `./dev bench red_line`, but the time runs until the request of the task arrives at a webhook of our own, which waits for nothing else.
Afterwards the same once more beside an endpoint that takes no connection and has so many messages waiting, told all of them to the living one
first; the ratio of the two is printed. The goal is p99 below 200 ms.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import threading
import time

from red_line import LINES, PATIENCE_S, TENANT, quantile, send_stream
from workload import write_workload

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tests", "house"))
import endpoints  # noqa: E402
import server as house  # noqa: E402

GOAL_MS = 200
BATCH = 100


class Hook(endpoints.HttpEndpoint):
    """Remembers when the first message about each session came."""

    def __init__(self):
        super().__init__()
        self.seen, self.read = {}, 0
        self.arrived = threading.Condition()
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        while True:
            came = self.all()
            with self.arrived:
                for one in came[self.read :]:
                    self.seen.setdefault(json.loads(one.body)["data"]["cause"]["scope"]["session"], one.at)
                if len(came) > self.read:
                    self.arrived.notify_all()
                self.read = len(came)
            time.sleep(0.0005)

    def wait(self, session):
        with self.arrived:
            if not self.arrived.wait_for(lambda: session in self.seen, PATIENCE_S):
                sys.exit(f"nobody was told of {session} within {PATIENCE_S} s")
            return self.seen[session]


def red_line(session):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    data = {"tenant": TENANT, "session_id": session, "evaluation_id": "e", "submitted_at": now, "comment": "插座漏电，小孩受伤了"}
    event = {"specversion": "1.0", "type": "echoloop.evaluation.submitted.v1", "source": "/red", "id": session, "data": data}
    return json.dumps(event).encode() + b"\n"


def post(host, lines):
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("POST", "/api/v1/events", body=b"".join(lines), headers=LINES)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def configure(folder, hook, dead):
    config = shutil.copytree(house.CONFIG, os.path.join(folder, "config"))
    more = "kinds: [safety], private_network: true"
    with open(os.path.join(config, "organisation.yaml"), "a", encoding="utf-8") as file:
        file.write(f"\ndelivery:\n  - {{id: hook, webhook: {{url: '{hook.url}'}}, events: [opened], {more}}}\n")
        if dead:
            file.write(f"  - {{id: dead, webhook: {{url: 'http://127.0.0.1:1/'}}, events: [opened], {more}}}\n")
    return config


def fill(server, hook, dead):
    """So many messages wait for the dead endpoint, and the living one has had them all."""
    for first in range(0, dead, BATCH):
        if post(server.host, [red_line(f"dead-{n}") for n in range(first, min(dead, first + BATCH))]) != 202:
            sys.exit("events were not accepted")
    begin = time.monotonic()
    house.wait_for(lambda: len(hook.all()) >= dead, "the living endpoint told of all", 600)
    waiting = f'echoloop_deliveries_waiting{{endpoint="dead"}} {dead}\n'.encode()
    house.wait_for(lambda: waiting in server.get("/metrics").body, "all wait for the dead endpoint", 60)
    print(f"{dead} messages: the living endpoint had them {time.monotonic() - begin:.1f} s after the last event, the dead one has them waiting")


def measure(options, stream, dead):
    """Milliseconds from before an event is sent to the arrival of its message."""
    with tempfile.TemporaryDirectory(prefix="echoloop-webhook-") as folder:
        hook, measured = Hook(), []
        with house.Server(folder, "--log.level", "warning", config=configure(folder, hook, dead)) as server:
            if dead:
                fill(server, hook, dead)
            told = multiprocessing.Queue()
            sender = multiprocessing.Process(target=send_stream, args=(server.host, stream, options.rate, options.seconds, told))
            sender.start()
            begin, moments, number = time.monotonic(), random.Random(options.seed), 0
            time.sleep(1)  # the stream is under way
            while time.monotonic() < begin + options.seconds - 1:
                session, sent_at = f"red-{number}", time.time()
                if post(server.host, [red_line(session)]) != 202:
                    sys.exit("a red line event was not accepted")
                measured.append((hook.wait(session) - sent_at) * 1000)
                number += 1
                time.sleep(options.every_ms / 1000 * moments.uniform(0.5, 1.5))  # never in step with the epochs
            sent, seconds, busy = told.get()
            sender.join()
            server.wait_settled()
        hook.close()
    rate = sent / seconds
    what = f"{dead} wait for a dead endpoint" if dead else "an idle endpoint"
    print(f"{what}; beside: {rate:.0f} events/s for {seconds:.0f} s ({busy} answers of too busy); {len(measured)} red line events")
    print(f"event → webhook: p50 {quantile(measured, 0.5):.1f} ms  p99 {quantile(measured, 0.99):.1f} ms  max {max(measured):.1f} ms")
    return quantile(measured, 0.5), quantile(measured, 0.99), rate


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=int, default=5000, help="events a second beside")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--every-ms", type=int, default=100, help="between red line events")
    parser.add_argument("--dead", type=int, default=10_000, help="messages that wait for the dead endpoint")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="echoloop-webhook-stream-") as folder:
        stream = os.path.join(folder, "stream.ndjson")
        with open(stream, "wb") as file:
            write_workload(file, options.rate * (options.seconds + 5) * 10 // 16, options.seed, os.cpu_count())
        p50, p99, rate = measure(options, stream, 0)
        reached = p99 < GOAL_MS and rate > 0.95 * options.rate
        print(f"goal: p99 below {GOAL_MS} ms at {options.rate} events/s: {'reached' if reached else 'missed'}")
        if options.dead:
            beside50, beside99, _ = measure(options, stream, options.dead)
            print(f"beside the dead endpoint {beside50 / p50:.2f} × as long at p50, {beside99 / p99:.2f} × at p99")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
