#!/usr/bin/python3
"""Data folders that an earlier echoloop wrote (folders/VERSION.tar.xz): one whose work was done opens, and goes on as if it had always been
this echoloop's; one that was stopped halfway says what to do, and keeps what it has.

Each archive holds `finished` and `halfway`, a data folder with the events it was made of. A new one is made with the binary of that version:
`echoloop import` of some of its sample; the same with ECHOLOOP_CRASH_AT=commit.before_wake:1.
"""

import json
import os
import sys
import tarfile
import tempfile
import unittest

import server as house

sys.path.insert(0, house.ORACLE)
import compare  # noqa: E402

ARCHIVE = os.path.join(house.HERE, "folders", "0.1.tar.xz")


class Upgrade(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="echoloop-upgrade-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(self.folder)

    def place(self, name):
        return ["--data", os.path.join(self.folder, name, "data"), "--config-dir", house.CONFIG]

    def check(self, events):
        aggregates = compare.run([house.BINARY, "export", "aggregates", *self.place("finished")])
        expected, wanted = compare.oracle(house.CONFIG, events)
        self.assertEqual(list(compare.compare_aggregates(expected, aggregates)), [])
        self.assertGreater(len(expected.splitlines()), 500)
        tasks = compare.run([house.BINARY, "export", "tasks", *self.place("finished")])
        self.assertEqual(list(compare.compare_tasks(wanted, compare.read_tasks(tasks))), [])

    def test_a_finished_folder_opens_and_goes_on(self):
        events = os.path.join(self.folder, "finished", "events.ndjson")
        self.check(events)
        with open(events, encoding="utf-8") as file:
            old = [json.loads(line) for line in file]
        # Of every kind that reaches back into rows of the earlier version.
        more = []
        for number, event in enumerate(old[::7]):
            data, kind = event["data"], event["type"].split(".", 1)[1]
            if kind == "evaluation.submitted.v1":
                change = {"evaluation.withdrawn": {"evaluation_id": data["evaluation_id"], "reason": "appeal"}}
            elif kind == "session.closed.v1":
                change = {"tags.changed": {"by": "customer", "add": ["快递没更新"], "remove": []}}
            else:
                continue
            (name, content), = change.items()
            more.append({**event, "id": f"later-{number}", "type": f"echoloop.{name}.v1",
                         "data": {"tenant": data["tenant"], "session_id": data["session_id"], **content}})
        self.assertGreater(len(more), 30)
        # The source and the id of an event that the earlier version has seen.
        again = [event for event in old if event["type"] == "echoloop.session.closed.v1"][0]
        with house.Server(self.folder, data=os.path.join(self.folder, "finished", "data")) as server:
            server.post_events([*more, again])
            server.wait_settled()
            tenant, session = again["data"]["tenant"], again["data"]["session_id"]
            explained = server.get(f"/api/v1/explain/session/{session}", tenant=tenant).json()
            self.assertIn("duplicate", [event["state"] for event in explained["events"]])
            # Its tasks are found by what they are, and their customers are known to wait.
            everything = list(server.items("/api/v1/tasks"))
            for department in {one["department"] for one in everything}:
                found = [one["id"] for one in server.items("/api/v1/tasks", department=department)]
                self.assertEqual(found, [one["id"] for one in everything if one["department"] == department])
        with open(events, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(event, ensure_ascii=False) + "\n" for event in more)
        self.check(events)
        code, *said = house.echoloop("verify-store", *self.place("finished")[:2])
        self.assertEqual(code, 0, said)

    def test_a_folder_that_was_stopped_halfway_says_what_to_do(self):
        before = house.echoloop("export", "aggregates", *self.place("halfway"))
        events = os.path.join(self.folder, "halfway", "events.ndjson")
        for _ in range(2):
            code, _, refusal = house.echoloop("import", *self.place("halfway"), events)
            self.assertEqual(code, 1, refusal)
            self.assertIn("another version of echoloop left halfway", refusal)
        self.assertEqual(house.echoloop("export", "aggregates", *self.place("halfway")), before)


if __name__ == "__main__":
    house.run_tests()
