#!/usr/bin/python3
"""Bad guests at a real server: each is told what is wrong, what stands beside it goes in, and the numbers stay exact."""

import gzip
import json
import socket
import tempfile
import unittest
from collections import Counter

import events
import server as house
from events import closed, rated

DAY = "2026-06-10"
AT = f"{DAY}T01:00:00Z"
MIB = 1 << 20


class Running(unittest.TestCase):
    OPTIONS = ()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="echoloop-guests-")
        self.addCleanup(folder.cleanup)
        self.server = house.Server(folder.name, *self.OPTIONS).start()
        self.addCleanup(self.server.__exit__)

    def sessions(self, **parameters):
        answer = self.server.get("/api/v1/metrics/sessions", tenant=events.TENANT, **parameters).json()
        return {tuple(row["group"].values()): row["n"] for row in answer["rows"]}, answer["warnings"]


def spoiled(**changes):
    return json.dumps({**rated("bad", AT, 3), **changes})


# What stands where an event should, and how its refusal begins.
BAD = {
    "a comment of 10 MB": (events.text(rated("bad", AT, 3, comment="长" * (10 * MIB // 3))), "/data/comment: "),
    "10,000 tags": (json.dumps(rated("bad", AT, 3, tags=[f"t{i}" for i in range(10_000)])), "/data/tags: "),
    "a hundred thousand levels": (spoiled().replace('"data": {', '"data": {"x":' + "[" * 100_000 + "]" * 100_000 + ",", 1), "byte "),
    "a hundred levels": (spoiled().replace('"data": {', '"data": {"x":' + "[" * 100 + "]" * 100 + ",", 1), "/data/x"),
    "a key twice": (spoiled().replace('"data": {', '"data": {"tenant":"other",', 1), "/data/tenant: "),
    "a key twice, written otherwise": (spoiled().replace('"data": {', '"data": {"\\u0074enant":"other",', 1), "/data/tenant: "),
    "a lone surrogate": (spoiled(source="/a\ud800"), "byte "),
    "half a document": (spoiled()[:-40], "byte "),
    "no JSON at all": ("\x00\x01\x02", "byte "),
}


class BadEvents(Running):
    def test_each_is_refused_by_its_place_kept_as_a_letter_and_its_neighbours_go_in(self):
        lines, good = [], 0
        for document, _ in BAD.values():
            lines += [json.dumps(rated(f"good-{good}", AT, 5)), document]
            good += 1
        answer = self.server.post_lines("\n".join(lines).encode())
        self.assertEqual(answer.status, 202)
        said = answer.json()
        self.assertEqual(said["accepted"], good)
        for (name, (_, begin)), one, index in zip(BAD.items(), said["rejected"], range(1, 2 * good, 2), strict=True):
            with self.subTest(name):
                self.assertEqual(one["index"], index)
                self.assertTrue(f"{one['where']}: {one['reason']}".startswith(begin), one)
        self.server.wait_settled()
        letters = self.server.items("/api/v1/dead")
        self.assertEqual(
            Counter(one["reason"] for one in letters), Counter(one["reason"] for one in said["rejected"])
        )
        self.assertEqual(len(self.server.items("/api/v1/feedback", tenant=events.TENANT)), 0)  # none was closed
        for i in range(good):
            self.assertEqual(self.server.get(f"/api/v1/sessions/good-{i}", tenant=events.TENANT).status, 200)

    def test_an_event_of_known_name_and_other_content_shows_in_its_session(self):
        first = rated("s", AT, 1, comment="the first one stands")
        other = {**first, "data": {**first["data"], "comment": "the second one says something else"}}
        self.server.post_events([closed("s", AT), first, other, first])
        self.server.wait_settled()
        session = self.server.get("/api/v1/sessions/s", tenant=events.TENANT).json()
        text = json.dumps(session, ensure_ascii=False)
        self.assertEqual(session["evaluations"][0]["comment"], "the first one stands")
        self.assertIn("the second one says something else", text)
        fates = Counter(event["fate"] for event in session["events"])
        self.assertEqual(
            fates, {"applied": 2, "duplicate": 1, "known by source and id, came with other bytes, ignored": 1}
        )
        self.assertIn('echoloop_events_total{outcome="different"} 1', self.server.get("/metrics").body.decode())


class BadBodies(Running):
    def ask(self, *pieces):
        """Sends until the server has answered or closed; answers the first line of what it said."""
        host, port = self.server.host.split(":")
        with socket.create_connection((host, int(port)), timeout=house.PATIENCE_S) as connection:
            try:
                for piece in pieces:
                    connection.sendall(piece)
            except OSError:
                pass  # it closed; its answer may be here all the same
            try:
                return connection.recv(100).split(b"\r\n")[0]
            except OSError:
                return b""

    def head(self, *lines):
        return "\r\n".join(["POST /api/v1/events HTTP/1.1", "Host: e", "Content-Type: application/x-ndjson", *lines, "", ""]).encode()

    def test_what_has_no_end_or_grows_too_large_is_refused(self):
        bomb = gzip.compress(b" " * (200 * MIB), 9)
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        chunks = [chunk] * 1000  # 62 MiB and no end
        for name, status, pieces in (
            ("gzip bomb", b"413", [self.head("Content-Encoding: gzip", f"Content-Length: {len(bomb)}"), bomb]),
            ("chunked without an end", b"413", [self.head("Transfer-Encoding: chunked"), *chunks]),
            ("a large length", b"413", [self.head("Content-Length: 99999999999")]),
            ("large headers", b"431", [self.head("X: " + "x" * MIB)]),
        ):
            with self.subTest(name):
                said = self.ask(*pieces)
                self.assertIn(said.split(b" ")[1:2], ([status], []), said)
        self.server.check_alive()
        self.server.post_events([rated("s", AT, 1)])

    def test_torn_gzip_and_gzip_of_nothing_are_refused(self):
        packed = gzip.compress(json.dumps(rated("s", AT, 1)).encode())
        for body in (packed[:-9], packed + b"x", b"\x1f\x8b", b"no gzip"):
            answer = self.server.request(
                "POST",
                "/api/v1/events",
                body=body,
                headers={"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"},
            )
            self.assertEqual(answer.status, 400, answer)


class ManyValues(Running):
    VALUES = 100_000
    BOUND = 10_000

    def test_a_hundred_thousand_channels_are_counted_exactly(self):
        """Each in two sessions; then one of each moves to a channel that everybody knows."""

        def send(numbers, name, at, channel):
            for begin in range(0, len(numbers), 5000):
                self.server.post_events(
                    [
                        {**closed(f"{name}{i}", at, channel=channel(i)), "id": f"{name}{i}-{at}"}
                        for i in numbers[begin : begin + 5000]
                    ]
                )

        everybody = range(self.VALUES)
        send(everybody, "a", AT, lambda i: f"channel-{i}")
        send(everybody[::-1], "b", f"{DAY}T02:00:00Z", lambda i: f"channel-{i}")
        self.server.wait_settled()
        rows, warnings = self.sessions(group_by="channel")
        self.assertEqual(sum(rows.values()), 2 * self.VALUES)
        self.assertEqual(len(rows), self.BOUND + 1)
        self.assertEqual(rows.pop(("other",)), 2 * (self.VALUES - self.BOUND))
        self.assertEqual(set(rows.values()), {2})
        self.assertIn("channel has more values", " ".join(warnings))
        self.assertEqual(self.sessions(), ({(): 2 * self.VALUES}, []))
        behind = self.server.get("/api/v1/metrics/sessions/sessions", tenant=events.TENANT, channel="channel-99999", limit=1)
        self.assertEqual(behind.json()["value"]["n"], 2)
        self.assertIn("channel has more values", " ".join(behind.json()["warnings"]))

        self.server.kill()
        self.server.start()
        send(everybody, "a", f"{DAY}T01:30:00Z", lambda i: "unknown")
        self.server.wait_settled()
        rows, _ = self.sessions(group_by="channel")
        self.assertEqual(rows.pop(("unknown",)), self.VALUES)
        self.assertEqual(rows.pop(("other",)), self.VALUES - self.BOUND)
        self.assertEqual(Counter(rows.values()), {1: self.BOUND})
        metrics = self.server.get("/metrics").body.decode()
        folded = [line for line in metrics.splitlines() if line.startswith('echoloop_cells_other_total{dimension="channel"}')]
        self.assertGreaterEqual(float(folded[0].split()[1]), 3 * (self.VALUES - self.BOUND))
        self.assertNotIn("channel-", metrics)


class Fairness(Running):
    OPTIONS = ("--limits.backlog", "1000", "--epoch.interval", "5s")

    def test_a_tenant_above_its_share_waits_while_others_enter(self):
        """An epoch of five seconds keeps what came in waiting."""

        def post(tenant, n, begin=0):
            lines = [json.dumps(closed(f"{tenant}-{begin + i}", AT, tenant=tenant)) for i in range(n)]
            return self.server.post_lines("\n".join(lines).encode())

        self.assertEqual(post("giant", 600).status, 202)
        refused = post("giant", 1, 600)
        self.assertEqual((refused.status, refused.headers["Retry-After"]), (429, "1"))
        for tenant in ("a", "b", "c"):
            self.assertEqual(post(tenant, 10).status, 202, tenant)
        self.assertEqual(post("giant", 1, 600).status, 429)
        self.server.wait_settled()
        self.assertEqual(post("giant", 1, 600).status, 202)
        self.server.wait_settled()
        for tenant, n in (("giant", 601), ("a", 10), ("b", 10), ("c", 10)):
            rows = self.server.get("/api/v1/metrics/sessions", tenant=tenant).json()["rows"]
            self.assertEqual(rows[0]["n"], n, tenant)


if __name__ == "__main__":
    house.run_tests()
