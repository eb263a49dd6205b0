#!/usr/bin/python3
"""The independent oracle: recomputes echoloop's aggregates from raw canonical events in one batch, as docs/aggregates.md says.

    oracle.py --config-dir DIR [FILE…]            the canonical export of aggregates
    oracle.py --config-dir DIR --tasks OUT [FILE…]    the tasks that must exist as well, one NDJSON line each, in file OUT

It shares no code with echoloop and sees all events of a session at once, so nothing in it is incremental. The input holds accepted
events only (an oracle does not validate), one CloudEvent a line; its order matters only for two different events that carry the
same source and id: the first stands. Needs python3-icu and python3-yaml.
"""

import argparse
import gc
import sys

from configuration import Config
from expected_tasks import tasks
from rows import aggregate, closed_sessions, export
from sessions import gather


def read_lines(files):
    if not files:
        yield from sys.stdin.buffer
    for name in files:
        with open(name, "rb") as file:
            yield from file


def write(lines, file):
    file.write(b"".join(line + b"\n" for line in lines))


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config-dir", required=True)
    parser.add_argument("--tasks", metavar="OUT", help="write the tasks that must exist there as well")
    parser.add_argument("files", nargs="*", help="NDJSON; standard input without")
    options = parser.parse_args(arguments)
    gc.disable()  # one batch, millions of small dictionaries, no cycles
    config = Config(options.config_dir)
    gathered = gather(read_lines(options.files))
    sessions = list(closed_sessions(gathered, config))
    rows = aggregate(sessions)
    if options.tasks:
        with open(options.tasks, "wb") as file:
            write(tasks(gathered, sessions, rows, config), file)
    write(export(rows), sys.stdout.buffer)


if __name__ == "__main__":
    main(sys.argv[1:])
