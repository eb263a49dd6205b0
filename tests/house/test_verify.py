#!/usr/bin/python3
"""A data folder with one flipped bit is found damaged, wherever it is; one that only crashed is whole; one of the future is refused.

    test_verify.py [--binary build/release/echoloop] [--flips 12] [--seed 1]
"""

import glob
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

import events
import server as house

FLIPS, SEED = house.take_number("--flips", 12), house.take_number("--seed", 1)


def flip(path, rng):
    """One bit of the file; answers at which byte."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)
    with open(path, "wb") as file:
        file.write(data)
    return at


class Verify(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="echoloop-verify-")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = holder.name
        sample, cls.whole = os.path.join(cls.folder, "sample.ndjson"), os.path.join(cls.folder, "whole")
        with open(sample, "wb") as out:
            subprocess.run([house.BINARY, "sample", "--sessions", "2000"], stdout=out, check=True)
        # Two openings: the first leaves a table file to the second.
        for _ in range(2):
            code, _, err = house.echoloop("import", "--data", cls.whole, "--log.segment-bytes", "64KiB", sample)
            if code != 0:
                raise AssertionError(err)
        print(f"seed {SEED}", file=sys.stderr)

    def setUp(self):
        self.data = os.path.join(self.folder, "data")
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.whole, self.data)

    def verify(self):
        """Exit code, findings that are damage, all findings, the summary."""
        code, out, err = house.echoloop("verify-store", "--data", self.data)
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertTrue(lines, err)
        return code, [line for line in lines[:-1] if line["damage"]], lines[:-1], lines[-1]

    def files(self, pattern):
        found = sorted(glob.glob(os.path.join(self.data, pattern)))
        self.assertTrue(found, pattern)
        return found

    def test_a_whole_folder_is_whole(self):
        code, _, findings, summary = self.verify()
        self.assertEqual((code, findings, summary["whole"], summary["findings"]), (0, [], True, 0))
        self.assertGreater(min(summary["tables"], summary["segments"] - 1), 0)
        self.assertGreater(summary["rows"], 10_000)
        before = {path: os.path.getsize(path) for path in self.files("log/*") + self.files("store/*.sst")}
        self.assertEqual({path: os.path.getsize(path) for path in before}, before, "nothing is changed")

    def test_every_flipped_bit_is_found_and_its_file_is_named(self):
        rng = random.Random(f"verify/{SEED}")
        for pattern in ("store/*.sst", "store/MANIFEST-*", "log/*.log", "store/*.log"):
            for _ in range(FLIPS):
                self.setUp()
                path = rng.choice([path for path in self.files(pattern) if os.path.getsize(path)])
                at = flip(path, rng)
                code, damage, findings, summary = self.verify()
                where = f"{path}:{at}"
                told = [one["file"] + one["reason"] for one in findings]
                names = [os.path.basename(path)]
                if pattern == "store/*.log":
                    # A last commit that is cut off is what a crash leaves: nothing is lost, so it is told only.
                    names.append("RocksDB's own log")
                    self.assertEqual(code, 1 if damage else 0, where)
                else:
                    self.assertEqual((code, summary["whole"]), (1, False), where)
                self.assertTrue(any(name in text for name in names for text in told), f"{where}: {told}")
                positions = [one["position"] for one in findings if one["file"] == path]
                if pattern == "log/*.log":
                    self.assertTrue(any(position <= at for position in positions), f"{where}: {damage}")

    def test_run_on_a_damaged_store_stops_and_names_the_check(self):
        manifest = self.files("store/MANIFEST-*")[0]
        with open(manifest, "r+b") as file:
            file.seek(os.path.getsize(manifest) // 3)
            file.write(b"\xff\x00\xff\x00")
        self.assert_run_stops(lambda server: server.wait_end())
        self.setUp()
        for path in self.files("store/*.sst"):  # no block that a stage reads is whole
            with open(path, "r+b") as file:
                size = os.path.getsize(path)
                for at in range(0, size - 4096, 512):
                    file.seek(at)
                    byte = file.read(1)
                    file.seek(at)
                    file.write(bytes([byte[0] ^ 0x10]))

        def feed(server):
            try:
                server.wait_ready()
                server.post_events([events.closed(f"s{n}", "2026-03-10T00:00:00Z") for n in range(20)])
            except (OSError, house.Died):
                pass  # it stopped before
            server.wait_end()

        self.assert_run_stops(feed)

    def assert_run_stops(self, wait):
        server = house.Server(self.folder, data=self.data).start(wait=False)
        try:
            wait(server)
            self.assertEqual(server.process.returncode, 1)
            self.assertIn("verify-store", server.log().splitlines()[-1])
        finally:
            server.__exit__()

    def test_a_torn_tail_is_an_ordinary_crash(self):
        last = self.files("log/*.log")[-1]
        with open(last, "ab") as file:
            file.write(b"half a block")
        code, damage, findings, _ = self.verify()
        self.assertEqual((code, damage, len(findings)), (0, [], 1))
        self.assertEqual((findings[0]["file"], findings[0]["position"]), (last, os.path.getsize(last) - len(b"half a block")))

    def test_a_table_that_a_crash_left_unfinished_is_nobodys(self):
        path = os.path.join(self.data, "store", "999999.sst")
        with open(path, "wb") as file:
            file.write(b"half a table")
        code, damage, findings, _ = self.verify()
        self.assertEqual((code, damage, [one["file"] for one in findings]), (0, [], [path]))
        code, _, err = house.echoloop("export", "aggregates", "--data", self.data)
        self.assertEqual(code, 0, err)

    def test_a_log_that_ends_before_what_the_store_counted_is_damage(self):
        segments = self.files("log/*.log")
        os.truncate(segments[-1], 32)
        os.remove(segments[-2])
        code, damage, _, _ = self.verify()
        self.assertEqual(code, 1)
        self.assertTrue(any("this segment is missing" in one["reason"] for one in damage), damage)
        self.setUp()
        for path in reversed(self.files("log/*.log")):
            if os.path.getsize(path) > 40:
                os.truncate(path, os.path.getsize(path) // 2)
                break
            os.remove(path)
        code, damage, _, _ = self.verify()
        self.assertEqual(code, 1)
        self.assertTrue(any("the store has processed offsets up to" in one["reason"] for one in damage), damage)

    def test_a_folder_of_a_newer_echoloop_is_refused_and_one_of_today_is_not(self):
        meta = os.path.join(self.data, "log", "log.meta")
        with open(meta, encoding="ascii") as file:
            text = file.read()
        self.assertTrue(text.startswith("echoloop event log 1\n"))
        with open(meta, "w", encoding="ascii") as file:
            file.write(text.replace("log 1\n", "log 2\n", 1))
        for words in (["run", "--listen", "127.0.0.1:0"], ["export", "tasks"], ["dead", "list"], ["verify-store"]):
            code, out, err = house.echoloop(*words, "--data", self.data)
            self.assertEqual(code, 1, words)
            self.assertIn("format 2, this echoloop knows formats up to 1: use a newer echoloop", out + err, words)
        with open(meta, "w", encoding="ascii") as file:
            file.write(text)
        self.assertEqual(house.echoloop("export", "tasks", "--data", self.data)[0], 0)

    def test_a_folder_that_is_none_or_in_use_is_not_checked(self):
        code, _, err = house.echoloop("verify-store", "--data", os.path.join(self.folder, "nothing"))
        self.assertEqual((code, "is no data folder" in err), (1, True), err)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "nothing")))
        with house.Server(self.folder, data=self.data):
            code, _, err = house.echoloop("verify-store", "--data", self.data)
            self.assertEqual((code, "is in use by process" in err), (1, True), err)


if __name__ == "__main__":
    house.run_tests()
