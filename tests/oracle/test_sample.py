#!/usr/bin/python3
"""The built-in sample, whole: what echoloop counts and opens from it equals the oracle.

    test_sample.py --binary build/release/echoloop
"""

import argparse
import os
import sys
import tempfile

import compare
import hostile_config


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default=os.path.join(compare.HERE, "../../build/release/echoloop"))
    binary = os.path.abspath(parser.parse_args(arguments).binary)
    config = os.path.abspath(hostile_config.PROJECT_CONFIG)
    with tempfile.TemporaryDirectory(prefix="echoloop-sample-") as folder:
        events, data = os.path.join(folder, "sample.ndjson"), ["--data", os.path.join(folder, "data"), "--config-dir", config]
        with open(events, "wb") as file:
            file.write(compare.run([binary, "sample"]))
        compare.run([binary, "import", events, *data])
        expected, tasks = compare.oracle(config, events)
        problems = compare.compare_aggregates(expected, compare.run([binary, "export", "aggregates", *data]))
        problems += compare.compare_tasks(tasks, compare.read_tasks(compare.run([binary, "export", "tasks", *data])))
    print(f"{expected.count(bytes([10]))} rows, {len(tasks)} tasks: {'equal' if not problems else 'DIFFERENT'}")
    for problem in problems[: compare.SHOWN_MAX]:
        print(f"  {problem}")
    return 1 if problems or not tasks else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
