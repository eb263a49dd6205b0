#!/usr/bin/python3
"""Ten thousand events, most of them mutated: each ends in exactly one place, the neighbours go on, and what was mended goes in by replay.

    test_mutants.py --binary build/release/echoloop [--seed 1] [--events 10000]
"""

import collections
import csv
import json
import os
import random
import shutil
import sys
import tempfile
import unittest

import mutants
import server as house

sys.path.insert(0, house.ORACLE)
import compare  # noqa: E402

SEED, EVENTS = 1, 10_000
BLANK = [b"", b"   ", b"\t", b"\r"]


class Mutated:
    """A file of lines, and by line number what must become of it."""

    def __init__(self, folder, seed, events):
        self.config, self.path = os.path.join(folder, "config"), os.path.join(folder, "mutated.ndjson")
        text = compare.python("generate.py", "--seed", str(seed), "--sessions", str(events // 4), "--config-dir", self.config)
        pool = text.splitlines()
        rng = random.Random(f"mutants/{seed}")
        self.bad, self.good, self.by_kind = {}, {}, collections.Counter()
        lines = []
        while len(self.bad) + len(self.good) < events:
            if rng.random() < 0.02:
                lines.append(rng.choice(BLANK))
                continue
            line = pool[(len(self.bad) + len(self.good)) % len(pool)]
            harmful = rng.random() < 0.7
            mutation = rng.choice(mutants.REJECTED if harmful else mutants.NEUTRAL)
            mutated = mutation(json.loads(line), line, rng)
            assert b"\n" not in mutated and mutated.strip(), mutation
            lines.append(mutated)
            (self.bad if harmful else self.good)[len(lines)] = mutation.__name__
            self.by_kind[mutation.__name__] += 1
        self.lines = lines
        with open(self.path, "wb") as file:
            file.write(b"\n".join(lines) + b"\n")


class Mutants(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory(prefix="echoloop-mutants-")
        cls.addClassCleanup(cls.holder.cleanup)
        cls.folder = cls.holder.name
        print(f"seed {SEED}", file=sys.stderr)
        cls.mutated = Mutated(cls.folder, SEED, EVENTS)
        cls.data, cls.rejects = os.path.join(cls.folder, "data"), os.path.join(cls.folder, "rejects.ndjson")
        cls.places = ["--data", cls.data, "--config-dir", cls.mutated.config]
        cls.summary = house.lines_of("import", cls.mutated.path, "--rejects", cls.rejects, *cls.places)[-1]
        with open(cls.rejects, encoding="utf-8") as file:
            cls.rejected = [json.loads(line) for line in file]

    def test_what_was_read_is_accepted_or_duplicate_or_rejected(self):
        told = self.summary
        self.assertEqual(told["read"], EVENTS)
        self.assertEqual(told["accepted"] + told["duplicate"] + told["rejected"], EVENTS, told)
        self.assertEqual(told["skipped"], 0)

    def test_every_bad_line_is_rejected_and_no_good_one(self):
        lines = {one["line"] for one in self.rejected}
        let_in = sorted((kind, number) for number, kind in self.mutated.bad.items() if number not in lines)
        kept_out = sorted((kind, number) for number, kind in self.mutated.good.items() if number in lines)
        show = [(kind, self.mutated.lines[number - 1][:300]) for kind, number in (let_in + kept_out)[:5]]
        self.assertEqual((len(let_in), len(kept_out)), (0, 0), f"let in or kept out: {show}")
        self.assertEqual(self.summary["rejected"], len(self.mutated.bad))

    def test_each_reject_names_reason_and_place(self):
        self.assertEqual(len(self.rejected), len(self.mutated.bad))
        for one in self.rejected:
            self.assertTrue(one["reason"] and one["file"] == self.mutated.path and one["line"] > 0, one)
            self.assertTrue(len(one["reason"]) < 1000, "a reason quotes, it does not repeat")
        # A document that is no object at all has no inner place: its line is the place.
        nowhere = [one for one in self.rejected if not one.get("where") and one["document"].lstrip()[:1] == "{"]
        self.assertEqual(nowhere[:3], [], f"{len(nowhere)} name no place in the document")

    def test_the_dead_letters_are_exactly_the_rejects(self):
        listed = house.lines_of("dead", "list", *self.places)
        told = collections.Counter((one.get("where", ""), one["reason"]) for one in self.rejected)
        self.assertEqual(collections.Counter((one["where"], one["reason"]) for one in listed), told)
        self.assertEqual(len({one["id"] for one in listed}), len(listed))
        shown = house.lines_of("dead", "show", listed[0]["id"], *self.places)[0]
        self.assertEqual((shown["id"], shown["state"]), (listed[0]["id"], "open"))
        self.assertTrue(shown["document"])

    def test_the_neighbours_count_as_if_nothing_had_been_beside_them(self):
        path = os.path.join(self.folder, "good.ndjson")
        with open(path, "wb") as file:
            file.writelines(self.mutated.lines[number - 1].strip() + b"\n" for number in sorted(self.mutated.good))
        expected = compare.python("oracle.py", "--config-dir", self.mutated.config, path)
        actual = compare.run([house.BINARY, "export", "aggregates", *self.places])
        self.assertEqual(compare.compare_aggregates(expected, actual)[:3], [])

    def test_over_http_the_same_lines_have_the_same_fate(self):
        folder = os.path.join(self.folder, "http")
        os.makedirs(folder)
        with house.Server(folder, config=self.mutated.config) as server:
            sent, rejected, numbers = 0, set(), [n for n, line in enumerate(self.mutated.lines, 1) if line.strip()]
            for at in range(0, len(numbers), 500):
                batch = numbers[at : at + 500]
                answer = server.post_lines(b"\n".join(self.mutated.lines[n - 1] for n in batch) + b"\n")
                self.assertEqual(answer.status, 202, answer)
                body = answer.json()
                self.assertEqual(body["accepted"] + len(body["rejected"]), len(batch))
                rejected |= {batch[one["index"]] for one in body["rejected"]}
                sent += len(batch)
            server.wait_settled()
            self.assertEqual((sent, rejected), (EVENTS, set(self.mutated.bad)))
            self.assertEqual(len(server.items("/api/v1/dead")), len(rejected))


ROWS = 40
WRONG = """{specversion: "1.0", type: "echoloop.session.closed.v1", source: "/desk", id: .case, subject: .case,
  data: {tenant: $tenant, session_id: .case, closed_at: .closed, channel: .channel}}
"""
MENDED = WRONG.replace(".closed,", '.["closed at"],')


class Replay(unittest.TestCase):
    """Letters of an adapter whose program was wrong go in when it is right."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="echoloop-replay-")
        self.addCleanup(holder.cleanup)
        self.folder, self.config = holder.name, os.path.join(holder.name, "config")
        shutil.copytree(house.CONFIG, self.config)
        self.program(WRONG)
        self.path = os.path.join(self.folder, "desk.csv")
        with open(self.path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["case", "closed at", "channel"])
            for number in range(ROWS):
                # One row in ten stays wrong: its day does not exist.
                day = "2026-02-30" if number % 10 == 0 else "2026-02-20"
                writer.writerow([f"c{number}", f"{day}T10:00:00Z", "web,\n\"chat\""])
        self.places = ["--data", os.path.join(self.folder, "data"), "--config-dir", self.config]
        self.importing = ["import", self.path, "--adapter", "desk", "--tenant", "hongtu"]

    def program(self, text):
        with open(os.path.join(self.config, "adapters", "desk.jq"), "w", encoding="utf-8") as file:
            file.write(text)

    def sessions(self):
        rows = house.lines_of("export", "aggregates", *self.places)
        return sum(
            count
            for row in rows
            if row["dimensions"] == [] and row["tenant"] == "hongtu"
            for name, count in row["measures"].items()
            if name.endswith("_unanswered")
        )

    def check_mended(self):
        self.assertEqual(self.sessions(), ROWS - ROWS // 10)
        left = house.lines_of("dead", "list", *self.places)
        self.assertEqual(len(left), ROWS // 10)
        for letter in left:
            self.assertIn("closed_at", letter["where"] + letter["reason"])
            self.assertEqual(letter["adapter"], "desk")

    def test_in_the_folder(self):
        summary = house.lines_of(*self.importing, *self.places)[-1]
        self.assertEqual((summary["read"], summary["accepted"], summary["rejected"]), (ROWS, 0, ROWS))
        code, out, _ = house.echoloop("dead", "replay", "all", *self.places)
        self.assertEqual((code, json.loads(out)), (1, {"replayed": 0, "failed": ROWS}), "nothing was mended yet")
        self.assertEqual(len(house.lines_of("dead", "list", *self.places)), ROWS, "still listed, still once")
        self.program(MENDED)
        code, out, _ = house.echoloop("dead", "replay", "all", *self.places)
        self.assertEqual((code, json.loads(out)), (1, {"replayed": ROWS - ROWS // 10, "failed": ROWS // 10}))
        self.check_mended()
        code, out, _ = house.echoloop("dead", "drop", "all", *self.places)
        self.assertEqual((code, house.lines_of("dead", "list", *self.places)), (0, []))

    def test_through_the_server(self):
        with house.Server(self.folder, config=self.config) as server:
            summary = house.lines_of(*self.importing, "--server", server.url(), "--config-dir", self.config)[-1]
            self.assertEqual((summary["read"], summary["accepted"], summary["rejected"]), (ROWS, 0, ROWS))
            self.program(MENDED)
            self.assertEqual(server.request("POST", "/api/v1/config/reload").status, 200)
            code, out, _ = house.echoloop("dead", "replay", "all", *self.places)
            self.assertEqual((code, json.loads(out)), (1, {"replayed": ROWS - ROWS // 10, "failed": ROWS // 10}))
            server.wait_settled()
            self.check_mended()
            again = [one["id"] for one in server.items("/api/v1/dead", state="replayed")]
            self.assertEqual(len(again), ROWS - ROWS // 10)
            self.assertEqual(server.request("POST", f"/api/v1/dead/{again[0]}/replay").status, 409)


if __name__ == "__main__":
    SEED, EVENTS = house.take_number("--seed", SEED), house.take_number("--events", EVENTS)
    house.run_tests()
