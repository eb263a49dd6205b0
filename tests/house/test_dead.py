#!/usr/bin/python3
"""Dead letters from their import or hook to the day when the adapter is mended: grouped, replayed by what they have in common, settled once.

    test_dead.py [--binary build/release/echoloop]
"""

import concurrent.futures
import json
import os
import shutil
import tempfile
import unittest

import events
import server as house

DAY = "2026-06-10"

BROKEN = 'error("no such field: \\(.id)")'
MENDED = """{specversion: "1.0", type: "echoloop.session.closed.v1", source: "/mydesk", id: "close-\\(.id)",
  data: {tenant: $tenant, session_id: .id, closed_at: .at, channel: "web"}}"""


class Case(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="echoloop-dead-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        self.config = os.path.join(self.folder, "config")
        shutil.copytree(house.CONFIG, self.config)
        with open(os.path.join(self.config, "adapters", "adapters.yaml"), "a", encoding="utf-8") as file:
            file.write("  - {name: mydesk, file: mydesk.jq, example: examples/mydesk.json, expected: examples/mydesk.expected.ndjson}\n")
        for name in ("mydesk.json", "mydesk.expected.ndjson"):
            self.write(os.path.join("config", "adapters", "examples", name), "")
        self.adapter(BROKEN)
        self.data = os.path.join(self.folder, "data")
        self.places = ["--data", self.data, "--config-dir", self.config]

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def adapter(self, program):
        self.write(os.path.join("config", "adapters", "mydesk.jq"), f"(.body? // .) | {program}\n")

    def running(self):
        server = house.Server(self.folder, config=self.config, data=self.data).start()
        self.addCleanup(server.__exit__)
        return server

    def sessions(self):
        return sorted(json.loads(line)["n"] for line in house.echoloop("export", "metrics", "--metric", "sessions", *self.places)[1].splitlines())

    def documents(self, count, first=0):
        return "".join(json.dumps({"id": f"s{n}", "at": f"{DAY}T03:00:00Z"}) + "\n" for n in range(first, first + count))


class Imports(Case):
    def test_what_a_broken_adapter_refused_comes_through_the_mended_one(self):
        for through_server in (False, True):
            with self.subTest(through_server=through_server):
                self.setUp()
                self.adapter(BROKEN)
                server = self.running() if through_server else None
                places = ["--server", server.url(), "--config-dir", self.config] if server else self.places
                file = self.write("day.jsonl", self.documents(450))
                summary = house.lines_of("import", file, "--adapter", "mydesk", "--tenant", "hongtu", *places)[-1]
                self.assertEqual((summary["accepted"], summary["rejected"]), (0, 450))
                (group,) = house.lines_of("dead", "list", "--group", *places)
                self.assertEqual((group["count"], group["adapter"], group["tenant"]), (450, "mydesk", "hongtu"))
                self.assertNotEqual(group["reason"], group["example_reason"], "the id stays out of what the letters have in common")
                (letter,) = house.lines_of("dead", "show", group["example_id"], *places)
                self.assertRegex(letter["position"], r"day\.jsonl:\d+$")
                at = int(letter["position"].rsplit(":", 1)[1])
                self.assertEqual(json.loads(letter["document"])["id"], f"s{at - 1}", "the raw document, at its line")
                if server:
                    path = f"/api/v1/dead/{letter['id']}"
                    self.assertEqual([server.get(path, tenant=tenant).status for tenant in ("hongtu", "nobody")], [200, 404])
                    self.assertEqual(server.request("POST", f"{path}/replay", tenant="nobody").status, 404)
                    self.assertEqual(server.request("DELETE", path, tenant="nobody").status, 404)

                code, out, _ = house.echoloop("dead", "replay", "--adapter", "mydesk", *places)
                self.assertEqual((code, json.loads(out)), (1, {"replayed": 0, "failed": 450, "accepted": 0, "skipped": 0}))
                self.adapter(MENDED)
                if server:
                    self.assertEqual(server.request("POST", "/api/v1/config/reload").status, 200)
                (none,) = house.lines_of("dead", "replay", "--adapter", "chatwoot", *places)
                self.assertEqual(none["replayed"], 0)
                (done,) = house.lines_of("dead", "replay", "--reason", group["reason"], "--tenant", "hongtu", *places)
                self.assertEqual(done, {"replayed": 450, "failed": 0, "accepted": 450, "skipped": 0})
                (again,) = house.lines_of("dead", "replay", "all", *places)
                self.assertEqual(again["replayed"], 0, "safe to repeat")
                if server:
                    server.wait_settled()
                    server.stop()
                self.assertEqual(self.sessions(), [450])
                self.assertEqual(house.lines_of("dead", "list", "--group", *self.places), [])

    def test_canonical_events_that_are_refused_say_file_and_line(self):
        good = json.dumps(events.closed("a", f"{DAY}T00:00:00Z"))
        bad = json.dumps(events.event("session.closed", "b", {"closed_at": "soon"}))
        strange = json.dumps(events.closed("c", f"{DAY}T00:00:00Z", tenant="nobody"))
        file = self.write("canon.ndjson", f"{good}\n{bad}\nnonsense\n{strange}\n")
        for server in (None, self.running):
            with self.subTest(server=server is not None):
                started = server() if server else None
                places = ["--server", started.url()] if started else self.places + ["--strict-tenants"]
                house.lines_of("import", file, *places)
                letters = house.lines_of("dead", "list", *(["--server", started.url()] if started else self.places))
                wanted = [("canon.ndjson:2", "/data/closed_at"), ("canon.ndjson:3", "byte 0"), ("canon.ndjson:4", "/data/tenant")]
                places = sorted((os.path.basename(letter["position"]), letter["where"]) for letter in letters)
                if started:  # not strict, and the letters of before
                    wanted = sorted(wanted[:2] + wanted)
                self.assertEqual(places, wanted)
                self.assertEqual({letter["adapter"] for letter in letters}, {None})


class Hooks(Case):
    def test_a_hooks_letters_keep_the_body_and_are_settled_once_however_many_ask(self):
        server = self.running()
        for line in self.documents(120).splitlines():
            kept = server.request("POST", "/api/v1/hooks/mydesk?tenant=anxin", body=line, headers={"Content-Type": "application/json"})
            self.assertEqual(len(kept.json()["rejected"]), 1, kept)
        server.wait_settled()
        (group,) = server.get("/api/v1/dead/groups", adapter="mydesk").json()["items"]
        self.assertEqual((group["count"], group["tenant"]), (120, "anxin"))
        self.assertLessEqual(group["first_seen"], group["last_seen"])
        self.adapter(MENDED)
        self.assertEqual(server.request("POST", "/api/v1/config/reload").status, 200)

        def replay(_):
            sums, cursor = {"replayed": 0, "failed": 0, "accepted": 0}, ""
            while cursor is not None:
                answer = server.request("POST", "/api/v1/dead/replay?limit=25&adapter=mydesk" + cursor)
                self.assertEqual(answer.status, 200, answer)
                page = answer.json()
                self.assertLessEqual(page["replayed"] + page["failed"], 25)
                sums = {name: count + page[name] for name, count in sums.items()}
                cursor = page["next_cursor"] and "&cursor=" + page["next_cursor"]
            return sums

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            done = list(pool.map(replay, range(4)))
        self.assertEqual({name: sum(one[name] for one in done) for name in done[0]}, {"replayed": 120, "failed": 0, "accepted": 120})
        server.wait_settled()
        self.assertEqual(server.get("/metrics").body.decode().count('echoloop_events_total{outcome="duplicate"} 0'), 1)
        self.assertEqual(len(server.items("/api/v1/dead", state="replayed")), 120)
        self.assertEqual(server.get("/api/v1/dead/groups").json(), {"items": [], "next_cursor": None})

    def test_what_cannot_be_asked_is_told(self):
        server = self.running()
        for method, path in (
            ("GET", "/api/v1/dead/groups?state=ajar"),
            ("GET", "/api/v1/dead/groups?before=soon"),
            ("GET", "/api/v1/dead/groups?colour=red"),
            ("POST", "/api/v1/dead/replay?limit=none"),
            ("POST", "/api/v1/dead/replay?cursor=none"),
        ):
            self.assertEqual(server.request(method, path).status, 400, path)
        for words in (["replay"], ["list", "x"], ["replay", "1-1", "--adapter", "x"], ["drop", "--adapter", "x"], ["show"]):
            self.assertEqual(house.echoloop("dead", *words, *self.places)[0], 2, words)


if __name__ == "__main__":
    house.run_tests()
