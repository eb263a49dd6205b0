#!/usr/bin/python3
"""What others write to topic events of a real Kafka, well or badly: each record is counted in one place, and no record stops its partition.

    test_kafka_events.py [--binary build/release/echoloop]
"""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from datetime import datetime, timedelta, timezone

import jsonschema
import yaml

import broker as kafka
import server

BINARY_MODE = ["ce_specversion=1.0", "ce_type=echoloop.session.closed.v1", "ce_source=/gw", "ce_time=2026-03-01T10:00:00Z"]


def closed(session):
    return {"tenant": "hongtu", "session_id": session, "closed_at": "2026-03-01T10:00:00Z", "channel": "web"}


def event(session):
    head = {"specversion": "1.0", "type": "echoloop.session.closed.v1", "source": "/gw", "id": f"e-{session}", "time": "2026-03-01T10:00:00Z"}
    return json.dumps({**head, "data": closed(session)})


class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.broker = kafka.Broker(os.path.join(cls.folder.name, "broker"))
        cls.broker.__enter__()
        config = shutil.copytree(server.CONFIG, os.path.join(cls.folder.name, "config"))
        with open(os.path.join(config, "organisation.yaml"), encoding="utf-8") as file:
            organisation = file.read()
        with open(os.path.join(config, "organisation.yaml"), "w", encoding="utf-8") as file:
            file.write(organisation.replace("    timezone: Asia/Shanghai\n", '    timezone: Asia/Shanghai\n    digest: {day: mon, at: "00:00"}\n', 1))
        cls.server = server.Server(cls.folder.name, "--kafka.brokers", cls.broker.address, config=config).start()

    @classmethod
    def tearDownClass(cls):
        code, log = cls.server.stop(), cls.server.log()[-3000:]
        cls.broker.stop()
        cls.folder.cleanup()
        assert code == 0, log

    def send(self, key, value, *headers, partition=None):
        command = ["kcat", "-P", "-b", self.broker.address, "-t", "echoloop.events", "-X", "topic.partitioner=murmur2", "-k", key]
        for header in headers:
            command += ["-H", header]
        if partition is not None:
            command += ["-p", str(partition)]
        with tempfile.NamedTemporaryFile() as file:
            file.write(value)
            file.flush()
            subprocess.run([*command, file.name], check=True, stderr=subprocess.DEVNULL)

    def session(self, name):
        """The session once it is there."""

        def found():
            answer = self.server.get(f"/api/v1/sessions/{name}", tenant="hongtu")
            return answer.json() if answer.status == 200 else None

        return server.wait_for(found, f"session {name}")

    def letter(self, text):
        """The dead letter whose document holds that text."""

        def found():
            items = self.server.get("/api/v1/dead").json()["items"]
            return next((item for item in items if text in json.dumps(item)), None)

        return server.wait_for(found, f"a dead letter with {text}")

    def test_structured_with_and_without_a_content_type(self):
        self.send("s-1", event("s-1").encode())
        self.send("s-2", event("s-2").encode(), "content-type=application/cloudevents+json; charset=UTF-8")
        for name in ("s-1", "s-2"):
            self.assertEqual(self.session(name)["session_id"], name)

    def test_binary_mode(self):
        self.send("s-3", json.dumps(closed("s-3")).encode(), *BINARY_MODE, 'ce_id=quoted "id"')
        events = self.session("s-3")["events"]
        self.assertIn('quoted \\"id\\"', json.dumps(events))

    def test_a_record_in_another_partition_comes_home(self):
        for partition in range(8):
            self.send("s-4", event("s-4").encode(), partition=partition)
        events = self.session("s-4")["events"]
        server.wait_for(lambda: len(self.session("s-4")["events"]) == 8, "all eight are known")
        self.assertIn("applied", json.dumps(events))

    def test_what_is_no_event_is_a_dead_letter_and_its_neighbours_go_on(self):
        self.send("s-5", b"no json at all: pear")
        self.send("s-5", b"\x00\x00\x00\x00\x07framed")
        self.send("s-5", json.dumps(closed("plum")).encode(), *BINARY_MODE)
        self.send("s-5", event("s-5").encode(), "echoloop-kind=99")
        self.send("s-5", event("s-5").encode())
        self.assertEqual(self.session("s-5")["session_id"], "s-5")
        self.assertIn("byte", json.dumps(self.letter("pear")))
        self.assertIn("schema registry", json.dumps(self.letter("schema registry")))
        self.assertIn("/id", json.dumps(self.letter("plum")))
        self.assertIn("kind 99", json.dumps(self.letter("kind 99")))

    def test_what_is_older_than_the_retention_is_a_dead_letter_as_at_the_doors(self):
        old = event("s-10").replace("2026-03-01", "2019-03-01")
        self.send("s-10", old.encode())
        self.assertIn("beyond retention: 2019-03-01T10:00:00Z is more than 400d ago", self.letter("s-10")["reason"])
        old = event("s-11").replace("2026-03-01", "2019-03-01")
        for partition in range(8):
            self.send("s-11", old.encode(), partition=partition)
        self.assertIn("beyond retention", self.letter("s-11")["reason"])
        self.assertEqual(self.server.get("/api/v1/sessions/s-11", tenant="hongtu").status, 404)

    def dead_records(self):
        """Topic dead as any program reads it: id → (key, value, headers)."""
        command = ["kcat", "-C", "-q", "-e", "-J", "-b", self.broker.address, "-t", "echoloop.dead", "-X", "isolation.level=read_committed"]
        out = {}
        for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
            record = json.loads(line)
            headers = dict(zip(record["headers"][::2], record["headers"][1::2]))
            name = headers.pop("echoloop-dead-id")
            self.assertNotIn(name, out, "a dead letter was told twice")
            out[name] = record["key"], record["payload"], headers
        return out

    def dead_record(self, name):
        """A moment after the member's own rows: the markers of a transaction are written once its end is decided."""
        return server.wait_for(lambda: self.dead_records().get(name), f"dead letter {name} in its topic")

    def test_a_dead_letter_stands_in_a_topic_with_the_headers_of_kafka_streams(self):
        self.send("s-9", b"no json at all: quince")
        letter = self.letter("quince")
        key, value, headers = self.dead_record(letter["id"])
        self.assertEqual((key, value), ("s-9", "no json at all: quince"))
        shard, offset = letter["id"].split("-")
        self.assertEqual(headers["__streams.errors.topic"], "echoloop.events")
        self.assertEqual(headers["__streams.errors.partition"], shard)
        self.assertEqual(headers["__streams.errors.offset"], offset)
        self.assertIn(letter["reason"], headers["__streams.errors.message"])
        self.assertEqual(headers["__streams.errors.exception"], "echoloop.Rejected")
        self.assertEqual(self.server.post_lines(b"apricot\n").json()["rejected"][0]["index"], 0)
        _, value, headers = self.dead_record(self.letter("apricot")["id"])
        self.assertEqual(value, "apricot")
        self.assertIn("(http)", headers["__streams.errors.stacktrace"])

    def records(self, topic):
        """(value, headers) of each record; values that are no text are left out."""
        command = ["kcat", "-C", "-q", "-e", "-J", "-b", self.broker.address, "-t", topic, "-X", "isolation.level=read_committed"]
        for line in subprocess.run(command, check=True, capture_output=True).stdout.splitlines():
            record = json.loads(line.decode(errors="replace"))
            headers = record.get("headers") or []
            yield record["payload"], dict(zip(headers[::2], headers[1::2]))

    def test_asyncapi_describes_what_lies_in_the_topics(self):
        path = os.path.join(server.ROOT, "schemas", "asyncapi.yaml")
        with open(path, encoding="utf-8") as file:
            described = yaml.safe_load(file)
        resolver = jsonschema.RefResolver(f"file://{path}", described)

        def judge(schema, instance):
            jsonschema.Draft7Validator(schema, resolver=resolver).validate(instance)

        listed = json.loads(subprocess.run(["kcat", "-L", "-J", "-b", self.broker.address], check=True, capture_output=True).stdout)
        there = {topic["topic"] for topic in listed["topics"] if topic["topic"].startswith("echoloop.")}
        self.assertEqual(there, {channel["address"] for channel in described["channels"].values()})

        sample = subprocess.run([server.BINARY, "sample", "--sessions", "400"], check=True, capture_output=True).stdout
        self.assertEqual(self.server.post_lines(sample).json()["rejected"], [])
        self.server.wait_settled()
        self.send("s-12", b"no json at all: medlar")
        self.letter("medlar")
        messages = described["components"]["messages"]
        events = {message["name"]: message["payload"] for message in messages.values() if "$ref" in message["payload"]}
        types = set()
        for value, headers in self.records("echoloop.events"):
            judge(described["components"]["messageTraits"]["event"]["headers"], headers)
            try:
                event = json.loads(value)
                events[event["type"]]
            except (ValueError, KeyError, TypeError):
                continue  # a dead letter of another test, or binary mode
            if "id" in event:
                judge(events[event["type"]], event)
                types.add(event["type"])
        self.assertGreater(len(types), 4, types)
        seen = {"tasks": 0, "dead": 0, "members": 0, "customers": 0}
        for channel, message in (("tasks", "task"), ("dead", "deadLetter"), ("members", "member"), ("customers", "openIssues")):
            for value, headers in self.records(f"echoloop.{channel}"):
                if value is None and channel in ("members", "customers"):
                    continue  # a member that left, a customer of whom nothing is open any more
                seen[channel] += 1
                if "headers" in messages[message]:
                    judge(messages[message]["headers"], headers)
                if channel != "dead":
                    record = json.loads(value)
                    digest = record.get("type") == messages["digest"]["name"]
                    judge(messages["digest" if digest else message]["payload"], record)
        self.assertTrue(all(seen.values()), seen)

    def test_a_refusal_that_repeats_a_huge_key_stops_nobody(self):
        key = "k" * 7_000_000
        answer = self.server.post_lines(f'{{"{key}":{{"a":1,"a":2}}}}\n'.encode())
        self.assertEqual(answer.json()["accepted"], 0, answer)
        big = json.dumps({"where": "w" * 8_000_000, "reason": "r" * 7_000_000, "document": "rowan"})
        answer = self.server.request("POST", "/api/v1/dead", body=big.encode() + b"\n", headers={"Content-Type": "application/x-ndjson"})
        self.assertEqual(answer.status, 202, answer)
        self.assertLess(len(self.letter("rowan")["reason"]), 5000)
        self.send("s-13", event("s-13").encode())
        self.assertEqual(self.session("s-13")["session_id"], "s-13")

    def test_events_larger_than_brokers_take_by_default(self):
        big = json.loads(event("s-7"))
        big["data"]["padding"] = [f"{i:07} which does not compress well {hash(str(i))}" for i in range(60_000)]
        answer = self.server.post_lines(json.dumps(big).encode() + b"\n")
        self.assertEqual(answer.status, 202, answer)
        self.assertEqual(answer.json()["accepted"], 1, answer)
        self.send("s-7", event("s-8").encode())
        for name in ("s-7", "s-8"):
            self.assertEqual(self.session(name)["session_id"], name)

    def test_http_intake_goes_the_same_way(self):
        answer = self.server.post_lines(event("s-6").encode() + b"\n{}\n")
        self.assertEqual(answer.status, 202, answer)
        self.assertEqual(answer.json()["accepted"], 1)
        self.assertEqual(self.session("s-6")["session_id"], "s-6")

    def test_a_week_is_told_once_by_whoever_holds_the_tenant(self):
        shanghai = datetime.now(timezone(timedelta(hours=8)))
        noon = shanghai.replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=shanghai.weekday() + 4)
        agents = [{"id": "li", "group": "east", "department": "service", "kind": "human"}]
        data = {"tenant": "hongtu", "session_id": "s-21", "closed_at": noon.isoformat(), "agents": agents}
        head = {"specversion": "1.0", "type": "echoloop.session.closed.v1", "source": "/gw", "id": "e-s-21"}
        self.server.post_lines(json.dumps({**head, "data": data}).encode() + b"\n")
        self.session("s-21")
        # Weeks are told when they were due last: this one before anything came of it.
        def asked():
            return self.server.get("/api/v1/digests", tenant="hongtu", department="service", week=noon.isoformat()).json()["items"]

        (asked,) = server.wait_for(asked, "the week")
        self.assertEqual((asked["metrics"][0]["metric"], asked["metrics"][0]["n"]), ("sessions", 1))
        self.server.stop()
        self.server.start()

        def told():
            events = [json.loads(value) for value, _ in self.records("echoloop.tasks")]
            return [one for one in events if one["type"] == "echoloop.digest.v1" and one["data"]["department"] == "service"]

        (digest,) = server.wait_for(told, "the digest")
        self.assertEqual(digest["data"]["metrics"], asked["metrics"])
        self.server.stop()
        self.server.start()
        self.server.wait_settled()
        self.assertEqual(len(told()), 1)

    def open_issues(self):
        """Topic customers as a table: customer of hongtu → what is open; none: nothing any more."""
        command = ["kcat", "-C", "-q", "-e", "-J", "-b", self.broker.address, "-t", "echoloop.customers", "-X", "isolation.level=read_committed"]
        out = {}
        for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
            record = json.loads(line)
            key = json.loads(record["key"])
            if key["tenant"] == "hongtu":
                out[key["customer_id"]] = record["payload"] and json.loads(record["payload"])
        return out

    def test_a_customer_with_an_open_issue_stands_in_a_topic_until_it_is_closed(self):
        now = datetime.now(timezone.utc)
        rated = {"tenant": "hongtu", "session_id": "s-22", "customer_id": "王/c-22", "evaluation_id": "e", "submitted_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "comment": "漏电"}
        head = {"specversion": "1.0", "type": "echoloop.evaluation.submitted.v1", "source": "/gw", "id": "e-s-22"}
        self.server.post_lines(json.dumps({**head, "data": rated}).encode() + b"\n")
        told = server.wait_for(lambda: self.open_issues().get("王/c-22"), "the customer in the topic")
        asked = self.server.items("/api/v1/customers/open-issues", tenant="hongtu", customer="王/c-22")
        self.assertEqual([{**one, "more": False} for one in asked], [told])
        (task,) = told["tasks"]
        for command in ({"command": "acknowledge"}, {"command": "accept"}, {"command": "start", "action_type": "process", "effective_from": rated["submitted_at"]}, {"command": "done", "note": "repaired"}, {"command": "tell_customer", "how": "phone"}, {"command": "close"}):
            answer = self.server.command(task["id"], **command)
            self.assertEqual(answer.status, 200, answer)
        server.wait_for(lambda: self.open_issues()["王/c-22"] is None, "nothing is open")
        self.assertEqual(self.server.items("/api/v1/customers/open-issues", tenant="hongtu", customer="王/c-22"), [])

    def test_what_is_due_with_a_task_happens_without_an_event(self):
        now = datetime.now(timezone.utc)
        rated = {"tenant": "hongtu", "session_id": "s-20", "evaluation_id": "e", "submitted_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "comment": "漏电"}
        head = {"specversion": "1.0", "type": "echoloop.evaluation.submitted.v1", "source": "/gw", "id": "e-s-20"}
        self.server.post_lines(json.dumps({**head, "data": rated}).encode() + b"\n")

        def task():
            return next((one for one in self.server.tasks(tenant="hongtu") if one["cause"]["scope"].get("session") == "s-20"), None)

        found = server.wait_for(task, "the task")["id"]
        until = (datetime.now(timezone.utc) + timedelta(seconds=3)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for command in ({"command": "acknowledge"}, {"command": "hold", "reason": "call back", "until": until}):
            answer = self.server.command(found, **command)
            self.assertEqual(answer.status, 200, answer)
        self.assertEqual(task()["state"], "on_hold")
        server.wait_for(lambda: task()["state"] == "acknowledged", "the end of the hold")
        self.assertEqual([line["what"] for line in task()["history"]][-2:], ["resumed", "stalled"])


if __name__ == "__main__":
    server.run_tests()
