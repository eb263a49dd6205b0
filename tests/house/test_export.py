#!/usr/bin/python3
"""Exports and dead letters on the command line: the same from the data folder and through a server, wherever that is."""

import csv
import io
import json
import os
import tempfile
import unittest

import events
import server as house

DAY = "2026-06-10"
KINDS = ("aggregates", "feedback", "metrics", "tasks")
TENANTS = ("hongtu", "anxin", "ghost")


def month():
    sent = []
    for tenant in TENANTS:
        for number in range(60):
            name, at = f"{tenant}-{number}", f"2026-06-{number % 20 + 1:02d}T03:00:00Z"
            sent.append(events.closed(name, at, tenant=tenant, channel="web" if number % 3 else "app", agents=[{"id": "a"}]))
            sent.append(events.rated(name, at, score=number % 5 + 1, tenant=tenant, tags=["unsafe"] if number == 7 else []))
    return sent


class Exports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory(prefix="echoloop-export-")
        cls.addClassCleanup(cls.holder.cleanup)
        cls.server = house.Server(cls.holder.name).start()
        cls.addClassCleanup(cls.server.__exit__)
        cls.server.post_events(month())
        cls.server.post_lines('{}\n{"id":1}\nnonsense\n')
        cls.server.wait_settled()
        cls.folder = ["--data", cls.server.data, "--config-dir", house.CONFIG]
        # A folder of nobody: a command that looks there does not go through the server.
        cls.through = ["--server", cls.server.url(), "--data", os.path.join(cls.holder.name, "nothing-here")]

    def text(self, *words):
        code, out, err = house.echoloop(*words)
        self.assertEqual(code, 0, f"{words}: {err}")
        return out

    def test_a_server_gives_the_same_bytes_as_the_folder(self):
        for kind in KINDS:
            for more in ([], ["--tenant", "anxin"], ["--format", "csv"]):
                here = self.text("export", kind, *more, *self.folder)
                self.assertEqual(self.text("export", kind, *more, *self.through), here, f"{kind} {more}")
                self.assertTrue(here, kind)

    def test_a_tenant_has_its_own_rows_only_and_all_are_the_sum(self):
        for kind in KINDS:
            whole = self.text("export", kind, *self.folder).splitlines()
            parts = []
            for tenant in TENANTS:
                lines = self.text("export", kind, "--tenant", tenant, *self.folder).splitlines()
                self.assertEqual({json.loads(line)["tenant"] for line in lines}, {tenant}, kind)
                parts += lines
            self.assertEqual(sorted(parts), sorted(whole), kind)

    def test_the_api_streams_lines(self):
        answer = self.server.get("/api/v1/export/feedback")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "application/x-ndjson"))
        self.assertEqual(answer.headers["Transfer-Encoding"], "chunked")
        self.assertEqual(len(answer.body.splitlines()), 60 * len(TENANTS))
        self.assertEqual(self.server.get("/api/v1/export/tasks", tenant="nobody").body, b"")
        self.assertEqual(self.server.get("/api/v1/export/everything").status, 404)

    def test_metrics_are_those_of_the_api(self):
        ask = {"group_by": "channel", "interval": "week", "from": "2026-06-03", "to": "2026-06-18"}
        options = [word for name, value in ask.items() for word in (f"--{name.replace('_', '-')}", value)]
        lines = house.lines_of("export", "metrics", "--metric", "csat,sessions", *options, *self.folder)
        wanted = []
        for metric in ("csat", "sessions"):
            for tenant in sorted(TENANTS):
                answer = self.server.get(f"/api/v1/metrics/{metric}", tenant=tenant, **ask).json()
                head = {"metric": metric, "definition_version": answer["definition"]["version"], "tenant": tenant}
                wanted += [{**head, **row} for row in answer["rows"]]
        self.assertGreater(len(wanted), 10)
        self.assertEqual(lines, wanted)

    def test_metrics_are_all_of_the_dictionary_when_none_is_named(self):
        known = {one["name"] for one in self.server.get("/api/v1/metrics").json()["items"]}
        plain = {line["metric"] for line in house.lines_of("export", "metrics", *self.folder)}
        by_agent = {line["metric"] for line in house.lines_of("export", "metrics", "--group-by", "agent", *self.folder)}
        self.assertTrue({"csat", "sessions", "coverage"} <= plain < by_agent, plain)
        self.assertEqual(by_agent, known)

    def test_metrics_as_csv_have_a_column_for_each_number(self):
        out = self.text("export", "metrics", "--format", "csv", "--group-by", "channel", "--metric", "csat", *self.through)
        rows = list(csv.DictReader(io.StringIO(out)))
        lines = house.lines_of("export", "metrics", "--group-by", "channel", "--metric", "csat", *self.folder)
        self.assertEqual(len(rows), len(lines))
        for row, line in zip(rows, lines):
            self.assertEqual((row["metric"], row["tenant"], row["channel"]), ("csat", line["tenant"], line["group"]["channel"]))
            self.assertEqual((int(row["numerator"]), int(row["n"])), (line["numerator"], line["n"]))
            self.assertEqual(int(row["answered"]), line["coverage"]["answered"])
            self.assertEqual(row["low"], "" if line["interval"] is None else str(line["interval"]["low"]))

    def test_wrong_questions_are_wrong_use_here_and_there(self):
        wrong = [["--metric", "joy"], ["--group-by", "weather"], ["--from", "yesterday"], ["--interval", "second"]]
        for place in (self.folder, self.through):
            for words in wrong:
                code, _, err = house.echoloop("export", "metrics", *words, *place)
                self.assertEqual((code, words[1] in err), (2, True), f"{words}: {err}")
            self.assertEqual(house.echoloop("export", "tasks", "--metric", "csat", *place)[0], 2)
            self.assertEqual(house.echoloop("export", "nonsense", *place)[0], 2)

    def test_a_server_that_is_not_there_is_never_replaced_by_the_folder(self):
        nobody = ["--server", "http://127.0.0.1:9", *self.folder]
        for words in (["export", "tasks"], ["export", "metrics"], ["dead", "list"], ["dead", "show", "0-0"], ["dead", "replay", "all"]):
            code, out, err = house.echoloop(*words, *nobody)
            self.assertEqual((code, out), (1, ""), words)
            self.assertIn("127.0.0.1:9", err)

    def test_dead_letters_are_listed_and_shown_through_a_server(self):
        here = self.text("dead", "list", *self.folder)
        self.assertEqual(len(here.splitlines()), 3)
        self.assertEqual(self.text("dead", "list", *self.through), here)
        ids = [json.loads(line)["id"] for line in here.splitlines()]
        self.assertEqual(self.text("dead", "show", *ids, *self.through), self.text("dead", "show", *ids, *self.folder))
        code, _, err = house.echoloop("dead", "show", "9-9 ?", *self.through)
        self.assertEqual((code, "9-9 ?" in err), (1, True), err)


class Changes(unittest.TestCase):
    def test_all_letters_of_a_server_are_dropped_through_it(self):
        with tempfile.TemporaryDirectory(prefix="echoloop-export-") as folder, house.Server(folder) as server:
            server.post_lines("{}\n" * 60)
            server.wait_settled()
            through = ["--server", server.url(), "--data", os.path.join(folder, "nothing-here")]
            self.assertEqual(house.lines_of("dead", "drop", "all", *through), [{"dropped": 60, "failed": 0}])
            self.assertEqual(house.lines_of("dead", "list", *through), [])


if __name__ == "__main__":
    house.run_tests()
