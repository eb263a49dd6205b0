#!/usr/bin/python3
"""Any number explains itself: the sessions listed behind a value add up to it, for random metrics, groups and periods of the sample; so do tasks, sessions
and events, through a server and without one.

    test_explain.py [--binary build/release/echoloop] [--questions 250] [--values 1000] [--seed 1]
"""

import collections
import datetime
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

import events
import server as house

SESSIONS, FIRST_DAY, DAYS = 4000, datetime.date(2026, 3, 1), 30
DIMENSIONS = ("channel", "department", "group", "agent", "category", "category1", "tag", "agent_tag", "moment", "survey",
              "survey_version", "delay", "language", "bot")  # fmt: skip
CREDITED = ("csat_all_handlers", "csat_time_weighted")


# What rules of the shipped configuration watch, from the measures of `export aggregates`: numerator, n (docs/aggregates.md).
YES, NO = (tuple(f"{agent}_{said}" for agent in ("unknown", "resolved", "unresolved")) for said in ("yes", "no"))
NINE = (*YES, *NO, "unknown_unanswered", "resolved_unanswered", "unresolved_unanswered")
MEASURES = {
    "dsat": (("csat_bottom",), ("csat_n",)),
    "evaluations": (("evaluations",), ("evaluations",)),
    "sessions": (NINE, NINE),
    "unresolved_rate": (NO, (*YES, *NO)),
}

VALUES = house.take_number("--values", 1000)
QUESTIONS, SEED = house.take_number("--questions", 250), house.take_number("--seed", 1)


def seconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def add_into(total, more):
    """Adds up numbers that stand at the same places."""
    for name, value in more.items():
        if isinstance(value, dict):
            add_into(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value


def load(folder, options):
    """A sample, and a data folder that holds it."""
    sample, data = os.path.join(folder, "sample.ndjson"), os.path.join(folder, "data")
    with open(sample, "wb") as out:
        subprocess.run([house.BINARY, "sample", *options], stdout=out, check=True)
    code, _, err = house.echoloop("import", "--data", data, sample)
    if code != 0:
        raise AssertionError(err)
    return sample, data


class Explain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="echoloop-explain-")
        cls.addClassCleanup(holder.cleanup)
        sample, data = load(holder.name, ["--sessions", str(SESSIONS)])
        cls.sample, cls.folder = sample, ["--data", data]
        cls.aggregates = house.lines_of("export", "aggregates", "--data", data)
        # Before there is a server: the command reads the folder itself.
        cls.offline = {words: house.echoloop("explain", *words, "--data", data) for words in cls.some_words(data)}
        cls.server = house.Server(holder.name, data=data).start()
        cls.addClassCleanup(cls.server.__exit__)

    @classmethod
    def some_words(cls, data):
        """Questions of every kind."""
        rng = random.Random(f"words/{SEED}")
        tasks = rng.sample(house.lines_of("export", "tasks", "--data", data), 6)
        with open(cls.sample, encoding="utf-8") as file:
            sent = rng.sample([json.loads(line) for line in file], 4)
        words = [("task", task["id"]) for task in tasks] + [("event", event["id"]) for event in sent]
        words += [("session", event["subject"], "--tenant", event["data"]["tenant"]) for event in sent]
        words += [("event", event["id"], "--session", event["subject"]) for event in sent]
        period = ("--from", "2026-03-05", "--to", "2026-03-12")
        words.append(("metric", "csat", "--tenant", "hongtu", "--group-by", "department,channel", *period, "--interval", "day"))
        words.append(("metric", "csat", "--tenant", "hongtu", "--filter", "channel=web", "--filter", "bot=unknown"))
        return words

    def get(self, path, **parameters):
        answer = self.server.get(path, **parameters)
        self.assertEqual(answer.status, 200, f"{path} {parameters}: {answer}")
        return answer.json()

    def behind(self, metric, **asked):
        """Every session of every page, and the value that they explain."""
        items, cursor = [], {}
        while True:
            page = self.get(f"/api/v1/metrics/{metric}/sessions", limit=200, **cursor, **asked)
            items += page["items"]
            if page["next_cursor"] is None:
                return items, page["value"]
            cursor = {"cursor": page["next_cursor"]}

    def question(self, rng, metrics):
        """A metric, a dimension and a period; the values asked for are what the answer groups by."""
        metric = rng.choice(metrics)
        dimension = rng.choice(("agent", "group", "department") if metric in CREDITED else DIMENSIONS)
        day = FIRST_DAY + datetime.timedelta(days=rng.randrange(DAYS))
        period = {"from": str(day), "to": str(day + datetime.timedelta(days=rng.choice((1, 2, 7))))}
        return metric, dimension, {"tenant": rng.choice(("hongtu", "hongtu", "anxin")), **period}

    def test_the_sessions_behind_a_value_add_up_to_it(self):
        print(f"seed {SEED}", file=sys.stderr)
        rng = random.Random(f"explain/{SEED}")
        metrics = [item["name"] for item in self.get("/api/v1/metrics")["items"]]
        asked = 0
        while asked < QUESTIONS:
            metric, dimension, period = self.question(rng, metrics)
            rows = self.get(f"/api/v1/metrics/{metric}", group_by=dimension, **period)["rows"]
            for row in rng.sample(rows, min(2, len(rows))):
                question = {**period, dimension: row["group"][dimension]}
                items, value = self.behind(metric, **question)
                where = f"{metric} {question}"
                self.assertEqual(sum(item["n"] for item in items), row["n"], where)
                self.assertAlmostEqual(sum(item["numerator"] for item in items), row["numerator"], 6, where)
                self.assertEqual({**value, "group": row["group"], "from": row["from"], "to": row["to"]}, row, where)
                sessions = [item["session_id"] for item in items]
                self.assertEqual(len(sessions), len(set(sessions)), where)
                self.assertEqual([item["bucket"] for item in items], sorted((item["bucket"] for item in items), reverse=True), where)
                asked += 1
        print(f"{asked} values", file=sys.stderr)

    def test_several_values_of_a_filter_list_a_session_once(self):
        items, value = self.behind("sessions", tenant="hongtu", tag="late-delivery,long-wait,bad-attitude,product-quality")
        self.assertEqual(len({item["session_id"] for item in items}), value["n"])
        self.assertGreater(value["n"], 20)

    def test_what_cannot_be_asked_is_told(self):
        for path, parameters, status in (("joy", {}, 404), ("csat", {"group_by": "channel"}, 400), ("csat", {"cursor": "x"}, 400)):
            answer = self.server.get(f"/api/v1/metrics/{path}/sessions", tenant="hongtu", **parameters)
            self.assertEqual(answer.status, status, answer)

    def test_every_row_lists_its_sessions(self):
        print(f"seed {SEED}", file=sys.stderr)
        rng = random.Random(f"rows/{SEED}")
        metrics = [item["name"] for item in self.get("/api/v1/metrics")["items"]]
        checked = listed = 0
        while checked < VALUES:
            metric, dimension, period = self.question(rng, metrics)
            asked = {"group_by": dimension, **period, "interval": rng.choice(("all", "day", "hour"))}
            if rng.random() < 0.3:
                asked["channel"] = rng.choice(("web", "app", "phone,web"))
            plain = self.get(f"/api/v1/metrics/{metric}", **asked)
            explained = self.get(f"/api/v1/explain/metric/{metric}", **asked)
            for row in explained["rows"]:
                where = f"{metric} {asked} {row['group']}"
                sessions = row.pop("sessions")
                self.assertEqual(sum(one["n"] for one in sessions), row["n"], where)
                self.assertAlmostEqual(sum(one["numerator"] for one in sessions), row["numerator"], 6, where)
                self.assertEqual(len({one["session_id"] for one in sessions}), len(sessions), where)
                order = sorted(sessions, key=lambda one: one["session_id"])
                self.assertEqual(sessions, sorted(order, key=lambda one: one["bucket"], reverse=True), where)
                checked, listed = checked + 1, listed + len(sessions)
            self.assertEqual(explained, plain, "but for the sessions")
        print(f"{checked} values, {listed} sessions", file=sys.stderr)

    def test_what_all_sessions_add_is_the_cube(self):
        total = {}
        with open(self.sample, encoding="utf-8") as file:
            sessions = {(event["data"]["tenant"], event["data"]["session_id"]) for event in map(json.loads, file)}
        seen = collections.Counter()
        for tenant, session in sessions:
            told = self.get(f"/api/v1/explain/session/{session}", tenant=tenant)
            seen.update(event["state"] for event in told["events"])
            for row in told["adds"]:
                place = (row["tenant"], tuple(row["dimensions"]), row["bucket"], tuple(row["values"]))
                add_into(total.setdefault(place, {}), row["measures"])
        wanted = {(r["tenant"], tuple(r["dimensions"]), r["bucket"], tuple(r["values"])): r["measures"] for r in self.aggregates}
        self.assertEqual(total, wanted)
        print(dict(seen), file=sys.stderr)
        self.assertGreater(min(seen["applied"], seen["duplicate"], seen["superseded"]), 0)

    def test_a_session_names_the_tasks_that_rest_on_it(self):
        tasks = self.server.tasks()
        for task in random.Random(SEED).sample(tasks, min(40, len(tasks))):
            for session in task["sample"][:3]:
                told = self.get(f"/api/v1/explain/session/{session}", tenant=task["tenant"])
                self.assertIn(task["id"], [one["id"] for one in told["tasks"]], task)

    def test_the_command_says_the_same_with_and_without_a_server(self):
        for words, (code, out, err) in self.offline.items():
            self.assertEqual(code, 0, f"{words}: {err}")
            for place in (["--server", self.server.url()], self.folder):
                again = house.echoloop("explain", *words, *place)
                self.assertEqual(again, (0, out, ""), words)
        (rows,) = [json.loads(out)["rows"] for words, (_, out, _) in self.offline.items() if "channel=web" in words]
        self.assertEqual(sum(one["n"] for one in rows[0]["sessions"]), rows[0]["n"])

    def test_events_of_the_sample_are_found(self):
        with open(self.sample, encoding="utf-8") as file:
            sent = [json.loads(line) for line in file]
        times = collections.Counter(event["id"] for event in sent)
        twice = [event for event in sent if times[event["id"]] > 1][:3]
        self.assertTrue(twice)
        for event in random.Random(SEED).sample(sent, 10) + twice:
            told = self.get(f"/api/v1/explain/event/{event['id']}", source=event["source"])
            self.assertEqual(len(told["items"]), times[event["id"]])
            self.assertEqual({item["session_id"] for item in told["items"]}, {event["subject"]})
            states = [item["state"] for item in told["items"]]
            self.assertEqual(states.count("duplicate"), times[event["id"]] - 1, told)
            for item in told["items"][1:]:
                self.assertEqual(item["duplicate_of"], told["items"][0]["place"])


