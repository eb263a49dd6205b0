#!/usr/bin/python3
"""What a client may rely on: keys that make commands safe to repeat, preconditions, cursors, tenants nobody configured, dead letters one after the other."""

import json
import tempfile
import unittest

import events
import server as house
from events import rated

DAY = "2026-06-10"


def unsafe(session, tenant="hongtu"):
    """A red line: opens a task by itself."""
    return rated(session, f"{DAY}T01:00:00Z", tags=["unsafe"], tenant=tenant)


class Running(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="echoloop-api-")
        self.addCleanup(folder.cleanup)
        self.server = house.Server(folder.name).start()
        self.addCleanup(self.server.__exit__)

    def feed(self, sent):
        self.server.post_events(sent)
        self.server.wait_settled()

    def opened(self, *sessions, tenant="hongtu"):
        """The ids of tasks opened by these sessions, in their order."""
        self.feed([unsafe(session, tenant) for session in sessions])
        found = {t["cause"]["scope"]["session"]: t["id"] for t in self.server.tasks(tenant=tenant)}
        return [found[session] for session in sessions]

    def send(self, task, body, key=None, if_match="*", **more):
        headers = {"Content-Type": "application/json", "If-Match": if_match, **more}
        if key is not None:
            headers["Idempotency-Key"] = key
        body = body if isinstance(body, str) else json.dumps(body)
        return self.server.request("POST", f"/api/v1/tasks/{task}/commands", body=body, headers=headers)

    def pointers(self, answer):
        return [one["pointer"] for one in answer.json()["errors"]]

    def comments(self, task):
        return [h["why"] for h in self.server.get(f"/api/v1/tasks/{task}").json()["history"] if h["what"] == "comment"]


class Keys(Running):
    HELLO = {"command": "comment", "by": "li", "text": "hello"}

    def test_the_same_key_and_body_is_done_once_and_answered_as_the_first_time(self):
        (task,) = self.opened("a")
        first = self.send(task, self.HELLO, "k")
        # Order of keys, state it was seen in, time: none of it makes another command.
        again = self.send(task, dict(reversed(self.HELLO.items())), "k", if_match=first.headers["ETag"])
        self.assertEqual((first.status, again.status), (200, 200))
        self.assertEqual(again.json(), first.json())
        self.assertEqual(self.comments(task), ["hello"])

    def test_a_refusal_is_repeated_too(self):
        (task,) = self.opened("a")
        for _ in range(2):
            self.assertEqual(self.send(task, {"command": "done", "by": "li"}, "k").status, 409)

    def test_another_body_or_task_under_a_used_key_is_refused_and_not_done(self):
        task, other = self.opened("a", "b")
        (foreign,) = self.opened("c", tenant="anxin")
        self.assertEqual(self.send(task, self.HELLO, "k").status, 200)
        for target, body in (
            (task, {**self.HELLO, "text": "bye"}),
            (task, {"command": "acknowledge", "by": "li"}),
            (other, self.HELLO),
            (foreign, self.HELLO),
        ):
            answer = self.send(target, body, "k")
            self.assertEqual(answer.status, 422, answer)
            self.assertEqual(self.pointers(answer), ["/headers/idempotency-key"])
        self.assertEqual([self.comments(t) for t in (task, other, foreign)], [["hello"], [], []])
        self.assertEqual(self.server.get(f"/api/v1/tasks/{task}").json()["state"], "opened")
        self.assertEqual(self.send(other, self.HELLO, "another key").status, 200)

    def test_a_request_id_is_no_key(self):
        (task,) = self.opened("a")
        for text in ("one", "two", "two"):
            answer = self.send(task, {**self.HELLO, "text": text}, **{"X-Request-Id": "trace-1"})
            self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.comments(task), ["one", "two", "two"])


