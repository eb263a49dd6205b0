#!/usr/bin/python3
"""Issues that echoloop makes elsewhere come back as commands: what people do in Jira and ServiceNow happens to the task."""

import hashlib
import hmac
import json
import os
import shutil
import tempfile
import unittest
from datetime import datetime, timezone

import endpoints
import server as house
from events import rated

SECRET, TOKEN = "a secret of Jira's", "a token of ServiceNow's"


def now():
    return datetime.now(timezone.utc)


class Trackers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="echoloop-trackers-")
        self.addCleanup(folder.cleanup)
        config = shutil.copytree(house.CONFIG, os.path.join(folder.name, "config"))
        self.tracker = endpoints.HttpEndpoint()
        self.addCleanup(self.tracker.close)
        with open(os.path.join(config, "organisation.yaml"), "a", encoding="utf-8") as file:
            file.write(f"\ndelivery:\n  - {{id: tracker, {self.WAY.format(url=self.tracker.url)}, private_network: true}}\n")
        secrets = {"PASSWORD": "x", "JIRA_WEBHOOK_SECRET": SECRET, "SERVICENOW_WEBHOOK_TOKEN": TOKEN}
        self.server = house.Server(folder.name, config=config, environment=secrets).start()
        self.addCleanup(self.server.__exit__)
        self.server.post_events([rated("s1", now().strftime("%Y-%m-%dT%H:%M:%SZ"), score=1, comment="充电的时候着火了", customer_id="c1")])
        self.made = json.loads(house.wait_for(self.tracker.all, "an issue")[0].body)
        (self.task,) = self.server.tasks(tenant="hongtu", kind="safety")

    def hook(self, name, body, **headers):
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.server.request("POST", f"/api/v1/hooks/{name}?tenant=hongtu", body=body, headers={"Content-Type": "application/json", **headers})

    def now(self):
        return self.server.get(f"/api/v1/tasks/{self.task['id']}").json()

    def await_state(self, state):
        return house.wait_for(lambda: self.now()["state"] == state and self.now(), f"the task is {state}")

    def said(self):
        return [(line["what"], line["who"]) for line in self.now()["history"]][1:]

    def assert_nothing_refused(self):
        self.server.wait_settled()
        self.assertEqual(list(self.server.items("/api/v1/dead")), [])


class Jira(Trackers):
    WAY = "jira: {{url: '{url}', user: bot@example.com, secret_env: PASSWORD, project: CARE}}"

    def moved(self, change, category, resolution=None, person=None, secret=SECRET):
        items = [{"field": "status", "toString": "…"}] + ([{"field": "assignee", "toString": person}] if person else [])
        fields = {"labels": self.made["fields"]["labels"], "status": {"statusCategory": {"key": category}}, "resolution": resolution and {"name": resolution}}
        body = json.dumps({"timestamp": int(now().timestamp() * 1000), "webhookEvent": "jira:issue_updated", "user": {"displayName": "Wang Fang"},
                           "issue": {"key": "CARE-1", "fields": fields}, "changelog": {"id": change, "items": items}}).encode()  # fmt: skip
        return self.hook("jira", body, X_Hub_Signature="sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest())

    def test_what_happens_to_an_issue_happens_to_its_task(self):
        self.assertEqual(self.moved("1", "indeterminate", person="Chen Li").status, 202)
        task = self.await_state("in_progress")
        self.assertEqual((task["person"], task["action"]["type"]), ("Chen Li", "process"))
        self.assertEqual(self.moved("2", "done", "Done").status, 202)
        self.await_state("done")
        self.assertEqual(self.now()["history"][-1]["why"], "CARE-1: Done")
        # Sent again, and one that comes late.
        self.moved("2", "done", "Done")
        self.moved("0", "indeterminate")
        self.assert_nothing_refused()
        self.assertEqual(self.now()["state"], "done")
        self.assertEqual(self.said(), [("accept", "Wang Fang"), ("start", "Wang Fang"), ("assign", "Wang Fang"), ("done", "Wang Fang")])

    def test_whoever_has_begun_is_not_asked_again(self):
        self.server.command(self.task["id"], "accept")
        self.moved("1", "done", "Done")
        self.await_state("done")
        self.assert_nothing_refused()
        self.assertEqual([what for what, _ in self.said()], ["accept", "start", "done"])

    def test_no_is_no(self):
        department = self.task["department"]
        self.moved("1", "done", "Won't Do")
        task = house.wait_for(lambda: self.now()["department"] != department and self.now(), "it goes to the next department")
        self.assertEqual((task["state"], task["history"][-1]["why"]), ("opened", "CARE-1: Won't Do"))
        self.assert_nothing_refused()

    def test_nobody_else_moves_a_task(self):
        self.assertEqual(self.moved("1", "done", "Done", secret="another").status, 401)
        self.server.wait_settled()
        self.assertEqual(self.now()["state"], "opened")


class ServiceNow(Trackers):
    WAY = "servicenow: {{url: '{url}', user: bot, secret_env: PASSWORD}}"

    def moved(self, change, state, **more):
        body = {"number": "INC0010023", "state": state, "sys_updated_by": "fred", "sys_updated_on": now().strftime("%Y-%m-%d %H:%M:%S"), "sys_mod_count": change}
        body.update({key: self.made[key] for key in ("correlation_id", "correlation_display")})
        return self.hook("servicenow", json.dumps({**body, **more}).encode(), X_Echoloop_Token=TOKEN)

    def test_what_happens_to_an_incident_happens_to_its_task(self):
        self.assertEqual(self.moved("1", "3", hold_reason="Awaiting Vendor").status, 202)
        task = self.await_state("on_hold")
        self.assertEqual(task["hold"]["reason"], "INC0010023: Awaiting Vendor")
        self.moved("2", "2", assigned_to="Beth Anglin", assigned_changed=True)
        self.assertEqual(self.await_state("in_progress")["person"], "Beth Anglin")
        self.moved("3", "6", close_notes="mended")
        self.await_state("done")
        self.assert_nothing_refused()
        self.assertEqual([what for what, _ in self.said()], ["accept", "hold", "resume", "start", "assign", "done"])


del Trackers  # it has no tests of its own

if __name__ == "__main__":
    house.run_tests()
