#!/usr/bin/python3
"""Half of full speed for long, with a retention so short that everything is forgotten many times: memory and disk must stay flat.

    ./dev bench soak [--minutes 30] [--memory-mib 512] [--per-retention 120] [--rate EVENTS_A_SECOND]

A real `echoloop run --clock event` with the shipped configuration, a retention of one hour of stage time, and segments of 8 MiB. The events
carry times that run so fast that --per-retention real seconds are an hour. First full speed is measured, through two retentions (or --rate given),
then half of it is sent, evenly. Each minute a line: events, memory, and the parts of the disk. At the end it judges: from the first third on (when all
has been forgotten at least twice) neither memory nor log nor store may trend upwards by more than a tenth an hour of event time. What is kept
for ever, rows of aggregates (a few for each hour and value) and tasks, is a part of the store and grows by what it has to.
Exit 1 when something was judged bad.
"""

import argparse
import http.client
import itertools
import json
import os
import sys
import tempfile
import time

from guests import LINES, MIB, Judge, closed, house, rss_of

BATCH = 500
START_S = 1_772_409_600  # 2026-03-02T00:00:00Z
HOUR_S = 3600
SAMPLE_S = 10  # between looks at memory


def at_text(seconds):
    whole, ms = divmod(int(seconds * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{ms:03d}Z"


def rated(tenant, number, at):
    # Every fiftieth is bad enough for a task of its own; red lines would hurry every epoch.
    score, resolved = (1, "no") if number % 50 == 0 else (4, "yes")
    return (
        f'{{"specversion":"1.0","type":"echoloop.evaluation.submitted.v1","source":"/soak","id":"r{number}","data":{{"tenant":"{tenant}",'
        f'"session_id":"{tenant}-{number}","evaluation_id":"e","submitted_at":"{at}","score":{{"value":{score},"min":1,"max":5}},'
        f'"resolved":"{resolved}","tags":["tag {number % 30}"],"comment":"Number {number} has something to say about this."}}}}\n'
    )


def bytes_below(folder):
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(path, name)).st_size
            except FileNotFoundError:
                pass  # a file of the store that was just replaced
    return total


class Sender:
    def __init__(self, host, per_retention_s):
        self.connection = http.client.HTTPConnection(host, timeout=120)
        self.numbers, self.speed, self.per_retention_s = itertools.count(), HOUR_S / per_retention_s, per_retention_s
        self.begin, self.sent, self.full = time.monotonic(), 0, 0

    def event_time(self):
        return START_S + (time.monotonic() - self.begin) * self.speed

    def send_batch(self):
        at, lines = at_text(self.event_time()), []
        for number in itertools.islice(self.numbers, BATCH // 2):
            tenant = ("hongtu", "anxin")[number % 2]
            lines += [closed(tenant, number, at), rated(tenant, number, at)]
        body = "".join(lines).encode()
        while True:
            self.connection.request("POST", "/api/v1/events", body=body, headers=LINES)
            answer = self.connection.getresponse()
            text = answer.read()
            if answer.status == 202 and not json.loads(text)["rejected"]:
                break
            if answer.status != 429:
                sys.exit(f"events were answered {answer.status}: {text!r}")
            self.full += 1
            time.sleep(0.05)
        self.sent += BATCH

    def send(self, rate, seconds, look):
        """At even distances; late ones as soon as they can be."""
        begin, sent = time.monotonic(), 0
        while time.monotonic() < begin + seconds:
            time.sleep(max(0.0, begin + sent / rate - time.monotonic()))
            self.send_batch()
            sent += BATCH
            look()


def full_speed(server, sender):
    """Events a second that go through everything while as many are forgotten: over the last half of the first two retentions."""
    begin = time.monotonic()
    counted_from, sent = None, 0
    while time.monotonic() < begin + 2 * sender.per_retention_s:
        sender.send_batch()
        if counted_from is None and time.monotonic() > begin + 1.5 * sender.per_retention_s:
            counted_from, sent = time.monotonic(), sender.sent
    server.wait_settled()
    return (sender.sent - sent) / (time.monotonic() - counted_from)


class Looks:
    """Memory and disk over time."""

    def __init__(self, server, sender):
        self.server, self.sender, self.begin = server, sender, time.monotonic()
        self.rows, self.told = [], 0

    def look(self):
        age = time.monotonic() - self.begin
        if self.rows and age < self.rows[-1]["s"] + SAMPLE_S:
            return
        parts = {name: bytes_below(os.path.join(self.server.data, name)) for name in ("log", "store", "outbox")}
        self.rows.append({"s": age, "memory": rss_of(self.server.process.pid), **parts})
        if age >= self.told * 60:
            self.told += 1
            words = "  ".join(f"{name} {value / MIB:7.1f} MiB" for name, value in self.rows[-1].items() if name != "s")
            print(f"  {age / 60:5.1f} min  {self.sender.sent:>10} events  {words}", flush=True)

    def trend(self, name):
        """Least squares over the last two thirds: the part of its mean that it grows by in an hour of event time."""
        rows = [row for row in self.rows if row["s"] > self.rows[-1]["s"] / 3]
        mean_s = sum(row["s"] for row in rows) / len(rows)
        mean = sum(row[name] for row in rows) / len(rows)
        slope = sum((row["s"] - mean_s) * (row[name] - mean) for row in rows) / sum((row["s"] - mean_s) ** 2 for row in rows)
        return slope * HOUR_S / self.sender.speed / mean


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--memory-mib", type=int, default=512)
    parser.add_argument("--per-retention", type=float, default=120, help="real seconds of a retention")
    parser.add_argument("--rate", type=int, default=0, help="events a second; without it half of full speed")
    return parser.parse_args(arguments)


def main(arguments):
    options, judge = parse(arguments), Judge()
    words = ["--log.level", "warning", "--clock", "event", "--retention.sessions", "1h", "--log.segment-bytes", "8MiB"]
    with tempfile.TemporaryDirectory(prefix="echoloop-soak-") as folder:
        with house.Server(folder, *words, "--memory", f"{options.memory_mib}MiB") as server:
            sender = Sender(server.host, options.per_retention)
            rate = options.rate
            if rate == 0:
                full = full_speed(server, sender)
                rate = full / 2
                print(f"  full speed {full:.0f} events/s; half of it for {options.minutes:g} minutes")
            looks = Looks(server, sender)
            begun, sender.full = sender.sent, 0
            sender.send(rate, options.minutes * 60, looks.look)
            seconds = time.monotonic() - looks.begin
            server.wait_settled()
            reached = (sender.sent - begun) / seconds
            retentions = (time.monotonic() - sender.begin) / options.per_retention
            print(f"  {reached:.0f} events/s, {retentions:.1f} retentions, {sender.full} answers of 429")
            counters = dict(line.rsplit(" ", 1) for line in server.get("/metrics").body.decode().splitlines() if line[:1] != "#")
            expired = float(counters["echoloop_sessions_expired_total"])
            print(f"  {expired:.0f} of {sender.sent // 2} sessions were forgotten")
            judge(reached > 0.9 * rate, "the rate was kept")
            judge(expired > sender.sent / 2 * (retentions - 2.5) / retentions, "sessions are forgotten")
            peak = max(row["memory"] for row in looks.rows)
            judge(peak < options.memory_mib * MIB + 200_000_000, f"memory ({peak / MIB:.0f} MiB) stayed below --memory + 200 MB")
            for name in ("memory", "log", "store"):
                judge(looks.trend(name) < 0.1, f"{name} is flat: {looks.trend(name) * 100:+.1f} % in an hour of event time")
    print(f"{len(judge.bad)} judged bad")
    return 1 if judge.bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
