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


def chatwoot(answer):
    values = {} if answer is None else {"submitted_values": {"csat_survey_response": answer}}
    message = {"id": 4, "content_type": "input_csat", "content_attributes": values, "conversation": {"id": 9, "updated_at": DAY_MS // 1000}}
    return hook({"event": "message_updated", "account": {"id": 2}, **message})


def intercom(rating, remark):
    rated = {"rating": rating, "remark": remark, "created_at": DAY_MS // 1000}
    item = {"type": "conversation", "id": "1", "created_at": DAY_MS // 1000 - 60, "conversation_rating": rated}
    return hook({"type": "notification_event", "topic": "conversation.rating.added", "created_at": DAY_MS // 1000, "data": {"item": item}})


def entries():
    with open(os.path.join(ADAPTERS, "adapters.yaml"), encoding="utf-8") as file:
        return yaml.safe_load(file)["adapters"]


def documents_of(entry):
    with open(os.path.join(ADAPTERS, entry["example"]), encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file)) if entry["example"].endswith(".csv") else [json.loads(line) for line in file]


class Examples(unittest.TestCase):
    def test_every_example_gives_under_jq_what_is_expected_of_it(self):
        self.assertGreaterEqual(len(entries()), 13)
        for entry in entries():
            documents = documents_of(entry)
            with open(os.path.join(ADAPTERS, entry["expected"]), encoding="utf-8") as file:
                expected = [json.loads(line) for line in file]
            with self.subTest(entry["name"]):
                self.assertEqual(run(entry["name"], documents), expected)

    def test_the_page_of_a_platform_says_where_its_secret_goes(self):
        signed = [entry for entry in entries() if "signature" in entry]
        self.assertEqual(len(signed), 12)
        for entry in signed:
            with open(os.path.join(ROOT, "docs", "adapters", f"{entry['name']}.md"), encoding="utf-8") as file:
                page = file.read()
            for word in (entry["signature"]["secret_env"], f"/api/v1/hooks/{entry['name']}?tenant=T", "## Connect"):
                self.assertIn(word, page, entry["name"])

    def test_no_document_makes_a_program_fail(self):
        odd = [None, True, 7, "x", [], {}, [[]], {"headers": None, "body": None}, {"headers": {}, "body": []}, {"headers": [], "body": {"id": {}}}]
        for name in sorted(file[:-3] for file in os.listdir(ADAPTERS) if file.endswith(".jq")):
            with self.subTest(name):
                run(name, odd)


    def test_an_error_behind_what_adapters_share_is_told(self):
        # `E?` of jq 1.6 also catches what fails behind it: the event would be gone without a word.
        for shared in ("text", "number", "time", "instant", 'instant_in("+08:00")', "fingerprint", "object", "list", "seconds_to_ms"):
            for value in ("2026-03-03T10:00:00Z", "2026-03-03 10:00:00", "never", "7", " a "):
                program = f'include "lib/event"; "{value}" | {shared} | error("planted")'
                done = subprocess.run(["jq", "-n", "-L", ADAPTERS, program], capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stdout, "planted" in done.stderr), (5, "", True), f"{program}: {done}")
        for entry in entries():
            with open(os.path.join(ADAPTERS, entry["file"]), encoding="utf-8") as file:
                program = file.read() + '\n| error("planted")'
            documents = documents_of(entry)
            text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in documents)
            command = ["jq", "-L", ADAPTERS, "--arg", "tenant", "hongtu", program]
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
            self.assertEqual((done.stdout, done.stderr.count("planted")), ("", len(documents)), entry["name"])


class Ratings(unittest.TestCase):
    """Each row of what a platform says and what must come of it: docs/adapters tells the same for people."""

    def test_chatwoot(self):
        (rating,) = ratings("chatwoot", chatwoot({"rating": 2, "feedback_message": "慢"}))
        self.assertEqual((share(rating), rating["comment"], rating["session_id"]), (25, "慢", "chatwoot-9"))
        self.assertEqual(ratings("chatwoot", chatwoot(None)), [])
        self.assertEqual(ratings("chatwoot", chatwoot({"rating": None, "feedback_message": "慢"})), [])

    def test_qiyu(self):
        (rating,) = ratings("qiyu", qiyu(evaluationType=3, evaluation=1, userResolvedStatus=2))
        self.assertEqual((rating["score"], share(rating), rating["resolved"]), ({"value": 1, "min": 1, "max": 3}, 0, "no"))
        (rating,) = ratings("qiyu", qiyu(evaluationType=5, evaluation=100, userResolvedStatus=0))
        self.assertEqual((share(rating), rating.get("resolved")), (100, None))
        for value, wanted in ((1, 0), (25, 25), (50, 50), (75, 75)):
            (rating,) = ratings("qiyu", qiyu(evaluationType=5, evaluation=value))
            self.assertEqual(share(rating), wanted)
        for kind, value, wanted in ((2, 1, 0), (2, 100, 100), (3, 50, 50), (3, 100, 100)):
            (rating,) = ratings("qiyu", qiyu(evaluationType=kind, evaluation=value))
            self.assertEqual((share(rating), rating["score"]["max"]), (wanted, kind))
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


class Quirks(unittest.TestCase):
    """What platforms also send, and what it must never become: a rating that nobody gave."""

    def test_several_ratings_of_one_chat_are_events_of_one_evaluation(self):
        # Qiyu's visitors may rate again, also within the same second.
        made = [one for value in (25, 75) for one in run("qiyu", [qiyu(evaluationType=5, evaluation=value)])]
        rated = [one for one in made if one["type"] == "echoloop.evaluation.submitted.v1"]
        self.assertEqual(len({one["id"] for one in rated}), 2)
        self.assertEqual(len({one["data"]["evaluation_id"] for one in rated}), 1)
        again = run("qiyu", [qiyu(evaluationType=5, evaluation=25)])
        self.assertEqual([one["id"] for one in again if one in rated], [rated[0]["id"]])

    def test_an_offer_or_a_request_is_an_invitation(self):
        (invited,) = of_type("intercom", intercom(None, None), "survey.invited")
        self.assertEqual((invited["outcome"], ratings("intercom", intercom(None, None))), ("delivered", []))
        (invited,) = of_type("zendesk", zendesk("offered"), "survey.invited")
        self.assertEqual(invited["outcome"], "delivered")
        self.assertEqual(len(of_type("qiyu", qiyu(evaluationType=5), "survey.invited")), 1)

    def test_values_beyond_the_scale_are_no_ratings(self):
        for value in (0, 6, -1, 9):
            self.assertEqual(ratings("intercom", intercom(value, "x")), [])
            self.assertEqual(ratings("huawei-cec", huawei(evaluationValue=str(value))), [])
        for value in (2, 26, 101, -1, 0):
            self.assertEqual(ratings("qiyu", qiyu(evaluationType=5, evaluation=value)), [])
        for score in (2, -1, None, "", "maybe"):
            self.assertEqual(ratings("livechat", livechat(score)), [])
        for score in ("unoffered", "", None, "great"):
            self.assertEqual(ratings("zendesk", zendesk(score)), [])
        survey = {"rid": "r1", "ts": DAY, "data": [{"name": "satisfaction", "value": "6"}, {"name": "speed", "value": "0"}]}
        self.assertEqual(ratings("rocketchat", survey), [])

    def test_a_rating_days_later_keeps_its_own_day(self):
        later = DAY_MS + 2 * 86_400_000
        (rating,) = ratings("qiyu", qiyu(evaluationType=5, evaluation=1, userJoinEvaluateTime=later))
        self.assertEqual(rating["submitted_at"], "2026-03-05T10:40:00Z")
        (rating,) = ratings("huawei-cec", huawei(evaluationValue="5", evaluateTime=later))
        self.assertEqual(rating["submitted_at"], "2026-03-05T10:40:00Z")

    def test_robots_are_handlers_that_nobody_rates(self):
        robot = {"id": "1", "state": "closed", "ai_agent_participated": True, "statistics": {"last_close_at": DAY_MS // 1000}}
        item = {"type": "conversation", **robot, "ai_agent": {"rating": 1, "rating_remark": "x"}}
        self.assertEqual(ratings("intercom", item), [])
        (closed,) = of_type("intercom", item, "session.closed")
        self.assertEqual([agent["kind"] for agent in closed["agents"]], ["bot"])
        (rating,) = ratings("huawei-cec", huawei(evaluationValue="4", evaluateObject="Bot"))
        self.assertEqual(rating["survey"], "huawei-cec-bot-csat")

    def test_links_to_earlier_sessions_are_kept(self):
        for related, linked in ((0, None), (1, "qiyu-6"), (2, None), (3, "qiyu-6"), (4, "qiyu-6"), (5, "qiyu-6")):
            (closed,) = of_type("qiyu", qiyu(relatedType=related, relatedId=6), "session.closed")
            self.assertEqual(closed.get("previous_session"), linked, related)
        ticket = {"id": 9, "status": "solved", "updated_at": DAY, "via": {"source": {"rel": "follow_up", "from": {"ticket_id": 8}}}}
        (closed,) = of_type("zendesk", {"ticket": ticket}, "session.closed")
        self.assertEqual(closed["previous_session"], "zendesk-8")


if __name__ == "__main__":
    unittest.main(verbosity=2)
