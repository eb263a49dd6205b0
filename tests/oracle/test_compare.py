#!/usr/bin/python3
"""The comparison must see every kind of difference: a stand-in for echoloop, built on the oracle, that errs on demand."""

import io
import os
import stat
import sys
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout

import compare

HERE = os.path.dirname(os.path.abspath(__file__))
STAND_IN = f"""#!/usr/bin/python3
import json, os, subprocess, sys
fault = os.environ.get("FAULT", "")
data, config = (sys.argv[sys.argv.index(flag) + 1] for flag in ("--data", "--config-dir"))
log = data + ".log"
def oracle(*more):
    command = ["/usr/bin/python3", "-B", {HERE!r} + "/oracle.py", "--config-dir", config, *more, log]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
def wanted_tasks():
    oracle("--tasks", data + ".tasks")
    with open(data + ".tasks", encoding="utf-8") as file:
        return file.readlines()
if sys.argv[1] == "import":
    if fault == "crash":
        sys.exit("no disk")
    path = next(a for a in sys.argv if a.endswith(".ndjson"))
    with open(path, "rb") as piece:
        lines = piece.readlines()
    with open(log, "ab") as file:
        file.writelines(lines[1:] if fault == "lost" else lines)
    known, counted = fault == "rejected", len(lines)
    print("importing")
    print(json.dumps(dict(read=counted, accepted=counted - known, duplicate=0, rejected=int(known), skipped=0, seconds=0.1)))
elif sys.argv[2] == "aggregates":
    output = oracle()
    lines = output.splitlines(keepends=True)
    if fault == "count":
        at = next(n for n, line in enumerate(lines) if b'"evaluations":1' in line)
        lines[at] = lines[at].replace(b'"evaluations":1', b'"evaluations":2')
    if fault == "row":
        del lines[7]
    if fault == "order":
        lines[0], lines[1] = lines[1], lines[0]
    if fault == "newline":
        lines[-1] = lines[-1].rstrip()
    sys.stdout.buffer.write(b"".join(lines))
else:
    tasks = []
    for number, task in enumerate(map(json.loads, wanted_tasks())):
        scope = task.get("scope") or {{"session": task["session"]}}
        tasks.append(dict(id=str(number), kind=task["kind"], tenant=task["tenant"], state="opened", count=task.get("count", 1), evidence=dict(withdrawn=False),
                          cause=dict(rule=task["rule"], rule_version=1, scope=scope), sample=[]))
    first = next(task for task in tasks if task["kind"] == "improvement")
    if fault == "task":
        tasks.remove(first)
    if fault == "twice":
        tasks.append(dict(first, id="again"))
    if fault == "task count":
        first["count"] += 1
    if fault == "cancelled":
        first["state"] = "cancelled"
    if fault == "stale":
        tasks.append(dict(first, id="stale", cause=dict(first["cause"], scope=dict(channel="nowhere"))))
    if fault == "unmarked":
        tasks.append(dict(first, id="r", kind="recovery", cause=dict(first["cause"], scope=dict(session="other"))))
    if fault == "harmless":
        tasks.append(dict(first, id="old", state="cancelled"))
        tasks.append(dict(first, id="r", kind="recovery", evidence=dict(withdrawn=True), cause=dict(first["cause"], scope=dict(session="other"))))
    for task in tasks:
        print(json.dumps(task))
"""


class Compare(unittest.TestCase):
    def outcome(self, fault, *more):
        """(exit code, what was printed)"""
        with tempfile.TemporaryDirectory() as folder:
            binary = os.path.join(folder, "echoloop")
            with open(binary, "w", encoding="utf-8") as file:
                file.write(STAND_IN)
            os.chmod(binary, os.stat(binary).st_mode | stat.S_IXUSR)
            os.environ["FAULT"] = fault
            said = io.StringIO()
            with redirect_stdout(said), redirect_stderr(said):
                code = compare.main(["--binary", binary, "--seeds", "1", "--sessions", "150", *more])
            return code, said.getvalue()

    def test_equal_runs_are_equal(self):
        for more in ([], ["--parts", "3", "--shuffle"], ["--clashes", "--shards", "2"], ["--vary"]):
            code, said = self.outcome("harmless", *more)
            self.assertEqual(code, 0, said)
            self.assertIn("seed 1", said)

    def test_every_difference_is_seen_and_named(self):
        for fault, words in (
            ("lost", "expected"), ("count", "differs: tenant"), ("row", "missing: tenant"), ("order", "line 1: expected"),
            ("newline", "one newline"), ("rejected", "says"), ("task", "no task"), ("twice", "two live tasks"), ("task count", "count: "),
            ("cancelled", "no task"), ("stale", "should be gone"), ("unmarked", "should be gone"),
        ):  # fmt: skip
            code, said = self.outcome(fault)
            self.assertEqual(code, 1, fault)
            self.assertIn(words, said, fault)

    def test_an_echoloop_that_fails_is_told_apart(self):
        code, said = self.outcome("crash")
        self.assertEqual(code, 2)
        self.assertIn("no disk", said)

    def test_seeds_may_be_lists_and_ranges(self):
        self.assertEqual(list(compare.seeds_of("7,1-3")), [7, 1, 2, 3])

    def test_tasks_may_come_as_csv(self):
        text = 'id,kind,tenant,state,count,cause\n1,improvement,acme,opened,3,"{""rule"":""r"",""scope"":{""tag"":""x""}}"\n'
        (task,) = compare.read_tasks(text.encode())
        self.assertEqual(compare.cause_of(task), ("improvement", "acme", "r", '{"tag": "x"}'))


class Generator(unittest.TestCase):
    def test_the_same_seed_gives_the_same_bytes_and_another_does_not(self):
        def stream(seed):
            return compare.python("generate.py", "--seed", str(seed), "--sessions", "60")

        self.assertEqual(stream(1), stream(1))
        self.assertNotEqual(stream(1), stream(2))

    def test_the_stream_holds_all_that_it_promises(self):
        text = compare.python("generate.py", "--seed", "3", "--sessions", "600").decode()
        lines = text.splitlines()
        self.assertGreater(len(lines), len(set(lines)))  # duplicates
        for kind in (
            "session.closed",
            "survey.invited",
            "evaluation.submitted",
            "evaluation.withdrawn",
            "tags.changed",
            "review.recorded",
            "outcome.observed",
        ):
            self.assertIn(f'"echoloop.{kind}.v1"', text)
        for words in ("快遞太慢了", "ＳＬＯＷ", "😡", '"source": "urn:', "+10:30", "never-sent", "\\t"):
            self.assertIn(words, text)


if __name__ == "__main__":
    sys.exit(unittest.main())