class Bodies(Running):
    def test_a_key_that_stands_twice_is_a_bad_request(self):
        (task,) = self.opened("a")
        for body, pointer in (
            ('{"command":"acknowledge","command":"comment","by":"li","text":"x"}', "/command"),
            ('{"command":"comment","by":"li","text":"x","more":{"a":1,"\\u0061":2}}', "/more/a"),
        ):
            answer = self.send(task, body)
            self.assertEqual(answer.status, 400, answer)
            self.assertEqual(self.pointers(answer), [pointer])
        self.assertEqual(self.server.get(f"/api/v1/tasks/{task}").json()["state"], "opened")

    def test_pointers_lead_into_the_body_or_to_the_header(self):
        (task,) = self.opened("a")
        for body, more, pointer in (
            ({"command": "dance", "by": "li"}, {}, "/command"),
            ({"command": "reject", "by": "li"}, {}, "/reason"),
            ({"command": "accept"}, {}, "/by"),
            ({"command": "accept", "by": "li"}, {"key": "k" * 300}, "/headers/idempotency-key"),
            ({"command": "accept", "by": "li"}, {"if_match": '"' + "1" * 300 + '"'}, "/headers/if-match"),
        ):
            answer = self.send(task, body, **more)
            self.assertEqual(answer.status, 422, answer)
            self.assertEqual(self.pointers(answer), [pointer])
            self.assertNotIn("/data", answer.json()["detail"])
        for body in ("[1", "[]", ""):
            self.assertEqual(self.send(task, body).status, 400, body)


class Preconditions(Running):
    def test_a_list_matches_when_any_of_its_tags_does(self):
        (task,) = self.opened("a")
        etag = self.server.get(f"/api/v1/tasks/{task}").headers["ETag"]
        say = {"command": "comment", "by": "li", "text": "x"}
        for tags in ('"x", "y"', f"W/{etag}", f'"a,{etag[1:-1]}"', etag[1:-1]):
            self.assertEqual(self.send(task, say, if_match=tags).status, 412, tags)
        done = self.send(task, say, if_match=f'"x,y", {etag}')
        self.assertEqual(done.status, 200, done)
        self.assertEqual(self.send(task, say, if_match=f'{done.headers["ETag"]},"x"').status, 200)


class Cursors(Running):
    def first_page(self, path, **parameters):
        answer = self.server.get(path, limit=1, **parameters)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(len(answer.json()["items"]), 1, path)
        return answer.json()["next_cursor"]

    def test_a_cursor_belongs_to_its_list_tenant_and_filters(self):
        for tenant in ("hongtu", "anxin"):
            sent = []
            for session in "abc":
                sent += [events.closed(session, f"{DAY}T00:00:00Z", tenant=tenant, channel="web"), unsafe(session, tenant)]
                sent.append(unsafe(f"{session}-orphan", tenant))
            self.feed(sent)
        self.server.post_lines("{}\n{}\n{}\n")
        self.server.wait_settled()
        lists = [
            ("/api/v1/feedback", {"tenant": "hongtu"}),
            ("/api/v1/feedback", {"tenant": "anxin"}),
            ("/api/v1/feedback", {"tenant": "hongtu", "channel": "web"}),
            ("/api/v1/feedback", {"tenant": "hongtu", "channel": "web", "resolved": "unanswered"}),
            ("/api/v1/tasks", {}),
            ("/api/v1/tasks", {"tenant": "hongtu"}),
            ("/api/v1/tasks", {"kind": "safety"}),
            ("/api/v1/dead", {}),
            ("/api/v1/dead", {"state": "all"}),
            ("/api/v1/orphans", {"tenant": "hongtu"}),
            ("/api/v1/orphans", {"tenant": "anxin"}),
        ]
        cursors = [self.first_page(path, **parameters) for path, parameters in lists]
        for at, (path, parameters) in enumerate(lists):
            for of, cursor in enumerate(cursors):
                answer = self.server.get(path, cursor=cursor, **parameters)
                self.assertEqual(answer.status, 200 if at == of else 400, f"{lists[of]} on {lists[at]}: {answer}")
        last = self.server.get("/api/v1/feedback", cursor=cursors[3], resolved="unanswered", limit=7, channel="web", tenant="hongtu")
        self.assertEqual(last.status, 200, "neither order nor limit are filters")


class Feedback(Running):
    def test_a_period_may_begin_or_end_with_time_itself(self):
        """Midnight of 1970-01-01 in Shanghai lies before the first millisecond that keys know."""
        self.feed([events.closed("a", f"{DAY}T00:00:00Z"), unsafe("a")])
        found = [self.server.get("/api/v1/feedback", tenant="hongtu", **{end: "1970-01-01"}).json()["items"] for end in ("from", "to")]
        self.assertEqual([[one["session_id"] for one in items] for items in found], [["a"], []])