class Tasks(unittest.TestCase):
    """The whole sample of the README: every task that it opens."""

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="echoloop-tasks-")
        cls.addClassCleanup(holder.cleanup)
        data = load(holder.name, [])[1]
        cls.aggregates = house.lines_of("export", "aggregates", "--data", data)
        cls.server = house.Server(holder.name, data=data).start()
        cls.addClassCleanup(cls.server.__exit__)

    def test_the_windows_of_every_task_have_the_numbers_of_the_aggregates(self):
        cells = collections.defaultdict(list)
        for row in self.aggregates:
            cells[row["tenant"], tuple(row["dimensions"]), tuple(row["values"])].append((row["bucket"], row["measures"]))
        kinds, windows = collections.Counter(), 0
        for task in self.server.tasks():
            told = self.server.get(f"/api/v1/explain/task/{task['id']}").json()
            kinds[told["rule"]["kind"]] += 1
            self.assertEqual(told["rule"]["version"], task["cause"]["rule_version"])
            self.assertEqual(told["routing"]["departments"], task["routing"]["departments"])
            self.assertTrue(told["routing"]["matched"] or told["routing"]["departments"] == ["triage"], told["routing"])
            for name, wanted in (told["routing"]["matched"] or {}).items():
                self.assertTrue(any(value == wanted or value.startswith(wanted + "/") for value in told["routing"]["asked"][name]))
            notes = ["no window satisfies the rule by the numbers of now"] if task["state"] == "cancelled" else []
            self.assertEqual((told["history"], told["notes"]), (task["history"], notes))
            if told["rule"]["kind"] != "threshold":
                self.assertEqual((told["session"]["session_id"], told["session"]["holds_now"]), (task["sample"][0], True))
                continue
            rule, scope = told["rule"]["now"], told["scope"]
            self.assertEqual(sum(window["evidence"] for window in told["windows"]), task["count"], told)
            self.assertEqual(set(task["sample"]) if task["state"] != "cancelled" else set(), set(task["sample"]) & {session for window in told["windows"] for session in window["sample"]})
            place = (task["tenant"], tuple(rule["group_by"]), tuple(scope[name] for name in rule["group_by"]))

            def counted(window, place=place, metric=rule["metric"]):
                begin, end = seconds(window["from"]), seconds(window["to"])
                sums = collections.Counter()
                for bucket, measures in cells[place]:
                    if begin <= bucket < end:
                        sums.update({name: value for name, value in measures.items() if isinstance(value, int)})
                return tuple(sum(sums[name] for name in names) for names in MEASURES[metric])

            for window in told["windows"]:
                wanted = counted(window)
                self.assertEqual((window["now"]["numerator"], window["now"]["n"]), wanted, f"{place} {window}")
                self.assertEqual((window["numerator"], window["n"]), wanted, f"{place} {window}")
                self.assertEqual((window["now"]["tier"], window["now"]["evidence"]), (window["tier"], window["evidence"]), window)
                self.assert_reaches(rule["tiers"][window["tier"] - 1]["bound"], window["now"], rule)
                windows += 1
            opening = told["opening"]
            self.assertEqual((opening["now"]["numerator"], opening["now"]["n"]), counted(opening))
            # What came after may have taken the first window below the bound again.
            self.assertEqual(opening["from"] in [window["from"] for window in told["windows"]], opening["now"]["tier"] > 0)
            self.assert_reaches(opening["bound"], opening, rule)
        print(f"{dict(kinds)}, {windows} windows", file=sys.stderr)
        self.assertGreater(min(kinds["recovery"], kinds["red_line"]), 0)
        self.assertGreater(kinds["threshold"], 5)

    def assert_reaches(self, bound, numbers, rule):
        """What a window says satisfies the rule by what it says."""
        self.assertGreaterEqual(numbers["n"], rule["minimum_n"])
        if rule["usual_windows"] is not None:
            self.assertGreaterEqual(numbers["value"] / numbers["usual"]["value"] - 1, bound - 1e-9, numbers)
        elif rule["below"]:
            self.assertLessEqual(numbers["value"], bound)
        else:
            self.assertGreaterEqual(numbers["value"], bound)


