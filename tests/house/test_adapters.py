#!/usr/bin/python3
"""Adapters on a real server: signatures of every platform, programs that do harm, and one more platform without a compiler."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

import server as house

SECRET = "s3cret-0123456789"
VARIABLES = {
    "chatwoot": "CHATWOOT_WEBHOOK_SECRET", "zendesk": "ZENDESK_WEBHOOK_SECRET", "livechat": "LIVECHAT_WEBHOOK_SECRET",
    "intercom": "INTERCOM_CLIENT_SECRET", "rocketchat": "ROCKETCHAT_WEBHOOK_TOKEN", "freshdesk": "FRESHDESK_WEBHOOK_TOKEN",
    "qiyu": "QIYU_APP_SECRET", "huawei-cec": "HUAWEI_CEC_TOKEN", "udesk": "UDESK_WEBHOOK_TOKEN", "meiqia": "MEIQIA_WEBHOOK_SECRET",
    "jira": "JIRA_WEBHOOK_SECRET", "servicenow": "SERVICENOW_WEBHOOK_TOKEN",
}  # fmt: skip


def mac(algorithm, message, secret=SECRET):
    return hmac.new(secret.encode(), message, algorithm)


# What each platform sends for a body at a time: headers, parameters, body.


def chatwoot(body, now, secret):
    return {"X-Chatwoot-Timestamp": str(now), "X-Chatwoot-Signature": "sha256=" + mac("sha256", b"%d." % now + body, secret).hexdigest()}, {}, body


def zendesk(body, now, secret):
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    signature = base64.b64encode(mac("sha256", stamp.encode() + body, secret).digest()).decode()
    return {"X-Zendesk-Webhook-Signature": signature, "X-Zendesk-Webhook-Signature-Timestamp": stamp}, {}, body


def livechat(body, _, secret):
    return {}, {}, json.dumps({**json.loads(body), "secret_key": secret}).encode()


def intercom(body, _, secret):
    return {"X-Hub-Signature": "sha1=" + mac("sha1", body, secret).hexdigest()}, {}, body


def jira(body, _, secret):
    return {"X-Hub-Signature": "sha256=" + mac("sha256", body, secret).hexdigest()}, {}, body


def rocketchat(body, _, secret):
    return {"X-RocketChat-Livechat-Token": secret}, {}, body


def token(body, _, secret):
    return {"X-Echoloop-Token": secret}, {}, body


def qiyu(body, now, secret):
    checksum = hashlib.sha1((secret + hashlib.md5(body).hexdigest() + str(now)).encode()).hexdigest()
    return {}, {"time": now, "checksum": checksum, "eventType": 5}, body


def udesk(body, _, secret):
    return {}, {"token": secret}, body


def meiqia(body, _, secret):
    return {"Meiqia-Signature": hashlib.sha1(body + secret.encode()).hexdigest()}, {}, body


PLATFORMS = {"chatwoot": chatwoot, "zendesk": zendesk, "livechat": livechat, "intercom": intercom, "rocketchat": rocketchat,
             "freshdesk": token, "qiyu": qiyu, "huawei-cec": token, "udesk": udesk, "meiqia": meiqia, "jira": jira, "servicenow": token}  # fmt: skip
TIMED = {"chatwoot", "zendesk", "qiyu"}


def example_of(name):
    """The body of the first document of the shipped example."""
    with open(os.path.join(house.CONFIG, "adapters", "examples", f"{name}.ndjson"), encoding="utf-8") as file:
        document = json.loads(file.readline())
    body = document["body"] if "body" in document else document
    return json.dumps(body, ensure_ascii=False).encode()


class Case(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="echoloop-adapters-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def copied_config(self):
        config = os.path.join(self.folder, "config")
        shutil.copytree(house.CONFIG, config)
        return config

    def write(self, *path, text):
        with open(os.path.join(self.folder, *path), "w", encoding="utf-8") as file:
            file.write(text)
        return os.path.join(self.folder, *path)

    def hook(self, server, name, body, headers=None, **parameters):
        if not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", **(headers or {})}
        return server.request("POST", f"/api/v1/hooks/{name}", body=body, headers=headers, tenant="hongtu", **parameters)

    def metric(self, server, line):
        found = [one.split()[-1] for one in server.get("/metrics").body.decode().splitlines() if one.startswith(line + " ")]
        return int(float(found[0])) if found else 0


class Signatures(Case):
    def test_with_its_secret_every_platform_is_known_by_its_signature(self):
        with house.Server(self.folder, environment={name: SECRET for name in VARIABLES.values()}) as server:
            for name, sign in PLATFORMS.items():
                with self.subTest(name):
                    now, body = int(time.time()), example_of(name)
                    headers, parameters, sent = sign(body, now, SECRET)
                    answer = self.hook(server, name, sent, headers, **parameters)
                    self.assertEqual((answer.status, answer.json().get("rejected")), (202, []), answer)
                    self.assertGreaterEqual(answer.json()["accepted"], 1)
                    refused = [self.hook(server, name, body)]
                    headers, parameters, sent = sign(body, now, "another")
                    refused.append(self.hook(server, name, sent, headers, **parameters))
                    if name in TIMED:
                        for wrong in (now - 310, now + 310):
                            headers, parameters, sent = sign(body, wrong, SECRET)
                            refused.append(self.hook(server, name, sent, headers, **parameters))
                    for answer in refused:
                        self.assertEqual(answer.status, 401, answer)
                        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
                        self.assertNotIn(SECRET, answer.body.decode())
            # Trackers speak of tasks that are not here.
            self.assertEqual([one for one in server.items("/api/v1/dead") if not one["reason"].startswith("no task")], [])

    def test_without_its_secret_a_platform_is_taken_and_said_to_be_unsigned(self):
        with house.Server(self.folder) as server:
            for name in PLATFORMS:
                for _ in range(2):
                    self.assertEqual(self.hook(server, name, example_of(name)).status, 202)
                self.assertEqual(self.metric(server, f'echoloop_hooks_unsigned_total{{adapter="{name}"}}'), 2)
            for name, variable in VARIABLES.items():
                self.assertEqual(server.log().count(f"adapter {name}: webhooks are taken unsigned, because {variable}"), 1)


class Harm(Case):
    """A program that does not end, or ends its process, fails its document and nothing else."""

    PROGRAM = 'if .body == "loop" then [range(infinite)] | length elif .body == "abort" then {type: (1e18 | todate)} else {skip: "fine"} end\n'

    def config(self):
        config = self.copied_config()
        self.write("config", "adapters", "harm.jq", text=self.PROGRAM)
        return config

    def test_of_a_hook(self):
        config = self.config()
        entry = "  - {name: harm, file: harm.jq, example: examples/harm.json, expected: examples/harm.expected.ndjson}\n"
        with open(os.path.join(config, "adapters", "adapters.yaml"), "a", encoding="utf-8") as file:
            file.write(entry)
        self.write("config", "adapters", "examples", "harm.json", text='{"body": "fine"}\n')
        self.write("config", "adapters", "examples", "harm.expected.ndjson", text='{"skip": "fine"}\n')
        with house.Server(self.folder, config=config) as server:
            for body, reason in (("loop", "took longer than 1 s"), ("abort", "made jq give up")):
                answer = self.hook(server, "harm", body)
                self.assertEqual(answer.status, 202, answer)
                self.assertIn(reason, answer.json()["rejected"][0]["reason"])
                self.assertEqual(self.hook(server, "harm", "fine").json()["skipped"], ["fine"])
            server.wait_settled()
            self.assertEqual(len(server.items("/api/v1/dead")), 2)
        self.write("config", "adapters", "examples", "harm.json", text='{"headers": {}, "body": "loop"}\n')
        code, out, err = house.echoloop("check", "--config-dir", config)
        self.assertEqual(code, 3, out + err)
        self.assertIn("harm.json:1: ", err)
        self.assertIn("took longer than 1 s", err)

    def test_of_an_import(self):
        config = self.config()
        bodies = ["fine"] * 300 + ["loop"] + ["fine"] * 300 + ["abort"] + ["fine"] * 300
        lines = self.write("lines.ndjson", text="".join(json.dumps({"headers": {}, "body": body}) + "\n" for body in bodies))
        data, rejects = os.path.join(self.folder, "data"), os.path.join(self.folder, "rejects.ndjson")
        code, out, err = house.echoloop("import", lines, "--adapter", "harm", "--tenant", "hongtu", "--data", data,
                                        "--config-dir", config, "--rejects", rejects)  # fmt: skip
        self.assertEqual(code, 0, err)
        counts = json.loads(out.splitlines()[-1])
        self.assertEqual((counts["read"], counts["skipped"], counts["rejected"]), (902, 900, 2), counts)
        with open(rejects, encoding="utf-8") as file:
            self.assertEqual([json.loads(line)["line"] for line in file], [301, 602])


class Workers(Case):
    """The processes that run adapters end with their server, however that ends."""

    def workers(self, server):
        found = []
        for task in os.listdir(f"/proc/{server.process.pid}/task"):
            with open(f"/proc/{server.process.pid}/task/{task}/children", encoding="ascii") as file:
                found += file.read().split()
        return found

    def test_none_outlives_a_server_that_is_stopped_or_killed(self):
        for end in ("stop", "kill"):
            with house.Server(self.folder) as server:
                self.assertEqual(self.workers(server), [])
                self.assertEqual(self.hook(server, "chatwoot", example_of("chatwoot")).status, 202)
                workers = self.workers(server)
                self.assertEqual(len(workers), 1)
                getattr(server, end)()
                # A process that has ended and is not yet waited for by its new parent has no program any more.
                house.wait_for(lambda: not any(self.runs(pid) for pid in workers), f"the end of {workers}")

    def runs(self, pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                return b"adapter-worker" in file.read()
        except (FileNotFoundError, ProcessLookupError):
            return False


class OneMorePlatform(Case):
    """A new adapter is a few files and a reload."""

    PROGRAM = """# Desk: one record an ended chat, with its stars if there are any.
