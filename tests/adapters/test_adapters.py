#!/usr/bin/python3
"""The shipped adapters under plain jq: their examples, and what each platform's ratings must become.

    test_adapters.py

The programs are run by the jq command, not by echoloop, as anybody would who writes one. What a rating must become is written down here
from the platforms' descriptions: the scale by its ends, so that 0 is the worst and 100 the best; or nothing at all.
"""

import csv
import json
import os
import subprocess
import unittest

import yaml

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ADAPTERS = os.path.join(ROOT, "config", "adapters")
DAY_MS = 1_772_534_400_000
DAY = "2026-03-03T10:40:00Z"


def run(name, documents):
    """What the program yields for each document, all in one list."""
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in documents)
    command = ["jq", "-c", "-L", ADAPTERS, "--arg", "tenant", "hongtu", "-f", os.path.join(ADAPTERS, f"{name}.jq")]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{name}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def hook(body):
    return {"headers": {}, "body": body}


def ratings(name, body):
    return [one["data"] for one in run(name, [body]) if one.get("type") == "echoloop.evaluation.submitted.v1"]


def of_type(name, body, kind):
    return [one["data"] for one in run(name, [body]) if one.get("type") == f"echoloop.{kind}.v1"]


def share(rating):
    score = rating["score"]
    return 100 * (score["value"] - score["min"]) / (score["max"] - score["min"])


def qiyu(**more):
    rated = {"staffInvitedEvaluateTime": DAY_MS + 9000, "userJoinEvaluateTime": DAY_MS + 20000}
    return hook({"id": 7, "startTime": DAY_MS, "endTime": DAY_MS + 10000, "interaction": 0, "staffId": 3, **rated, **more})


def huawei(**more):
    return {"callId": "c1", "beginTime": DAY_MS, "endTime": DAY_MS + 9000, "evaluateTime": DAY_MS + 12000, "evaluateObject": "Agent", **more}


def zendesk(score):
    return {"id": 5, "ticket_id": 9, "score": score, "url": "https://d.example/api/v2/satisfaction_ratings/5.json",
            "created_at": DAY, "updated_at": DAY}  # fmt: skip


def livechat(score, **more):
    thread = {"chat_id": "C1", "thread_id": "T1", "properties": {"rating": {"score": score, **more}}}
    return {"headers": {"X-Request-Start": "t=1772534650.5"}, "body": {"action": "thread_properties_updated", "payload": thread}}