DAY = "2026-06-10"


class Fates(unittest.TestCase):
    """A session that everything happens to."""

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="echoloop-fates-")
        cls.addClassCleanup(holder.cleanup)
        cls.server = house.Server(holder.name).start()
        cls.addClassCleanup(cls.server.__exit__)
        own = {
            "old close": events.closed("a", f"{DAY}T08:00:00Z", channel="app"),
            "close": events.closed("a", f"{DAY}T09:00:00Z", channel="web", agent_tags=["long-wait"]),
            "first rating": events.rated("a", f"{DAY}T09:10:00Z", score=1, evaluation="e1"),
            "second rating": events.rated("a", f"{DAY}T09:20:00Z", score=5, evaluation="e2", tags=["bad-attitude"]),
            "corrected rating": events.rated("a", f"{DAY}T09:30:00Z", score=4, evaluation="e2", tags=["bad-attitude"]),
            "rating taken back": events.rated("a", f"{DAY}T09:40:00Z", score=2, evaluation="e3"),
            "withdrawal": events.withdrawn("a", evaluation="e3"),
            "tag": events.retagged("a", f"{DAY}T10:00:00Z", add=["late-delivery"]),
            "tag overridden": events.retagged("a", f"{DAY}T09:50:00Z", remove=["late-delivery"]),
            "partly": events.retagged("a", f"{DAY}T09:55:00Z", add=["lost-parcel"], remove=["late-delivery"]),
        }
        cls.ids = {name: event["id"] for name, event in own.items()}
        cls.server.post_events([*own.values(), own["close"]])
        cls.server.post_events([{**own["tag"], "time": f"{DAY}T11:00:00Z"}])
        cls.bad = events.closed("b", "soon")
        cls.server.post_lines(json.dumps(cls.bad) + "\n")
        cls.server.wait_settled()

    def event(self, name, **asked):
        answer = self.server.get(f"/api/v1/explain/event/{name}", **asked)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def test_each_event_says_what_became_of_it(self):
        told = self.server.get("/api/v1/explain/session/a").json()
        states = collections.defaultdict(list)
        for line in told["events"]:
            states[line["event"]["id"]].append(line["state"])
        wanted = {
            "old close": ["superseded"],
            "close": ["applied", "duplicate"],
            "first rating": ["superseded"],
            "second rating": ["superseded"],
            "corrected rating": ["applied"],
            "rating taken back": ["withdrawn"],
            "withdrawal": ["applied"],
            "tag": ["applied", "duplicate"],
            "tag overridden": ["overridden"],
            "partly": ["partly_overridden"],
        }
        self.assertEqual({name: states[id] for name, id in self.ids.items()}, wanted)
        for line in told["events"]:
            self.assertTrue(line["why"], line)
        counts = {(one["by"], one["tag"], one["says"]) for one in told["tags_said"] if one["counts"]}
        self.assertEqual(
            counts,
            {("customer", "bad-attitude", "add"), ("customer", "late-delivery", "add"), ("customer", "lost-parcel", "add"),
             ("agent", "long-wait", "add")},
        )  # fmt: skip
        (whole,) = [row for row in told["adds"] if not row["dimensions"]]
        self.assertEqual((whole["measures"]["csat_n"], whole["measures"]["csat_top"]), (1, 1))
        self.assertEqual(whole["bucket"], seconds(f"{DAY}T09:00:00Z"))

    def test_an_event_is_found_with_and_without_its_session(self):
        for name, state in (("old close", "superseded"), ("rating taken back", "withdrawn"), ("tag overridden", "overridden")):
            for more in ({}, {"session": "a"}, {"session": "a", "tenant": "hongtu"}, {"source": "/tests/house"}):
                told = self.event(self.ids[name], **more)
                self.assertEqual((told["state"], [item["session_id"] for item in told["items"]]), (state, ["a"]), more)
                self.assertEqual(told["searched"]["what"], "session" if "session" in more else "log")
        told = self.event(self.ids["close"])
        self.assertEqual([item["state"] for item in told["items"]], ["applied", "duplicate"])
        self.assertEqual(told["items"][1]["duplicate_of"], told["items"][0]["place"])

    def test_a_refused_event_names_its_letter(self):
        told = self.event(self.bad["id"])
        (item,) = told["items"]
        (letter,) = self.server.items("/api/v1/dead")
        self.assertEqual((told["state"], item["dead_letter"]["id"], item["why"]), ("dead_lettered", letter["id"], letter["reason"]))

    def test_what_is_nowhere_is_unknown(self):
        for more in ({}, {"session": "a"}, {"session": "zzz"}, {"source": "/elsewhere"}):
            name = self.ids["close"] if "source" in more else "nothing"
            told = self.event(name, **more)
            self.assertEqual((told["state"], told["items"], told["next_cursor"]), ("unknown", [], None))
        self.assertEqual(house.echoloop("explain", "event", "nothing", "--server", self.server.url())[0], 1)
        for what in ("task", "session"):
            self.assertEqual(self.server.get(f"/api/v1/explain/{what}/nothing").status, 404)
            code, out, err = house.echoloop("explain", what, "nothing", "--server", self.server.url())
            self.assertEqual((code, out, "nothing" in err), (1, "", True), err)

    def test_wrong_questions_are_wrong_use(self):
        through = ["--server", self.server.url()]
        for words in (
            [], ["task"], ["task", "a", "b"], ["mood", "a"], ["metric", "csat", "--filter", "web"], ["metric", "csat", "--tenant", "hongtu", "--filter", "x=y"],
            ["metric", "csat"], ["task", "x", "--from", "2026-03-01"], ["session", "a", "--source", "/x"], ["metric", "csat", "--interval", "second"],
        ):  # fmt: skip
            self.assertEqual(house.echoloop("explain", *words, *through)[0], 2, words)
        self.assertEqual(house.echoloop("explain", "metric", "joy", "--tenant", "hongtu", *through)[0], 1)


if __name__ == "__main__":
    house.run_tests()
