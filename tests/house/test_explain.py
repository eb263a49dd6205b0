#!/usr/bin/python3
"""Any number explains itself: the sessions listed behind a value add up to it, for random metrics, groups and periods of the sample.

    test_explain.py [--binary build/release/echoloop] [--questions 250] [--seed 1]
"""

import datetime
import os
import random
import subprocess
import sys
import tempfile
import unittest

import server as house

SESSIONS, FIRST_DAY, DAYS = 4000, datetime.date(2026, 3, 1), 30
DIMENSIONS = ("channel", "department", "group", "agent", "category", "category1", "tag", "agent_tag", "moment", "survey",
              "survey_version", "delay", "language", "bot")  # fmt: skip
CREDITED = ("csat_all_handlers", "csat_time_weighted")


QUESTIONS, SEED = house.take_number("--questions", 250), house.take_number("--seed", 1)


class Explain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="echoloop-explain-")
        cls.addClassCleanup(holder.cleanup)
        sample, data = os.path.join(holder.name, "sample.ndjson"), os.path.join(holder.name, "data")
        with open(sample, "wb") as out:
            subprocess.run([house.BINARY, "sample", "--sessions", str(SESSIONS)], stdout=out, check=True)
        code, _, err = house.echoloop("import", "--data", data, sample)
        if code != 0:
            raise AssertionError(err)
        cls.server = house.Server(holder.name, data=data).start()
        cls.addClassCleanup(cls.server.__exit__)

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


if __name__ == "__main__":
    house.run_tests()
