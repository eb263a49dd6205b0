#!/usr/bin/python3
"""Endpoints are told of tasks: signed so that an independent check agrees, again when they fail, never out of order, and nobody waits for a dead one."""

import base64
import email
import email.header
import email.policy
import hashlib
import hmac
import json
import os
import shutil
import tempfile
import time
import unittest
import urllib.parse
from datetime import datetime, timezone

import endpoints
import server as house
from events import closed, rated

# A published example of Standard Webhooks holds for the key; the secrets of robots are made up.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ROBOT = "SEC0123456789abcdef"


def now_text():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def digest(key, message):
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="echoloop-delivery-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.config = shutil.copytree(house.CONFIG, os.path.join(self.folder, "config"))

    def http(self, *answers):
        endpoint = endpoints.HttpEndpoint(*answers)
        self.addCleanup(endpoint.close)
        return endpoint

    def configure(self, *lines, private=True):
        path = os.path.join(self.config, "organisation.yaml")
        with open(os.path.join(house.CONFIG, "organisation.yaml"), encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\ndelivery:\n")
            for number, line in enumerate(lines):
                more = ", private_network: true" if private else ""
                file.write(f"  - {{id: e{number}, {line}{more}}}\n")
            file.write("public_url: https://echoloop.example.com/\n")

    def start(self, **environment):
        server = house.Server(self.folder, config=self.config, environment={"HOOK": SECRET, "ROBOT": ROBOT, **environment}).start()
        self.addCleanup(server.__exit__)
        return server

    def danger(self, server, *names):
        for name in names:
            server.post_events([rated(name, now_text(), score=1, comment="充电的时候着火了", customer_id=f"customer-{name}")])

    def told(self, endpoint, count):
        return house.wait_for(lambda: len(endpoint.all()) >= count and endpoint.all(), f"{count} messages")


class Ways(Case):
    def test_a_webhook_is_signed_by_standard_webhooks_and_carries_the_task_without_its_customer(self):
        hook = self.http()
        self.configure(f"webhook: {{url: '{hook.url}/in', secret_env: HOOK}}")
        server = self.start()
        self.danger(server, "s1")
        came = self.told(hook, 1)[0]
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        signed = f"{came.headers['webhook-id']}.{came.headers['webhook-timestamp']}.".encode() + came.body
        self.assertEqual(came.headers["webhook-signature"], "v1," + digest(key, signed))
        self.assertLess(abs(int(came.headers["webhook-timestamp"]) - time.time()), 60)
        event = json.loads(came.body)
        self.assertEqual(event["type"], "echoloop.task.opened.v1")
        self.assertEqual(event["id"], came.headers["webhook-id"])
        self.assertEqual(event["data"]["cause"]["scope"], {"session": "s1"})
        self.assertIsNone(event["data"]["customer_id"])
        task = event["data"]["id"]
        server.command(task, "reject", reason="不归我们")
        self.assertEqual(json.loads(self.told(hook, 2)[1].body)["data"]["department"], "triage")

    def test_the_key_changes_without_a_gap(self):
        hook = self.http()
        self.configure(f"webhook: {{url: '{hook.url}', secret_env: HOOK}}")
        other = "whsec_" + base64.b64encode(b"another key of 24 bytes!").decode()
        server = self.start(HOOK=f"{SECRET} {other}")
        self.danger(server, "s1")
        came = self.told(hook, 1)[0]
        signed = f"{came.headers['webhook-id']}.{came.headers['webhook-timestamp']}.".encode() + came.body
        wanted = [digest(base64.b64decode(one.removeprefix("whsec_")), signed) for one in (SECRET, other)]
        self.assertEqual(came.headers["webhook-signature"], " ".join("v1," + one for one in wanted))

    def test_robots_get_texts_signed_their_way(self):
        feishu, dingtalk, wecom = self.http(), self.http(), self.http()
        self.configure(
            f"feishu: {{url: '{feishu.url}/hook/1', secret_env: ROBOT}}",
            f"dingtalk: {{url: '{dingtalk.url}/robot/send?access_token=t', secret_env: ROBOT}}, language: en",
            f"wecom: {{url: '{wecom.url}/send?key=k'}}",
        )
        server = self.start()
        self.danger(server, "s1")
        task = house.wait_for(lambda: server.tasks(tenant="hongtu"), "the task")[0]
        body = json.loads(self.told(feishu, 1)[0].body)
        self.assertEqual(body["sign"], digest(f"{body['timestamp']}\n{ROBOT}".encode(), b""))
        text = body["content"]["text"]
        self.assertEqual(text.splitlines()[0], "【紧急】新任务：人身或财产安全事件")
        self.assertIn("负责：合规与安全（compliance-lead）", text)
        self.assertIn(f"https://echoloop.example.com/tasks/{task['id']}", text)
        self.assertNotIn("customer", text)
        came = self.told(dingtalk, 1)[0]
        query = came.query()
        self.assertEqual(query["access_token"], "t")
        self.assertEqual(query["sign"], digest(ROBOT.encode(), f"{query['timestamp']}\n{ROBOT}".encode()))
        self.assertGreater(int(query["timestamp"]), 1_700_000_000_000)
        self.assertIn("[critical] New task: Personal or property safety", json.loads(came.body)["text"]["content"])
        self.assertIn("1 session", json.loads(came.body)["text"]["content"])
        self.assertIn("**【紧急】新任务", json.loads(self.told(wecom, 1)[0].body)["markdown"]["content"])

    def test_mail_is_a_message_that_a_mail_reader_understands(self):
        mail = endpoints.MailEndpoint()
        self.addCleanup(mail.close)
        self.configure(f"email: {{url: '{mail.url}', from: echoloop@example.com, to: [duty@example.com, lead@example.com]}}")
        server = self.start()
        self.danger(server, "s1")
        sender, recipients, text = house.wait_for(mail.all, "a mail")[0]
        self.assertEqual((sender, recipients), ("echoloop@example.com", ["duty@example.com", "lead@example.com"]))
        message = email.message_from_bytes(text, policy=email.policy.default)
        self.assertEqual(message["subject"], "【紧急】新任务：人身或财产安全事件")
        self.assertIn("负责：合规与安全", message.get_content())

    def test_jira_and_servicenow_get_one_issue_a_task(self):
        jira, servicenow = self.http(), self.http()
        self.configure(
            f"jira: {{url: '{jira.url}', user: bot@example.com, secret_env: ROBOT, project: CARE}}",
            f"servicenow: {{url: '{servicenow.url}/', user: bot, secret_env: ROBOT}}",
        )
        server = self.start()
        self.danger(server, "s1")
        issue = self.told(jira, 1)[0]
        self.assertEqual(issue.path, "/rest/api/3/issue")
        self.assertEqual(base64.b64decode(issue.headers["Authorization"].removeprefix("Basic ")).decode(), f"bot@example.com:{ROBOT}")
        fields = json.loads(issue.body)["fields"]
        self.assertEqual((fields["project"], fields["issuetype"]), ({"key": "CARE"}, {"name": "Task"}))
        self.assertEqual((fields["description"]["type"], fields["description"]["version"]), ("doc", 1))
        incident = self.told(servicenow, 1)[0]
        self.assertEqual(incident.path, "/api/now/table/incident")
        self.assertEqual(json.loads(incident.body)["urgency"], "1")


class Troubles(Case):
    def deliveries(self, server, **parameters):
        return list(server.items("/api/v1/deliveries", **parameters))

    def test_what_fails_comes_again_with_the_same_id_and_in_order(self):
        hook = self.http("reset", 500, (503, {"Retry-After": "1"}, b""), (200, {}, b"x" * 1_000_000))
        self.configure(f"webhook: {{url: '{hook.url}', secret_env: HOOK}}")
        server = self.start()
        self.danger(server, "s1", "s2", "s3")
        came = self.told(hook, 6)
        ids = [one.headers["webhook-id"] for one in came]
        self.assertEqual(len(set(ids[:4])), 1, ids)
        self.assertEqual(len(set(ids)), 3)
        self.assertGreaterEqual(came[3].at - came[2].at, 1.0, "it waits as long as it is asked to")
        self.assertNotEqual(came[0].headers["webhook-signature"], came[3].headers["webhook-signature"], "signed anew")
        log = house.wait_for(lambda: len(self.deliveries(server)) >= 6 and self.deliveries(server), "the log")
        self.assertEqual(sorted(one["outcome"] for one in log), ["delivered"] * 3 + ["later"] * 3)
        self.assertEqual(sorted(one["attempt"] for one in log if one["events"] == [ids[0]]), [1, 2, 3, 4])
        whole = server.get(f"/api/v1/deliveries/{[one for one in log if one['attempt'] == 4][0]['id']}").json()
        self.assertEqual(whole["body"].encode(), came[3].body)
        self.assertEqual(len(whole["answer"]), 1024)

    def test_a_refused_message_is_given_up_and_the_next_one_follows(self):
        hook = self.http(400, (302, {"Location": "http://127.0.0.1/elsewhere"}, b""), 422)
        self.configure(f"webhook: {{url: '{hook.url}'}}")
        server = self.start()
        self.danger(server, "s1", "s2")
        came = self.told(hook, 4)
        self.assertEqual(len({one.headers["webhook-id"] for one in came[:3]}), 1)
        self.assertNotEqual(came[3].headers["webhook-id"], came[0].headers["webhook-id"])
        failed = house.wait_for(lambda: self.deliveries(server, outcome="failed"), "the failure in the log")
        self.assertEqual(failed[0]["status"], 422)
        answer = server.request("POST", f"/api/v1/deliveries/{failed[0]['id']}/redeliver")
        self.assertEqual(answer.status, 202)
        self.assertEqual(self.told(hook, 5)[4].headers["webhook-id"], came[0].headers["webhook-id"])

    def test_what_shall_be_told_again_is_told_by_whoever_starts_next_also_where_nothing_else_is(self):
        hook = self.http(410, (503, {}, b""))
        self.configure(f"webhook: {{url: '{hook.url}'}}")
        server = self.start()
        self.danger(server, "s1", "s2")
        self.told(hook, 1)
        log = house.wait_for(lambda: self.deliveries(server), "the log")
        arguments = ["--server", server.url()]
        code, out, _ = house.echoloop("deliveries", "list", "--endpoint", "e0", "--outcome", "gone", *arguments)
        self.assertEqual((code, [json.loads(line)["id"] for line in out.splitlines()]), (0, [log[0]["id"]]))
        code, out, _ = house.echoloop("deliveries", "show", log[0]["id"], *arguments)
        self.assertEqual((code, json.loads(out)["body"].encode()), (0, hook.all()[0].body))
        code, out, err = house.echoloop("deliveries", "redeliver", log[0]["id"], *arguments)
        self.assertEqual(code, 0, err)
        came = self.told(hook, 2)
        self.assertEqual(came[1].headers["webhook-id"], came[0].headers["webhook-id"])
        self.assertEqual(len(self.deliveries(server, tenant="hongtu")), len(self.deliveries(server)))
        self.assertEqual(self.deliveries(server, tenant="nobody"), [])
        self.assertEqual([server.get(f"/api/v1/deliveries/{log[0]['id']}", tenant=tenant).status for tenant in ("hongtu", "nobody")], [200, 404])
        again = house.wait_for(lambda: self.deliveries(server, outcome="later"), "one attempt, in the log")
        self.assertEqual([one["attempt"] for one in again], [2])
        self.assertEqual(len(hook.all()), 2, "it was asked once")
        code, _, err = house.echoloop("deliveries", "redeliver", "00", *arguments)
        self.assertEqual(code, 1)
        self.assertIn("there is no delivery", err)
        server.stop()
        code, _, err = house.echoloop("deliveries", "list", "--data", server.data)
        self.assertEqual(code, 1)
        self.assertIn("no server runs there", err)

    def test_gone_is_gone_until_the_configuration_changes(self):
        hook, other = self.http(410), self.http()
        self.configure(f"webhook: {{url: '{hook.url}'}}", f"webhook: {{url: '{other.url}'}}")
        server = self.start()
        self.danger(server, "s1", "s2")
        self.told(other, 2)
        house.wait_for(lambda: 'echoloop_endpoint_gone{endpoint="e0"} 1' in server.get("/metrics").body.decode(), "the metric")
        self.assertEqual(len(hook.all()), 1)
        self.configure(f"webhook: {{url: '{hook.url}/new'}}", f"webhook: {{url: '{other.url}'}}")
        self.assertEqual(server.request("POST", "/api/v1/config/reload").status, 200)
        self.assertEqual([one.path for one in self.told(hook, 3)[1:]], ["/new", "/new"])

    def test_gone_comes_back_with_any_change_of_its_configuration(self):
        hook = self.http(410)
        self.configure(f"webhook: {{url: '{hook.url}'}}")
        server = self.start()
        self.danger(server, "s1", "s2")
        self.told(hook, 1)
        self.configure(f"webhook: {{url: '{hook.url}'}}, language: en")
        self.assertEqual(server.request("POST", "/api/v1/config/reload").status, 200)
        self.told(hook, 3)

    def test_what_is_the_same_goes_on_when_the_configuration_changes(self):
        slow = self.http((503, {"Retry-After": "2"}, b""))
        self.configure(f"webhook: {{url: '{slow.url}'}}")
        server = self.start()
        self.danger(server, "s1")
        self.told(slow, 1)
        self.configure(f"webhook: {{url: '{slow.url}'}}", f"webhook: {{url: '{self.http().url}'}}")
        self.assertEqual(server.request("POST", "/api/v1/config/reload").status, 200)
        came = self.told(slow, 2)
        self.assertGreaterEqual(came[1].at - came[0].at, 2.0, "a pause that was asked for is kept")

    def test_outside_of_its_hours_only_safety_speaks(self):
        hook = self.http()
        path = os.path.join(self.config, "organisation.yaml")
        hour = (datetime.now(timezone.utc).hour + 12) % 24
        asleep = f"{{id: asleep, timezone: UTC, hours: [{{days: [mon, tue, wed, thu, fri, sat, sun], from: '{hour:02d}:00', to: '{hour:02d}:01'}}]}}"
        with open(os.path.join(house.CONFIG, "organisation.yaml"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("calendars:", text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("calendars:", f"calendars:\n  - {asleep}", 1))
            file.write(f"\ndelivery: [{{id: e0, webhook: {{url: '{hook.url}'}}, awake: asleep, private_network: true}}]\n")
        server = self.start()
        server.post_events([closed("calm", now_text(), customer_id="c9"), rated("calm", now_text(), score=1, wants_contact=True, customer_id="c9")])
        house.wait_for(lambda: server.tasks(tenant="hongtu", kind="recovery"), "a task that is no matter of safety")
        self.danger(server, "s1")
        came = self.told(hook, 1)
        self.assertEqual([json.loads(one.body)["data"]["kind"] for one in came], ["safety"])
        house.wait_for(lambda: b'echoloop_deliveries_waiting{endpoint="e0"} 1\n' in server.get("/metrics").body, "the other one waits")

    def test_a_dead_endpoint_holds_up_nobody_and_private_addresses_are_not_reached(self):
        hanging, good = self.http("hang"), self.http()
        self.configure(f"webhook: {{url: '{hanging.url}'}}", "webhook: {url: 'http://127.0.0.1:1/'}", f"webhook: {{url: '{good.url}'}}")
        server = self.start()
        for number in range(20):
            self.danger(server, f"s{number}")
        self.told(good, 20)
        self.assertEqual(len(hanging.all()), 1)
        refused = self.http()
        self.configure(f"webhook: {{url: '{refused.url.replace('127.0.0.1', 'localhost')}'}}", private=False)
        server.request("POST", "/api/v1/config/reload")
        self.danger(server, "last")
        # What the former endpoint of that name had under way was given up.
        errors = lambda: [one["error"] or "" for one in self.deliveries(server, endpoint="e0")]  # noqa: E731
        house.wait_for(lambda: any("private_network" in error for error in errors()), "the refusal")
        self.assertEqual(refused.all(), [])
        self.assertEqual([error for error in errors() if "private_network" not in error and "given up by echoloop" not in error], [])

    def test_what_is_long_is_shortened_on_its_way(self):
        hook = self.http()
        self.configure(f"webhook: {{url: '{hook.url}'}}, events: [opened, changed]")
        server = self.start()
        self.danger(server, "s1")
        self.told(hook, 1)
        task = server.tasks(tenant="hongtu")[0]
        for number in range(12):
            server.command(task["id"], "comment", text=f"{number}" + "很长的话" * 10_000)
        came = self.told(hook, 13)[-1]
        self.assertLess(len(came.body), 20_000)
        told = json.loads(came.body)["data"]
        self.assertEqual([entry["why"][:2] for entry in told["history"]][-1], "11")
        self.assertTrue(told["history_cut"])
        self.assertEqual(len(server.get(f"/api/v1/tasks/{task['id']}", tenant="hongtu").json()["history"]), 13)

    def test_a_robot_that_is_told_too_often_gets_one_message_for_many(self):
        robot = self.http()
        self.configure(f"wecom: {{url: '{robot.url}'}}, per_minute: 60")
        server = self.start()
        self.danger(server, *(f"s{number}" for number in range(30)))

        def all_told():
            bodies = [json.loads(one.body)["markdown"]["content"] for one in robot.all()]
            return sum(int(body.split("**")[1].split(" ")[0]) if "条任务消息" in body else 1 for body in bodies) >= 30 and bodies

        bodies = house.wait_for(all_told, "all thirty")
        self.assertLess(len(bodies), 20)
        self.assertTrue(any("条任务消息" in body for body in bodies))

    def test_nothing_is_lost_and_ids_stay_the_same_when_the_server_dies_before_or_after_sending(self):
        for point in ("delivery.before_send", "delivery.after_send"):
            with self.subTest(point):
                hook = self.http()
                self.configure(f"webhook: {{url: '{hook.url}'}}")
                server = self.start(ECHOLOOP_CRASH_AT=f"{point}:2")
                self.danger(server, f"{point}1")
                self.told(hook, 1)
                try:
                    self.danger(server, f"{point}2", f"{point}3")
                except (house.Died, OSError):
                    pass  # it died before it answered
                server.wait_end()
                again = self.start()
                self.danger(again, f"{point}2", f"{point}3")
                house.wait_for(lambda: len({one.headers["webhook-id"] for one in hook.all()}) >= 3, "all three")
                sessions = [json.loads(one.body)["data"]["cause"]["scope"]["session"] for one in hook.all()]
                self.assertEqual(set(sessions), {f"{point}{n}" for n in (1, 2, 3)})
                by_id = {one.headers["webhook-id"]: one.body for one in hook.all()}
                self.assertTrue(all(by_id[one.headers["webhook-id"]] == one.body for one in hook.all()), "a repetition says the same")
                again.stop()


if __name__ == "__main__":
    house.run_tests()
