#!/usr/bin/python3
"""From feedback to the right department: routing by the shipped configuration, one task per cause, and what people do with tasks."""

import tempfile
import unittest
from datetime import datetime, timedelta, timezone

import events
import server as house
from events import closed, rated

DEPARTMENTS = {
    "product-quality": ["design", "supply-chain"],
    "late-delivery": ["last-mile"],
    "bad-attitude": ["training"],
}
DAY = "2026-06-10"


def surge(tag, sessions, day=DAY, prefix="s", **more):
    """Sessions of one day whose customers all report the same."""
    out = []
    for number in range(sessions):
        name = f"{prefix}-{tag}-{number:04d}"
        at = f"{day}T{number % 12 + 1:02d}:{number % 60:02d}:00Z"
        out += [closed(name, at, **more), rated(name, at, score=None, tags=[tag])]
    return out


class Running(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="echoloop-tasks-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.server = house.Server(self.folder).start()
        self.addCleanup(self.server.__exit__)

    def feed(self, sent):
        self.server.post_events(sent)
        self.server.wait_settled()

    def tasks(self, rule=None, **parameters):
        found = self.server.tasks(tenant="hongtu", **parameters)
        return [task for task in found if rule is None or task["cause"]["rule"] == rule]

    def task(self, rule, **scope):
        found = [task for task in self.tasks(rule) if not scope or task["cause"]["scope"] == scope]
        self.assertEqual(len(found), 1, f"{rule} {scope}: {[(t['cause'], t['state']) for t in self.tasks()]}")
        return found[0]

    def command(self, task, command, if_match="*", by="li", **more):
        headers = {"Content-Type": "application/json"}
        if if_match is not None:
            headers["If-Match"] = if_match
        body = events.text({"command": command, "by": by, **more}).encode()
        return self.server.request("POST", f"/api/v1/tasks/{task['id']}/commands", body=body, headers=headers)

    def obey(self, task, command, **more):
        answer = self.command(task, command, **more)
        self.assertEqual(answer.status, 200, answer)
        seen = self.server.get(f"/api/v1/tasks/{task['id']}")
        self.assertEqual(seen.json(), answer.json(), "the next GET shows what the command answered")
        self.assertEqual(seen.headers["ETag"], answer.headers["ETag"])
        return answer.json()


class Routing(Running):
    def test_each_cause_goes_to_its_departments(self):
        for tag in DEPARTMENTS:
            self.feed(surge(tag, 31))
        for tag, departments in DEPARTMENTS.items():
            task = self.task("tag-surge", tag=tag)
            self.assertEqual(task["department"], departments[0])
            self.assertEqual(task["routing"]["departments"], departments)
            self.assertTrue(task["person"] and task["acknowledge_by"] and task["done_by"], task)

    def test_a_category_leads_to_its_department_too(self):
        bad = []
        for category, low in (("product/quality", 12), ("delivery/late", 12), ("gardening/tools", 12)):
            for number in range(24):
                name, at = f"{category}-{number}", f"{DAY}T05:{number:02d}:00Z"
                bad += [closed(name, at, category=category), rated(name, at, score=1 if number < low else 5)]
        self.feed(bad)
        found = {task["cause"]["scope"]["category"]: task["department"] for task in self.tasks("dissatisfied-category")}
        wanted = {"product/quality": "design", "delivery/late": "last-mile", "gardening/tools": "triage"}
        self.assertEqual(found, wanted)

    def test_words_that_customers_write_lead_there_as_their_tag_does(self):
        self.feed(surge("快遞慢", 31))
        self.assertEqual(self.task("tag-surge", tag="late-delivery")["department"], "last-mile")


class OneTaskPerCause(Running):
    def test_five_hundred_sessions_make_one_task_with_each_tier_once(self):
        sent = surge("late-delivery", 500)
        for at in range(0, len(sent), 100):
            self.feed(sent[at : at + 100])
        self.feed(sent[:200])  # once more: duplicates
        task = self.task("tag-surge", tag="late-delivery")
        self.assertEqual(task["count"], 500)
        self.assertEqual(task["severity"], "critical")
        escalations = [line["detail"] for line in task["history"] if line["what"] == "escalated"]
        self.assertEqual([text.split(" ")[1] for text in escalations], ["2", "3"], "the first tier opened it")
        self.assertEqual([line["what"] for line in task["history"]].count("opened"), 1)
        self.assertTrue(0 < len(task["sample"]) <= 10)
        exported = house.lines_of("export", "tasks", "--data", self.server.data, "--config-dir", house.CONFIG)
        self.assertEqual([t["count"] for t in exported if t["id"] == task["id"]], [500])

    def test_the_same_counts_in_one_batch_or_in_single_events(self):
        sent = surge("bad-attitude", 70)
        self.feed(sent[:60])
        for event in sent[60:]:
            self.server.post_events([event])
        self.server.wait_settled()
        self.assertEqual(self.task("tag-surge", tag="bad-attitude")["count"], 70)

    def test_withdrawn_evidence_leaves_the_count_and_at_last_the_task(self):
        self.feed(surge("lost-parcel", 40))
        self.assertEqual(self.task("tag-surge", tag="lost-parcel")["count"], 40)
        names = [f"s-lost-parcel-{number:04d}" for number in range(40)]
        self.feed([events.withdrawn(name) for name in names[:5]])
        task = self.task("tag-surge", tag="lost-parcel")
        self.assertEqual((task["count"], task["state"]), (35, "opened"))
        self.assertFalse(set(task["sample"]) & set(names[:5]), "withdrawn sessions are no examples")
        self.feed([events.withdrawn(name) for name in names[5:]])
        task = self.task("tag-surge", tag="lost-parcel")
        self.assertEqual((task["count"], task["state"]), (0, "cancelled"))
        self.feed(surge("lost-parcel", 33, prefix="again"))
        task = self.task("tag-surge", tag="lost-parcel")
        self.assertEqual((task["count"], task["state"]), (33, "opened"), "the cause is back, and with it the task")


class RedLines(Running):
    def test_one_event_opens_a_task_at_once(self):
        calls = {
            "by-tag": rated("by-tag", f"{DAY}T01:00:00Z", tags=["觸電"]),
            "by-word": rated("by-word", f"{DAY}T01:00:00Z", comment="充電的時候起火了！"),
            "by-agent": closed("by-agent", f"{DAY}T01:00:00Z", agent_tags=["unsafe"]),
            "by-change": events.retagged("by-change", f"{DAY}T01:00:00Z", add=["electric shock"]),
        }
        for event in calls.values():
            self.server.post_events([event])
        self.server.wait_settled()
        found = {task["cause"]["scope"]["session"]: task for task in self.tasks(kind="safety")}
        self.assertEqual(sorted(found), sorted(calls))
        for task in found.values():
            self.assertEqual((task["severity"], task["department"]), ("critical", "compliance"))

    def test_a_withdrawn_red_line_is_marked_and_stays(self):
        self.feed([rated("s", f"{DAY}T01:00:00Z", tags=["unsafe"])])
        self.feed([events.withdrawn("s")])
        task = self.task("safety")
        self.assertEqual((task["state"], task["evidence"]["withdrawn"]), ("opened", True))


class Commands(Running):
    def opened(self, tag="product-quality"):
        self.feed(surge(tag, 31))
        return self.task("tag-surge", tag=tag)

    def test_a_task_goes_from_opened_to_done(self):
        task = self.opened()
        steps = [
            ("acknowledge", {}, "acknowledged"),
            ("accept", {}, "accepted"),
            ("start", {"action_type": "product", "effective_from": "2026-06-12T00:00:00Z"}, "in_progress"),
            ("comment", {"text": "the mould is being changed"}, "in_progress"),
            ("done", {"note": "changed"}, "done"),
        ]
        for command, more, state in steps:
            self.assertEqual(self.obey(task, command, **more)["state"], state)
        history = self.task("tag-surge")["history"]
        self.assertEqual([line["what"] for line in history if line["who"] == "li"], [step[0] for step in steps])
        self.assertEqual(self.task("tag-surge")["action"]["type"], "product")

    def test_what_is_rejected_goes_on_to_the_next_then_to_triage_then_ends(self):
        task = self.opened()
        for department in ("supply-chain", "triage"):
            task = self.obey(task, "reject", reason="not ours")
            self.assertEqual((task["department"], task["state"]), (department, "opened"))
        task = self.obey(task, "reject", reason="nobody's")
        self.assertEqual(task["state"], "rejected")
        answer = self.command(task, "accept")
        self.assertEqual((answer.status, answer.json()["allowed"]), (409, []))

    def test_assign_gives_a_task_to_another_department_or_person(self):
        task = self.obey(self.opened(), "assign", department="service", person="wang")
        self.assertEqual((task["department"], task["person"], task["state"]), ("service", "wang", "opened"))
        self.assertEqual(self.command(task, "assign", department="nowhere").status, 422)

    def test_without_the_state_it_was_seen_in_nothing_is_done(self):
        task = self.opened()
        self.assertEqual(self.command(task, "accept", if_match=None).status, 428)
        seen = self.server.get(f"/api/v1/tasks/{task['id']}").headers["ETag"]
        self.assertEqual(self.command(task, "acknowledge", if_match=seen).status, 200)
        stale = self.command(task, "accept", if_match=seen)
        self.assertEqual(stale.status, 412)
        self.assertNotEqual(stale.headers["ETag"], seen)
        self.assertEqual(self.command(task, "accept", if_match=stale.headers["ETag"]).status, 200)

    def test_what_is_not_possible_says_what_is(self):
        answer = self.command(self.opened(), "done", note="?")
        self.assertEqual(answer.status, 409)
        self.assertEqual(sorted(answer.json()["allowed"]), ["accept", "acknowledge", "assign", "comment", "merge", "reject", "split"])
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")

    def test_whom_to_tell_stands_behind_a_task(self):
        sent = []
        for number in range(40):
            name, who = f"p{number:02d}", {} if number % 4 == 0 else {"customer_id": f"c{number % 30}"}
            at = f"{DAY}T{number % 12 + 1:02d}:00:00Z"
            sent += [closed(name, at, **who), rated(name, at, score=None, tags=["late-delivery"], evaluation="e1")]
        self.feed(sent)
        self.feed([events.withdrawn("p01")])
        task = self.task("tag-surge", tag="late-delivery")
        path = f"/api/v1/tasks/{task['id']}/customers"
        behind = self.pages(path=path, limit=7)
        self.assertEqual(len(behind), task["count"])
        wanted = [(f"p{n:02d}", None if n % 4 == 0 else f"c{n % 30}") for n in range(40) if n != 1]
        self.assertEqual([(one["session_id"], one["customer_id"]) for one in behind], wanted)
        self.assertFalse(any(one["told"] for one in behind))
        for command, more in (("accept", {}), ("start", {"action_type": "process", "effective_from": f"{DAY}T00:00:00Z"}), ("done", {"note": "new van"}), ("tell_customer", {"how": "sms", "customers": ["c2", "c3"]})):
            self.obey(task, command, **more)
        told = {one["session_id"] for one in self.pages(path=path, limit=50) if one["told"]}
        self.assertEqual(told, {"p02", "p03", "p33"})
        # More than fit into any list of a session; and a task without windows of its own has the sessions that it was given.
        self.feed(surge("product-quality", 300, prefix="q", customer_id="c-1"))
        many = self.task("tag-surge", tag="product-quality")
        split = many["sample"][:3]
        self.obey(many, "split", sessions=split)
        halves = [one for one in self.tasks() if one["sample"] and set(one["sample"]) <= set(split)]
        self.assertEqual(len(halves), 1)
        self.assertEqual({one["session_id"] for one in self.pages(path=f"/api/v1/tasks/{halves[0]['id']}/customers")}, set(split))
        for command, more in (("accept", {}), ("start", {"action_type": "product", "effective_from": f"{DAY}T00:00:00Z"}), ("done", {}), ("tell_customer", {"how": "sms", "customers": [f"c-{n}" for n in range(300)]})):
            self.obey(many, command, **more)
        recovery = [closed("r9", f"{DAY}T03:00:00Z", customer_id="c-9"), rated("r9", f"{DAY}T03:00:00Z", score=1, resolved="no", wants_contact=True)]
        self.feed(recovery)
        path = f"/api/v1/tasks/{self.task('unresolved-wants-contact')['id']}/customers"
        self.assertEqual(self.pages(path=path), [{"session_id": "r9", "customer_id": "c-9", "told": False}])
        self.assertEqual(self.server.get("/api/v1/tasks/nobody/customers").status, 404)

    def test_every_question_is_answered_as_if_all_tasks_were_read(self):
        for number in range(30):
            name = f"w{number}"
            self.feed([closed(name, f"{DAY}T03:00:{number:02d}Z", customer_id=name), rated(name, f"{DAY}T03:01:00Z", score=1, resolved="no", wants_contact=True, customer_id=name)])
        self.feed(surge("late-delivery", 40) + surge("bad-attitude", 40) + surge("product-quality", 40))
        later = (datetime.now(timezone.utc) + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for number, task in enumerate(self.tasks()):
            for command, more in (("accept", {}), ("hold", {"reason": "waits", "until": later}), ("resume", {}))[: number % 4]:
                self.obey(task, command, **more)
            if number % 7 == 0 and task["kind"] != "recovery":
                self.obey(task, "assign", department="triage")
        everything = self.tasks()
        self.assertGreater(len({(one["department"], one["state"], one["kind"]) for one in everything}), 5)
        departments, states, kinds = (sorted({one[name] for one in everything}) for name in ("department", "state", "kind"))
        asked = 0
        for department in [None, *departments]:
            for state in [None, *states, "opened,accepted", "closed"]:
                for kind in [None, *kinds]:
                    given = {k: v for k, v in (("department", department), ("state", state), ("kind", kind)) if v}
                    wanted = [one["id"] for one in everything if all(one[k] in v.split(",") for k, v in given.items())]
                    self.assertEqual([one["id"] for one in self.pages(**given)], wanted, given)
                    asked += len(wanted) > 3
        self.assertGreater(asked, 5)
        self.assertEqual([one["id"] for one in self.pages(overdue="false")], [one["id"] for one in everything])
        self.assertEqual(self.pages(overdue="true"), [])

    def pages(self, limit=3, path="/api/v1/tasks", **parameters):
        """All that a question finds, a few at a time."""
        found, cursor = [], None
        while True:
            more = {"cursor": cursor} if cursor else {}
            page = self.server.get(path, limit=limit, **more, **parameters).json()
            self.assertLessEqual(len(page["items"]), limit)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def test_a_recovery_is_closed_only_when_the_customer_was_told_and_the_customer_is_open_until_then(self):
        self.feed([closed("r1", f"{DAY}T03:00:00Z", customer_id="c-1"), rated("r1", f"{DAY}T03:00:00Z", score=1, resolved="no", wants_contact=True, customer_id="c-1")])
        self.feed([closed("r2", f"{DAY}T03:00:00Z", customer_id="c-2"), rated("r2", f"{DAY}T03:00:00Z", score=1, wants_contact=True, customer_id="c-2")])
        task = self.task("unresolved-wants-contact")
        issues = self.server.items("/api/v1/customers/open-issues", tenant="hongtu")
        self.assertEqual([one["customer_id"] for one in issues], ["c-1", "c-2"])
        self.assertIn(task["id"], [one["id"] for one in issues[0]["tasks"]])
        first = self.server.get("/api/v1/customers/open-issues", limit=1).json()
        self.assertEqual([one["customer_id"] for one in first["items"]], ["c-1"])
        second = self.server.get("/api/v1/customers/open-issues", limit=1, cursor=first["next_cursor"]).json()
        self.assertEqual(([one["customer_id"] for one in second["items"]], second["next_cursor"]), (["c-2"], None))
        for one in issues[0]["tasks"]:
            self.obey(one, "accept")
            self.assertEqual(self.obey(one, "hold", reason="等客户", until=self.soon())["state"], "on_hold")
            self.assertEqual(self.obey(one, "resume")["state"], "accepted")
            self.obey(one, "start", action_type="process", effective_from=f"{DAY}T00:00:00Z")
            self.obey(one, "done", note="改好了")
            refused = self.command(one, "close")
            self.assertEqual((refused.status, "tell_customer" in refused.json()["allowed"]), (409, True))
            told = self.obey(one, "tell_customer", how="phone")
            self.assertEqual((told["state"], told["told"]["customers"], told["clock"]["waits_for"]), ("customer_told", ["c-1"], "close"))
            ended = self.obey(one, "close")
            self.assertEqual((ended["state"], ended["clock"]), ("closed", None))
            self.assertEqual(sum(stay["ms"] for stay in ended["hand_overs"]), self.ms(ended["ended_at"]) - self.ms(ended["opened_at"]))
        left = self.server.items("/api/v1/customers/open-issues", customer="c-1")
        self.assertEqual(left, [])

    def test_a_hold_ends_by_itself_and_nobody_needs_to_send_anything(self):
        task = self.opened()
        self.obey(task, "acknowledge")
        until = datetime.now(timezone.utc) + timedelta(seconds=2)
        self.obey(task, "hold", reason="等", until=until.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        resumed = house.wait_for(lambda: self.tasks_in("acknowledged"), "the end of the hold")[0]
        self.assertEqual(resumed["history"][-1]["what"], "resumed")
        self.assertEqual(resumed["history"][-1]["at"], self.server.get(f"/api/v1/tasks/{task['id']}").json()["updated_at"])

    def tasks_in(self, state):
        return self.tasks(state=state)

    @staticmethod
    def soon():
        return (datetime.now(timezone.utc) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")

    @staticmethod
    def ms(text):
        return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)

    def test_bad_commands_are_refused(self):
        task = self.opened()
        self.assertEqual(self.command({"id": "0" * 32}, "accept").status, 404)
        self.assertEqual(self.command(task, "dance").status, 422)
        self.assertEqual(self.command(task, "reject").status, 422, "a reason is needed")
        headers = {"Content-Type": "application/json", "If-Match": "*"}
        broken = self.server.request("POST", f"/api/v1/tasks/{task['id']}/commands", body="[1", headers=headers)
        self.assertEqual(broken.status, 400)

    def test_lists_filter_by_department_state_and_kind(self):
        task = self.obey(self.opened(), "acknowledge")
        self.feed([rated("r", f"{DAY}T01:00:00Z", tags=["unsafe"])])
        for parameters in ({"department": "design"}, {"state": "acknowledged"}, {"kind": "improvement"}):
            self.assertEqual([t["id"] for t in self.tasks(**parameters)], [task["id"]], parameters)
        self.assertEqual([t["kind"] for t in self.tasks(kind="safety")], ["safety"])
        self.assertEqual(len(self.tasks(kind="safety,improvement")), 2)
        self.assertEqual(self.tasks(overdue="true"), [])


if __name__ == "__main__":
    house.run_tests()
