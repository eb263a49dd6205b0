#!/usr/bin/python3
"""A public support desk's answers (../shared/data/shopzilla), imported by the shipped adapter: what the API says equals an independent
computation from the CSV: CSAT, n and Wilson interval in all, per channel, per category and per first level of category."""

import collections
import csv
import math
import os
import shutil
import sys
import tempfile
import unittest

import yaml

import server as house

FILE = os.path.realpath(os.path.join(house.ROOT, "..", "shared", "data", "shopzilla", "support_csat.csv"))
ROWS = 10_392
TENANT = "shopzilla"
Z = 1.959963984540054  # of the two-sided 95 %
SHOWN_FROM = 5  # csat's minimum_n in config/metrics.yaml
COLUMNS = {
    "channel": lambda row: row["channel_name"].strip(),
    # A path's first level ends at its first slash, and the desk has a category "App/website".
    "category1": lambda row: row["category"].strip().split("/")[0],
    "category": lambda row: "/".join(part.strip() for part in (row["category"], row["Sub-category"]) if part.strip()),
    "group": lambda row: row["Supervisor"].strip(),
}


def wilson(top, n):
    """E. B. Wilson, 1927: the score interval of a proportion."""
    share, square = top / n, Z * Z
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return centre - half, centre + half


def one_tenant(folder):
    """The shipped configuration with this tenant alone."""
    shutil.copytree(house.CONFIG, folder)
    path = os.path.join(folder, "organisation.yaml")
    with open(path, encoding="utf-8") as file:
        content = yaml.safe_load(file)
    content["tenants"] = [{"id": TENANT, "name": {"zh": "商店", "en": "Shopzilla"}, "timezone": "Asia/Kolkata"}]
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(content, file, allow_unicode=True)


@unittest.skipUnless(os.path.exists(FILE), f"{FILE} is not here")
class Shopzilla(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="echoloop-shopzilla-")
        cls.addClassCleanup(holder.cleanup)
        config = os.path.join(holder.name, "config")
        one_tenant(config)
        cls.server = house.Server(holder.name, config=config)
        places = ["--data", cls.server.data, "--config-dir", config]
        cls.summary = house.lines_of("import", FILE, "--adapter", "support-csv", *places)[-1]
        cls.again = house.lines_of("import", FILE, "--adapter", "support-csv", *places)[-1]
        cls.server.start()
        cls.addClassCleanup(cls.server.__exit__)
        with open(FILE, encoding="utf-8-sig", newline="") as file:
            cls.rows = list(csv.DictReader(file))

    def expected(self, value_of):
        counts = collections.defaultdict(lambda: [0, 0])
        for row in self.rows:
            score = row["CSAT Score"].strip()
            if score:
                count = counts[value_of(row) or "unknown"]
                count[0] += float(score) >= 4
                count[1] += 1
        return counts

    def answer(self, metric="csat", **parameters):
        answer = self.server.get(f"/api/v1/metrics/{metric}", interval="all", **parameters)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()["rows"]

    def check(self, row, top, n):
        where = row["group"]
        self.assertEqual((row["numerator"], row["n"]), (top, n), where)
        if n < SHOWN_FROM:
            self.assertIsNone(row["value"], where)
            self.assertTrue(row["suppressed"], where)
            return
        low, high = wilson(top, n)
        self.assertAlmostEqual(row["value"], top / n, delta=1e-12, msg=where)
        self.assertEqual((row["interval"]["level"], row["interval"]["method"]), (0.95, "wilson"))
        self.assertAlmostEqual(row["interval"]["low"], low, delta=1e-9, msg=where)
        self.assertAlmostEqual(row["interval"]["high"], high, delta=1e-9, msg=where)

    def test_every_row_is_read_and_goes_in_once(self):
        told = {name: self.summary[name] for name in ("read", "duplicate", "rejected", "skipped")}
        self.assertEqual(told, {"read": ROWS, "duplicate": 0, "rejected": 0, "skipped": 0})
        scored = sum(1 for row in self.rows if row["CSAT Score"].strip())
        self.assertEqual(self.summary["accepted"], ROWS + scored)
        self.assertEqual((self.again["accepted"], self.again["duplicate"]), (0, ROWS + scored))

    def test_sessions_are_the_rows(self):
        self.assertEqual([row["n"] for row in self.answer("sessions")], [len({row["Unique id"] for row in self.rows})])

    def test_the_whole_equals(self):
        (row,) = self.answer()
        ((top, n),) = self.expected(lambda row: "all").values()
        self.check(row, top, n)
        print(f"csat {row['value']:.4f} [{row['interval']['low']:.4f}, {row['interval']['high']:.4f}], n {n}", file=sys.stderr)

    def test_each_group_equals(self):
        for dimension, value_of in COLUMNS.items():
            with self.subTest(dimension):
                rows = {row["group"][dimension]: row for row in self.answer(group_by=dimension)}
                expected = self.expected(value_of)
                self.assertEqual(sorted(rows), sorted(expected))
                for value, (top, n) in expected.items():
                    self.check(rows[value], top, n)

    def test_a_filter_shows_the_same_as_its_group(self):
        for value, (top, n) in self.expected(COLUMNS["channel"]).items():
            (row,) = self.answer(channel=value)
            self.check(row, top, n)

    def test_days_add_up_to_the_whole(self):
        answer = self.server.get("/api/v1/metrics/csat", interval="day").json()["rows"]
        ((top, n),) = self.expected(lambda row: "all").values()
        self.assertGreater(len(answer), 20)
        self.assertEqual((sum(row["numerator"] for row in answer), sum(row["n"] for row in answer)), (top, n))


if __name__ == "__main__":
    house.run_tests()