include "lib/event";
webhook | .body
| if .kind != "ended" then {skip: "\\(.kind) is not needed"} else
    . as $d
    | ({tenant: $tenant, session_id: "desk-\\(.no)", closed_at: (.at | time), channel: "web", category: .topic}
       | event("echoloop.session.closed.v1"; "/desk"; "closed-\\($d.no)"; .closed_at)),
      (if .stars == null then empty else
         {tenant: $tenant, session_id: "desk-\\(.no)", evaluation_id: "desk-\\(.no)", submitted_at: (.at | time),
          score: {value: (.stars | number), min: 1, max: 5}, comment: .says}
         | event("echoloop.evaluation.submitted.v1"; "/desk"; "rated-\\($d.no)-\\($d.stars)"; .submitted_at) end)
  end
"""
    ENTRY = """  - name: desk
    file: desk.jq
    signature: {scheme: hmac-sha1, encoding: base64, header: X-Desk, secret_env: DESK_SECRET}
    example: examples/desk.ndjson
    expected: examples/desk.expected.ndjson
"""

    def record(self, number, stars):
        return {"kind": "ended", "no": number, "at": "2026-06-10T08:00:00Z", "topic": "delivery/late", "stars": stars, "says": "慢"}

    def add(self, config):
        adapters = os.path.join(config, "adapters")
        self.write("config", "adapters", "desk.jq", text=self.PROGRAM)
        example = self.write("config", "adapters", "examples", "desk.ndjson", text=json.dumps(self.record(1, 2)) + '\n{"kind": "typing"}\n')
        command = ["jq", "-c", "-L", adapters, "--arg", "tenant", "hongtu", "-f", os.path.join(adapters, "desk.jq"), example]
        made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.write("config", "adapters", "examples", "desk.expected.ndjson", text=made)
        with open(os.path.join(adapters, "adapters.yaml"), "a", encoding="utf-8") as file:
            file.write(self.ENTRY)

    def post(self, server, record):
        body = json.dumps(record, ensure_ascii=False).encode()
        return self.hook(server, "desk", body, {"X-Desk": base64.b64encode(mac("sha1", body).digest()).decode()})

    def feedback(self, server):
        server.wait_settled()
        found = server.items("/api/v1/feedback", tenant="hongtu")
        return {one["session_id"]: one["evaluations"][0]["score"]["value"] for one in found if one["session_id"].startswith("desk-")}

    def reload(self, server):
        answer = server.request("POST", "/api/v1/config/reload")
        self.assertEqual(answer.status, 200, answer)

    def test_is_written_checked_used_broken_and_mended_without_a_restart(self):
        config = self.copied_config()
        with house.Server(self.folder, config=config, environment={"DESK_SECRET": SECRET}) as server:
            self.assertEqual(self.hook(server, "desk", {}).status, 404)
            self.add(config)
            code, out, err = house.echoloop("check", "--config-dir", config)
            self.assertEqual(code, 0, err)
            self.assertIn("16 adapters", out)
            self.reload(server)

            self.assertEqual(self.hook(server, "desk", self.record(1, 2)).status, 401)
            self.assertEqual(self.post(server, self.record(1, 2)).json()["accepted"], 2)
            self.assertEqual(self.post(server, {"kind": "typing"}).json()["skipped"], ["typing is not needed"])
            lines = self.write("more.ndjson", text="".join(json.dumps(self.record(n, 5)) + "\n" for n in (2, 3)))
            code, out, err = house.echoloop("import", lines, "--adapter", "desk", "--tenant", "hongtu", "--server", server.url(),
                                            "--config-dir", config)  # fmt: skip
            self.assertEqual((code, json.loads(out.splitlines()[-1])["accepted"]), (0, 4), err)
            self.assertEqual(self.feedback(server), {"desk-1": 2, "desk-2": 5, "desk-3": 5})

            # Broken in a way that compiles: check says so, a reload takes it, documents are kept.
            self.write("config", "adapters", "desk.jq", text=self.PROGRAM.replace(".stars | number", ".stars + {}"))
            code, _, err = house.echoloop("check", "--config-dir", config)
            self.assertEqual(code, 3)
            self.assertIn("desk.ndjson:1: ", err)
            self.reload(server)
            for number in (4, 5, 6):
                answer = self.post(server, self.record(number, 4))
                self.assertEqual((answer.status, answer.json()["accepted"], len(answer.json()["rejected"])), (202, 0, 1), answer)
            server.wait_settled()
            letters = server.items("/api/v1/dead")
            self.assertEqual([(one["adapter"], one["tenant"]) for one in letters], [("desk", "hongtu")] * 3)
            self.assertIn("cannot be added", letters[0]["reason"])

            # Broken so that it does not compile: nothing is kept, the sender is told to come again.
            self.write("config", "adapters", "desk.jq", text="{type: 1,,}")
            self.reload(server)
            self.assertEqual(self.post(server, self.record(7, 4)).status, 503)

            self.write("config", "adapters", "desk.jq", text=self.PROGRAM)
            self.reload(server)
            code, out, err = house.echoloop("dead", "replay", *(one["id"] for one in letters), "--server", server.url())
            self.assertEqual(code, 0, out + err)
            self.assertEqual(self.post(server, self.record(7, 4)).json()["accepted"], 2)
            self.assertEqual(self.feedback(server), {"desk-1": 2, "desk-2": 5, "desk-3": 5, **{f"desk-{n}": 4 for n in (4, 5, 6, 7)}})
            self.assertEqual(server.items("/api/v1/dead", state="open"), [])


class Encoding(Case):
    def test_a_file_in_gb18030_keeps_its_text_through_an_adapter(self):
        # 㐀 and 𠀀 have four bytes in GB18030 and none in GBK.
        comment, topic = "客服态度很好，𠀀㐀，就是等太久了", "物流/配送超时"
        text = f"session_id,closed_at,category,score,comment,tags\ngb-1,2026-06-10 08:00,{topic},2,{comment},等太久\n"
        path = os.path.join(self.folder, "table.csv")
        with open(path, "w", encoding="gb18030") as file:
            file.write(text)
        with house.Server(self.folder) as server:
            code, out, err = house.echoloop("import", path, "--encoding", "GB18030", "--adapter", "csv", "--tenant", "hongtu",
                                            "--server", server.url())  # fmt: skip
            self.assertEqual((code, json.loads(out.splitlines()[-1])["accepted"]), (0, 2), err)
            server.wait_settled()
            session = server.get("/api/v1/sessions/gb-1", tenant="hongtu").json()
            self.assertIn(comment, json.dumps(session, ensure_ascii=False))
            self.assertIn(topic, json.dumps(session, ensure_ascii=False))
            self.assertEqual(session["counted"]["tags"], ["long-wait"])


if __name__ == "__main__":
    house.run_tests()
