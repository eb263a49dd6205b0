#!/usr/bin/python3
"""What bad guests and too much of everything do to a running echoloop, and what they must not do.

    ./dev bench guests [burst] [giant] [slow] [crowd] [endless] [--seconds 20] [--memory-mib 512] [--backlog 200000]

Each part starts a real `echoloop run` with the shipped configuration, behaves badly from processes of its own, and judges:

    burst     events as fast as they can be sent: 429 with Retry-After, nothing lost that was answered 202, memory below --memory + 200 MB
    giant     one tenant as fast as it can, nine that send one event every 100 ms: these never get 429, and their answers stay quick
    slow      heads and bodies that come byte by byte: cut in time, others served
    crowd     10,000 connections that do nothing: they cost little, others served
    endless   chunked bodies without an end, bodies above 16 MiB, gzip bombs, heads without an end: refused, others served

Exit 1 when something was judged bad.
"""

import argparse
import asyncio
import gzip
import http.client
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import threading
import time
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests", "house"))
import server as house  # noqa: E402

PARTS = ("burst", "giant", "slow", "crowd", "endless")
BATCH = 500  # events a request
CROWD = 10_000
DRIBBLERS = 200  # of each kind
MIB = 1 << 20
LINES = {"Content-Type": "application/x-ndjson"}
CATEGORIES = [f"delivery/{i}" for i in range(40)]


def closed(tenant, number, at):
    return (
        f'{{"specversion":"1.0","type":"echoloop.session.closed.v1","source":"/guests","id":"c{number}","data":{{"tenant":"{tenant}",'
        f'"session_id":"{tenant}-{number}","closed_at":"{at}","channel":"web","category":"{CATEGORIES[number % 40]}","handle_ms":{number % 900_000},'
        f'"agents":[{{"id":"agent-{number % 200}","group":"group-{number % 9}","department":"service"}}]}}}}\n'
    )


