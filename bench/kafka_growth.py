#!/usr/bin/python3
"""How the cost of an event on Kafka grows with the sessions in the state.

    ./dev bench kafka_growth [--sessions 100000,1000000] [--more 600000] [--memory 1GiB]

For each number, on a broker of its own: a member takes so many closed sessions without an evaluation, and is stopped. `more` events are
written, half new sessions, half ratings of sessions drawn at random among all (as in growth.py), and the member starts again: wall and CPU
time until it has counted them, less what a start without news takes. --sessions 10000000 wants 10 GB of disk and some ten minutes.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

import growth
import kafka as members
import kafka_peer as peer

KEY = re.compile(rb'"session_id":"([^"]+)"')


def load(address, topic, path):
    command = [*peer.JAVA, "-Xmx512m", "echoloop.peer.Main", "load", "--brokers", address, "--sessions", topic, "--ratings", f"{topic}.unused"]
    loader = subprocess.Popen(command, stdin=subprocess.PIPE)
    with open(path, "rb") as file:
        for line in file:
            loader.stdin.write(f"{topic}\t{peer.FIRST_MS}\t".encode() + KEY.search(line)[1] + b"\t" + line)
    loader.stdin.close()
    if loader.wait() != 0:
        sys.exit("the events could not be loaded")


def measured(sessions, options, folder):
    """Events a second of the load; wall and CPU seconds of a start and of the rest; peak memory."""
    path = os.path.join(folder, "events.ndjson")
    with members.kafka.Broker(os.path.join(folder, "broker"), quick=False) as broker:
        growth.write_sessions(path, sessions)
        load(broker.address, "growth.events", path)
        binary = os.path.join(growth.ROOT, "build", "release", "echoloop")
        with members.Members(binary, members.CONFIG, broker, "growth.", folder, sessions, more=("--memory", options.memory)) as member:
            member.catch_up()
            rate = sessions / member.wall_s
            member.stop()
            member.catch_up()
            start = member.wall_s, member.cpu_s
            member.stop()
            growth.write_more(path, sessions, options.more)
            load(broker.address, "growth.events", path)
            member.events += options.more
            member.catch_up()
            return rate, start, (member.wall_s - start[0], member.cpu_s - start[1]), member.peak_bytes


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sessions", default="100000,1000000")
    parser.add_argument("--more", type=int, default=600_000)
    parser.add_argument("--memory", default="1GiB")
    options = parser.parse_args()
    os.makedirs(members.batch.FOLDER, exist_ok=True)
    peer.build_peer()
    first = None
    for sessions in (int(text) // growth.BLOCK * growth.BLOCK for text in options.sessions.split(",")):
        folder = tempfile.mkdtemp(dir=members.batch.FOLDER, prefix=f"kafka-growth-{sessions}-")
        try:
            rate, start, (wall_s, cpu_s), peak = measured(sessions, options, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        first = first or cpu_s
        print(
            f"{sessions:>10} sessions: loaded at {rate / 1e3:.1f} k/s; a start {start[0]:.2f} s; then {options.more / wall_s / 1e3:.1f} k events/s,"
            f" {cpu_s / options.more * 1e6:.1f} µs CPU each: {first / cpu_s:.2f} of the first per CPU second; peak {peak / 1e6:.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
