#!/usr/bin/python3
"""How cost grows with the sessions that are open: memory, speed, and a restart after kill -9.

    ./dev bench growth [--sessions 100000,1000000] [--memory 1073741824] [--more 300000] [--keep]

For each number: closed sessions without an evaluation are imported into a fresh folder. Then `more` events are imported into it, half new
sessions, half ratings of sessions drawn at random among all. Last a server on that folder is killed with -9 while it takes events, and
started anew: how long from the start of the process to its first commit, which is when an event posted at once can be read back. Peak
memory is VmHWM of each process; it should stay within --memory and 200 MB. `--sessions 10000000` wants 10 GB of disk and some minutes.
"""

import argparse
import json
import multiprocessing
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from workload import closed, rating

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests", "house"))
import server as house  # noqa: E402

TENANTS = ("acme", "borealis", "cathay", "dunhuang")
BLOCK = 50_000
STEP_MS = 25  # between sessions: 10 million lie within three days


def session_line(rng, index):
    return closed(rng, index * STEP_MS, TENANTS[index % 4], f"S{index:010d}", index % 60)


def open_sessions(number):
    rng = random.Random(f"growth/{number}")
    return "".join([session_line(rng, index) for index in range(number * BLOCK, (number + 1) * BLOCK)]).encode()


def write_sessions(path, count):
    with open(path, "wb") as file, multiprocessing.Pool() as pool:
        for block in pool.imap(open_sessions, range(count // BLOCK)):
            file.write(block)


def write_more(path, sessions, events):
    """Half new sessions, half ratings of any."""
    rng = random.Random(f"growth/more/{sessions}")
    with open(path, "wb") as file:
        for number in range(events // 2):
            file.write(session_line(rng, sessions + number).encode())
            index = rng.randrange(sessions)
            at = min(index * STEP_MS + 1000 + rng.randrange(1_799_000), 259_000_000)
            file.write(rating(rng, at, TENANTS[index % 4], f"S{index:010d}", 0.06).encode())


def measured_import(data, path, memory):
    command = [house.BINARY, "import", "--data", data, "--config-dir", house.CONFIG, "--memory", str(memory), path]
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"exit {process.returncode}: {' '.join(command)}")
    summary = json.loads(out.splitlines()[-1])
    wall_s = time.monotonic() - begin
    return summary["accepted"] / wall_s, (usage.ru_utime + usage.ru_stime) / summary["accepted"], usage.ru_maxrss * 1024


def event_of(number):
    rng = random.Random(f"growth/probe/{number}/{time.time_ns()}")
    return closed(rng, number % 1_000_000 * STEP_MS, TENANTS[0], f"P{number:010d}", number % 60)


def restart(folder, data, memory):
    """Seconds from the start of the process to its first commit; peak memory of it."""
    server = house.Server(folder, "--memory", str(memory), data=data)
    server.start()
    stop = threading.Event()

    def load():
        number = 0
        while not stop.is_set():
            try:
                server.post_events([json.loads(event_of(number + i)) for i in range(50)])
            except Exception:  # noqa: BLE001 — it was killed
                return
            number += 50

    thread = threading.Thread(target=load)
    thread.start()
    time.sleep(2)
    server.process.kill()
    server.process.wait()
    stop.set()
    thread.join()

    event = json.loads(event_of(999_999_999))
    session, tenant = event["data"]["session_id"], event["data"]["tenant"]
    begin = time.monotonic()
    server.start()
    up_s = time.monotonic() - begin
    server.post_events([event])
    house.wait_for(lambda: server.get(f"/api/v1/sessions/{session}", tenant=tenant).status == 200, "the first commit", 300)
    took_s = time.monotonic() - begin
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    server.stop()
    return up_s, took_s, peak


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sessions", default="100000,1000000")
    parser.add_argument("--memory", type=int, default=1 << 30)
    parser.add_argument("--more", type=int, default=300_000)
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    options = parser.parse_args()
    bound = options.memory + 200 * 1000 * 1000
    base = os.path.join(ROOT, "build", "bench")
    os.makedirs(base, exist_ok=True)
    first = None
    for sessions in (int(text) // BLOCK * BLOCK for text in options.sessions.split(",")):
        folder = tempfile.mkdtemp(dir=base, prefix=f"growth-{sessions}-")
        try:
            data, path = os.path.join(folder, "data"), os.path.join(folder, "events.ndjson")
            write_sessions(path, sessions)
            load_rate, _, load_peak = measured_import(data, path, options.memory)
            os.remove(path)
            write_more(path, sessions, options.more)
            rate, cpu_s, peak = measured_import(data, path, options.memory)
            os.remove(path)
            up_s, restart_s, server_peak = restart(folder, data, options.memory)
            disk = sum(os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(data) for name in names)
            first = first or rate
            highest = max(load_peak, peak, server_peak)
            print(
                f"{sessions:>10} sessions: loaded at {load_rate / 1e3:.1f} k/s; then {rate / 1e3:.1f} k events/s ({rate / first:.2f} of the first),"
                f" {cpu_s * 1e6:.1f} µs CPU each; peak {load_peak / 1e6:.0f}, {peak / 1e6:.0f}, {server_peak / 1e6:.0f} MB"
                f" ({'within' if highest <= bound else 'ABOVE'} --memory + 200 MB);"
                f" kill -9 → address {up_s:.2f} s, first commit {restart_s:.2f} s; disk {disk / 1e6:.0f} MB",
                flush=True,
            )
        finally:
            if not options.keep:
                shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    main()