def intercom(rating, remark):
    rated = {"rating": rating, "remark": remark, "created_at": DAY_MS // 1000}
    item = {"type": "conversation", "id": "1", "created_at": DAY_MS // 1000 - 60, "conversation_rating": rated}
    return hook({"type": "notification_event", "topic": "conversation.rating.added", "created_at": DAY_MS // 1000, "data": {"item": item}})


class Examples(unittest.TestCase):
    def test_every_example_gives_under_jq_what_is_expected_of_it(self):
        with open(os.path.join(ADAPTERS, "adapters.yaml"), encoding="utf-8") as file:
            entries = yaml.safe_load(file)["adapters"]
        self.assertGreaterEqual(len(entries), 13)
        for entry in entries:
            with open(os.path.join(ADAPTERS, entry["example"]), encoding="utf-8-sig", newline="") as file:
                documents = list(csv.DictReader(file)) if entry["example"].endswith(".csv") else [json.loads(line) for line in file]
            with open(os.path.join(ADAPTERS, entry["expected"]), encoding="utf-8") as file:
                expected = [json.loads(line) for line in file]
            with self.subTest(entry["name"]):
                self.assertEqual(run(entry["name"], documents), expected)

    def test_no_document_makes_a_program_fail(self):
        odd = [None, True, 7, "x", [], {}, [[]], {"headers": None, "body": None}, {"headers": {}, "body": []}, {"headers": [], "body": {"id": {}}}]
        for name in sorted(file[:-3] for file in os.listdir(ADAPTERS) if file.endswith(".jq")):
            with self.subTest(name):
                run(name, odd)


class Ratings(unittest.TestCase):
    def test_qiyu(self):
        (rating,) = ratings("qiyu", qiyu(evaluationType=3, evaluation=1, userResolvedStatus=2))
        self.assertEqual((rating["score"], share(rating), rating["resolved"]), ({"value": 1, "min": 1, "max": 3}, 0, "no"))
        (rating,) = ratings("qiyu", qiyu(evaluationType=5, evaluation=100, userResolvedStatus=0))
        self.assertEqual((share(rating), rating.get("resolved")), (100, None))
        for value, wanted in ((1, 0), (25, 25), (50, 50), (75, 75)):
            (rating,) = ratings("qiyu", qiyu(evaluationType=5, evaluation=value))
            self.assertEqual(share(rating), wanted)
        self.assertEqual(ratings("qiyu", qiyu(evaluationType=0, evaluation=100)), [])
        self.assertEqual(ratings("qiyu", qiyu(evaluationType=5)), [])
        robot = qiyu(evaluationType=5, evaluation=100, interaction=1)
        self.assertEqual(ratings("qiyu", robot), [])
        self.assertTrue(all(agent["kind"] == "bot" for agent in of_type("qiyu", robot, "session.closed")[0]["agents"]))

    def test_huawei(self):
        (rating,) = ratings("huawei-cec", huawei(evaluationValue="4", fcrValue="1"))
        self.assertEqual((share(rating), rating["resolved"]), (75, "yes"))
        for value, outcome in (("-1", "no_answer"), ("-2", "failed")):
            self.assertEqual(ratings("huawei-cec", huawei(evaluationValue=value)), [])
            (invited,) = of_type("huawei-cec", huawei(evaluationValue=value), "survey.invited")
            self.assertEqual(invited["outcome"], outcome)

    def test_zendesk(self):
        for score, wanted in (("good", 100), ("bad", 0)):
            (rating,) = ratings("zendesk", zendesk(score))
            self.assertEqual((share(rating), rating["score"]["max"]), (wanted, 2))
        self.assertEqual(ratings("zendesk", zendesk("offered")), [])
        (invited,) = of_type("zendesk", zendesk("offered"), "survey.invited")
        self.assertEqual(invited["outcome"], "delivered")
        self.assertEqual([one for one in run("zendesk", [zendesk("unoffered")]) if "skip" not in one], [])

    def test_livechat(self):
        for score, wanted in ((1, 100), (0, 0)):
            (rating,) = ratings("livechat", livechat(score, comment="ok"))
            self.assertEqual((share(rating), rating["score"]["max"], rating["comment"]), (wanted, 2, "ok"))

    def test_intercom(self):
        (rating,) = ratings("intercom", intercom(3, None))
        self.assertEqual((share(rating), rating.get("comment")), (50, None))

    def test_rocketchat(self):
        survey = {"rid": "r1", "ts": DAY, "data": [{"name": "satisfaction", "value": "5"}, {"name": "speed", "value": "2"}]}
        (rating,) = ratings("rocketchat", survey)
        self.assertEqual(share(rating), 100)
        self.assertEqual([(one["question"], one["value"]) for one in rating["answers"]], [("speed", 2)])


PAYLOADS = os.path.realpath(os.path.join(ROOT, "..", "shared", "data", "payloads"))


@unittest.skipUnless(os.path.isdir(PAYLOADS), "the platforms' own payloads are not here")
class Payloads(unittest.TestCase):
    """What the platforms themselves publish as examples."""

    def read(self, path):
        with open(os.path.join(PAYLOADS, path), encoding="utf-8") as file:
            return json.load(file)

    def test_every_payload_becomes_events_or_says_why_not(self):
        for platform in ("livechat", "zendesk", "intercom", "rocketchat", "chatwoot"):
            for name in sorted(os.listdir(os.path.join(PAYLOADS, platform))):
                with self.subTest(f"{platform}/{name}"):
                    self.assertTrue(run(platform, [hook(self.read(f"{platform}/{name}"))]))

    def test_zendesk(self):
        (rating,) = ratings("zendesk", self.read("zendesk/satisfaction_rating_example.json"))
        self.assertEqual((share(rating), rating["session_id"]), (100, "zendesk-208"))
        listed = ratings("zendesk", self.read("zendesk/satisfaction_ratings_list_example.json"))
        self.assertEqual([(share(one), one["comment"]) for one in listed], [(100, "Awesome support!")] * 2)
        self.assertEqual([one["session_id"] for one in listed], ["zendesk-208", "zendesk-209"])

    def test_livechat(self):
        arrived = {"X-Request-Start": "t=1772534650.5"}
        body = self.read("livechat/thread_properties_updated.json")
        (rating,) = ratings("livechat", {"headers": arrived, "body": body})
        self.assertEqual((share(rating), rating["comment"]), (100, "Very good, veeeery good"))
        (tagged,) = of_type("livechat", hook(self.read("livechat/thread_tagged.json")), "tags.changed")
        self.assertEqual(tagged["add"], ["bug_report"])
        (gone,) = of_type("livechat", hook(self.read("livechat/thread_properties_deleted.json")), "evaluation.withdrawn")
        self.assertEqual(gone["evaluation_id"], rating["evaluation_id"])

    def test_rocketchat(self):
        (closed,) = of_type("rocketchat", hook(self.read("rocketchat/livechat_session_webhook.json")), "session.closed")
        self.assertEqual((closed["session_id"], closed["agents"][0]["kind"]), ("rocketchat-Tc5SyBZHovD4k8BXv", "human"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