def now_text():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def rss_of(pid):
    """Bytes."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


class Watch:
    """The greatest memory of a process while the block runs."""

    def __init__(self, pid):
        self.pid, self.peak, self.over = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.is_set():
            self.peak = max(self.peak, rss_of(self.pid))
            self.over.wait(0.1)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def latencies(name, values_s):
    ms = [value * 1000 for value in values_s]
    print(f"  {name:34} p50 {quantile(ms, 0.5):8.1f} ms  p99 {quantile(ms, 0.99):8.1f} ms  max {max(ms):8.1f} ms")


class Judge:
    def __init__(self):
        self.bad = []

    def __call__(self, good, what):
        print(f"  {'good' if good else 'BAD '}  {what}")
        if not good:
            self.bad.append(what)


def flood(host, tenant, first, seconds, told):
    """Runs in a process of its own: one batch after the other, each until it is accepted or time is over. `first`: number of its sessions."""
    connection = http.client.HTTPConnection(host, timeout=60)
    end, number, accepted, full, without = time.monotonic() + seconds, first, 0, 0, 0
    at = now_text()
    while time.monotonic() < end:
        body = "".join(closed(tenant, number + i, at) for i in range(BATCH)).encode()
        number += BATCH
        while True:
            connection.request("POST", "/api/v1/events", body=body, headers=LINES)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status == 202:
                accepted += json.loads(text)["accepted"]
                break
            if answer.status != 429:
                sys.exit(f"events were answered {answer.status}: {text!r}")
            full += 1
            without += answer.getheader("Retry-After") is None
            if time.monotonic() >= end:
                break
            time.sleep(0.02)
    told.put((accepted, full, without))


def sessions_of(server, tenant):
    rows = server.get("/api/v1/metrics/sessions", tenant=tenant).json()["rows"]
    return rows[0]["n"] if rows else 0


def start_floods(server, tenant, count, seconds):
    told = multiprocessing.Queue()
    processes = [
        multiprocessing.Process(target=flood, args=(server.host, tenant, i * 100_000_000, seconds, told)) for i in range(count)
    ]
    for process in processes:
        process.start()
    return processes, told


def end_floods(processes, told):
    sums = [sum(numbers) for numbers in zip(*(told.get() for _ in processes), strict=True)]
    for process in processes:
        process.join()
    return sums


def burst(server, options, judge):
    with Watch(server.process.pid) as watch:
        begin = time.monotonic()
        accepted, full, without = end_floods(*start_floods(server, "burst", 4, options.seconds))
        sent_s = time.monotonic() - begin
        server.wait_settled()
        total_s = time.monotonic() - begin
    print(f"  {accepted} events were accepted in {sent_s:.1f} s and processed in {total_s:.1f} s; {full} requests got 429")
    print(f"  memory at most {watch.peak / MIB:.0f} MiB, --memory {options.memory_mib} MiB")
    judge(full > 0, "the burst was more than echoloop could take: some got 429")
    judge(without == 0, "every 429 had a Retry-After")
    judge(sessions_of(server, "burst") == accepted, "all that was answered 202 is counted, once")
    judge(watch.peak < options.memory_mib * MIB + 200_000_000, "memory stayed below --memory + 200 MB")


def post_small(host, tenant, seconds, told):
    """Runs in a process of its own: one event every 100 ms."""
    connection = http.client.HTTPConnection(host, timeout=60)

    def ask(method, path, body=None):
        connection.request(method, path, body=body, headers=LINES if body else {})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    begin, number, took_s, seen_s, statuses = time.monotonic(), 0, [], [], Counter()
    first = int(begin * 1000) * 1000  # numbers of sessions that nobody used before
    while time.monotonic() < begin + seconds:
        sent = time.monotonic()
        statuses[ask("POST", "/api/v1/events", closed(tenant, first + number, now_text()).encode())] += 1
        took_s.append(time.monotonic() - sent)
        if number % 20 == 0:
            while ask("GET", f"/api/v1/sessions/{tenant}-{first + number}?tenant={tenant}") == 404:
                time.sleep(0.02)
            seen_s.append(time.monotonic() - sent)
        number += 1
        time.sleep(max(0.0, sent + 0.1 - time.monotonic()))
    told.put((took_s, seen_s, statuses))


def post_all_small(server, seconds):
    told = multiprocessing.Queue()
    processes = [multiprocessing.Process(target=post_small, args=(server.host, f"small{i}", seconds, told)) for i in range(9)]
    for process in processes:
        process.start()
    took_s, seen_s, statuses = [], [], Counter()
    for took, seen, some in (told.get() for _ in processes):
        took_s += took
        seen_s += seen
        statuses += some
    for process in processes:
        process.join()
    return took_s, seen_s, statuses


def giant(server, options, judge):
    alone_s, alone_seen_s, _ = post_all_small(server, 5)
    floods = start_floods(server, "giant", 4, options.seconds + 5)
    time.sleep(5)  # its backlog grows
    beside_s, beside_seen_s, statuses = post_all_small(server, options.seconds)
    accepted, full, _ = end_floods(*floods)
    server.wait_settled()
    latencies("small tenants alone: event → 202", alone_s)
    latencies("beside the giant", beside_s)
    latencies("alone: event → session visible", alone_seen_s)
    latencies("beside the giant", beside_seen_s)
    print(f"  the giant: {accepted} events accepted, {full} requests got 429; answers to the others: {dict(statuses)}")
    judge(full > 0, "the giant was told to wait")
    judge(set(statuses) == {202}, "no small tenant was")
    judge(quantile(beside_s, 0.99) < 1, "p99 of the small tenants' answers is below a second")
    judge(sessions_of(server, "giant") == accepted, "all of the giant's that was answered 202 is counted")
    judge(quantile(beside_seen_s, 0.99) < 10, "what small tenants send is visible within 10 s")


async def talk(host, port, request, piece_s=0.0, pieces=()):
    """Sends the request, then pieces one by one; answers what came back until the other side closed, and after how long."""
    reader, writer = await asyncio.open_connection(host, port)
    begin = time.monotonic()

    async def send():
        try:
            writer.write(request)
            await writer.drain()
            for piece in pieces:
                await asyncio.sleep(piece_s)
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass

    sending = asyncio.create_task(send())
    try:
        answer = await reader.read(-1)
    except OSError:
        answer = b""
    sending.cancel()
    writer.close()
    return answer, time.monotonic() - begin


async def serve_others(server, until, took_s):
    """Somebody who behaves, meanwhile."""
    number = 0
    while not until.done():
        begin = time.monotonic()
        body = closed("polite", number, now_text()).encode()
        answer = await asyncio.to_thread(server.post_lines, body)
        if answer.status != 202:
            raise AssertionError(f"a guest who behaves got {answer}")
        took_s.append(time.monotonic() - begin)
        number += 1
        await asyncio.sleep(0.05)


def head(length):
    return f"POST /api/v1/events HTTP/1.1\r\nHost: e\r\nContent-Type: application/x-ndjson\r\n{length}\r\n\r\n".encode()


CHUNKED = "Transfer-Encoding: chunked"


def forever(piece):
    while True:
        yield piece


def with_others(server, work):
    async def run():
        took_s = []
        doing = asyncio.ensure_future(work)
        await asyncio.gather(doing, serve_others(server, doing, took_s))
        return doing.result(), took_s

    return asyncio.run(run())


def slow(server, _, judge):
    host, port = server.host.split(":")

    async def dribble():
        heads = [talk(host, port, b"POST /api/v1/events HTTP/1.1\r\n", 1, forever(b"x")) for _ in range(DRIBBLERS)]
        bodies = [talk(host, port, head("Content-Length: 1000000"), 1, forever(b"x")) for _ in range(DRIBBLERS)]
        chunks = [talk(host, port, head(CHUNKED), 1, forever(b"1\r\nx\r\n")) for _ in range(DRIBBLERS)]
        return await asyncio.gather(*heads, *bodies, *chunks)

    with Watch(server.process.pid) as watch:
        found, took_s = with_others(server, dribble())
    print(f"  {len(found)} dribblers were cut after {min(s for _, s in found):.1f} to {max(s for _, s in found):.1f} s; memory at most {watch.peak / MIB:.0f} MiB")
    latencies("others meanwhile", took_s)
    judge(max(s for _, s in found) < 45, "each was cut within 45 s")
    judge(quantile(took_s, 0.99) < 0.5, "p99 of others' answers is below half a second")


def crowd(server, _, judge):
    host, port = server.host.split(":")
    before = rss_of(server.process.pid)

    async def gather_crowd():
        connections = []
        for _ in range(CROWD // 100):
            connections += await asyncio.gather(*(asyncio.open_connection(host, port) for _ in range(100)))
        open_now = [line for line in server.get("/metrics").body.decode().splitlines() if line.startswith("echoloop_http_connections ")]
        await asyncio.sleep(5)
        after = rss_of(server.process.pid)
        # The last one that came, and the first, can still ask.
        answers = []
        for reader, writer in (connections[0], connections[-1]):
            writer.write(b"GET /livez HTTP/1.1\r\nHost: e\r\n\r\n")
            answers.append(await reader.readline())
        for _, writer in connections:
            writer.close()
        return int(float(open_now[0].split()[1])), after, answers

    (open_now, after, answers), took_s = with_others(server, gather_crowd())
    each = (after - before) / CROWD
    print(f"  {open_now} connections open; memory {before / MIB:.0f} → {after / MIB:.0f} MiB, {each / 1024:.1f} KiB each")
    latencies("others meanwhile", took_s)
    judge(open_now >= CROWD, f"{CROWD} connections are open at once")
    judge(all(answer.startswith(b"HTTP/1.1 200") for answer in answers), "they are answered when they ask")
    judge(each < 32 * 1024, "one that does nothing costs less than 32 KiB")
    judge(quantile(took_s, 0.99) < 1, "p99 of others' answers is below a second")


def endless(server, _, judge):
    host, port = server.host.split(":")
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    bomb = gzip.compress(b" " * (1 << 30), 9)
    bomb_head = head(f"Content-Encoding: gzip\r\nContent-Length: {len(bomb)}")
    guests = {
        "chunked body without an end": (head(CHUNKED), forever(chunk), b"413"),
        "body of a terabyte": (head("Content-Length: 1000000000000"), (), b"413"),
        "gzip bomb of a gigabyte": (bomb_head, (bomb,), b"413"),
        "head without an end": (b"GET / HTTP/1.1\r\n", forever(b"x" * 1000), b"431"),
        "a header of 1 MiB": (b"GET / HTTP/1.1\r\nA: " + b"x" * MIB, (), b"431"),
        "10,000 headers": (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000 + b"\r\n", (), b"431"),
    }

    async def all_at_once():
        talks = [talk(host, port, request, 0, pieces) for request, pieces, _ in guests.values() for _ in range(20)]
        return await asyncio.gather(*talks)

    with Watch(server.process.pid) as watch:
        found, took_s = with_others(server, all_at_once())
    print(f"  20 of each at once; memory at most {watch.peak / MIB:.0f} MiB")
    latencies("others meanwhile", took_s)
    for i, (name, (_, _, status)) in enumerate(guests.items()):
        answers = [answer.split(b"\r\n")[0] for answer, _ in found[i * 20 : i * 20 + 20]]
        # Whoever goes on sending may lose the answer to a reset.
        count = Counter(answer.split(b" ")[1].decode() if answer else "cut" for answer in answers)
        # 503: bodies together reached their bound.
        judge(set(count) <= {status.decode(), "503", "cut"}, f"{name}: {dict(count)}")
    judge(quantile(took_s, 0.99) < 1, "p99 of others' answers is below a second")


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; without: all")
    parser.add_argument("--seconds", type=int, default=20, help="of burst and giant")
    parser.add_argument("--memory-mib", type=int, default=512)
    parser.add_argument("--backlog", type=int, default=200_000, help="--limits.backlog")
    options = parser.parse_args(arguments)
    for part in options.parts:
        if part not in PARTS:
            parser.error(f"'{part}' is none of {', '.join(PARTS)}")
    return options


def main(arguments):
    options, judge = parse(arguments), Judge()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for part in options.parts or PARTS:
        print(f"{part}:")
        with tempfile.TemporaryDirectory(prefix="echoloop-guests-") as folder:
            words = ("--log.level", "warning", "--memory", f"{options.memory_mib}MiB", "--limits.backlog", options.backlog)
            with house.Server(folder, *map(str, words)) as server:
                globals()[part](server, options, judge)
                server.check_alive()
    print(f"{len(judge.bad)} judged bad")
    return 1 if judge.bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