class Tenants(Running):
    def test_tasks_of_tenants_that_nobody_configured_are_there(self):
        sessions = {tenant: self.opened(f"s-{tenant}", tenant=tenant)[0] for tenant in ("hongtu", "anxin", "ghost", "ghost2", "z")}
        self.assertEqual({t["tenant"]: t["id"] for t in self.server.tasks()}, sessions)
        self.assertEqual([t["tenant"] for t in self.server.tasks(tenant="ghost")], ["ghost"])
        for tenant, task in sessions.items():
            self.assertEqual(self.server.get(f"/api/v1/tasks/{task}").json()["tenant"], tenant)
            answer = self.send(task, {"command": "acknowledge", "by": "li"})
            self.assertEqual((answer.status, answer.json()["tenant"]), (200, tenant), answer)
            self.assertEqual(self.server.get(f"/api/v1/tasks/{task}", tenant="nobody").status, 404)


class DeadLetters(Running):
    def letter(self, document):
        self.server.request("POST", "/api/v1/events", body=document, headers={"Content-Type": "application/x-ndjson"})
        self.server.wait_settled()
        return self.server.items("/api/v1/dead")[0]["id"]

    def test_what_was_dropped_is_dropped_for_the_next_request(self):
        for number in range(5):
            path = f"/api/v1/dead/{self.letter('{}')}"
            self.assertEqual(self.server.request("DELETE", path).status, 204)
            self.assertEqual(self.server.request("DELETE", path).status, 409, number)
            self.assertEqual(self.server.request("POST", f"{path}/replay").status, 409)
            self.assertEqual(self.server.get(path).json()["state"], "dropped")

    def test_what_was_replayed_in_vain_shows_it_at_once(self):
        path = f"/api/v1/dead/{self.letter('{}')}"
        for replays in (1, 2):
            self.assertEqual(len(self.server.request("POST", f"{path}/replay").json()["rejected"]), 1)
            self.assertEqual(self.server.get(path).json()["replays"], replays)

    def test_a_command_by_event_that_cannot_be_done_is_a_letter_and_may_be_sent_again(self):
        (task,) = self.opened("a")

        def command(name, **more):
            data = {"tenant": "hongtu", "task_id": task, "command": name, "by": "li", **more}
            return {"specversion": "1.0", "type": "echoloop.task.command.v1", "source": "/desk", "id": name, "data": data}

        def state():
            return self.server.get(f"/api/v1/tasks/{task}").json()["state"]

        self.feed([command("done")])
        (letter,) = self.server.items("/api/v1/dead", tenant="hongtu")
        self.assertIn("'done' is not possible while the task is opened; possible: ", letter["reason"])
        self.assertIn("echoloop_dead_letters_open 1", self.server.get("/metrics").body.decode())
        self.feed([command("accept"), command("start", action_type="training", effective_from=f"{DAY}T00:00:00Z")])
        self.assertEqual(self.server.request("POST", f"/api/v1/dead/{letter['id']}/replay").status, 202)
        self.server.wait_settled()
        self.assertEqual(state(), "done")
        self.assertEqual(self.server.items("/api/v1/dead", tenant="hongtu"), [])
        self.assertIn("echoloop_dead_letters_open 0", self.server.get("/metrics").body.decode())

    def test_what_was_replayed_is_settled_for_the_next_request(self):
        document = json.dumps({"document": events.closed("s", f"{DAY}T00:00:00Z"), "reason": "by mistake"})
        self.server.request("POST", "/api/v1/dead", body=document, headers={"Content-Type": "application/x-ndjson"})
        self.server.wait_settled()
        path = f"/api/v1/dead/{self.server.items('/api/v1/dead')[0]['id']}"
        self.assertEqual(self.server.request("POST", f"{path}/replay").json()["accepted"], 1)
        self.assertEqual(self.server.request("POST", f"{path}/replay").status, 409)
        self.assertEqual(self.server.request("DELETE", path).status, 409)


if __name__ == "__main__":
    house.run_tests()
