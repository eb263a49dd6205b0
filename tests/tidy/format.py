#!/usr/bin/python3
"""Every C++ file is as clang-format 14 writes it with the project's .clang-format.

  format.py [ROOT]          names what differs
  format.py --fix [ROOT]    writes it (./dev format)
"""
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tree import project_files, report

SOURCES = (".h", ".cc", ".cpp")
BATCH = 16  # files per process: enough to share the start, few enough to use every core


def formatter():
    found = shutil.which("clang-format-14")
    if found is None:
        raise SystemExit("format: clang-format-14 is missing; ./dev installs it")
    return found


def run(command, root, paths):
    batches = [paths[at:at + BATCH] for at in range(0, len(paths), BATCH)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(lambda batch: subprocess.run(command + batch, cwd=root, capture_output=True, text=True), batches))


def check(root):
    """One line per file that is formatted otherwise, at its first difference."""
    paths = [path for path in project_files(root) if path.endswith(SOURCES)]
    problems = {}
    for done in run([formatter(), "--dry-run", "-Werror", "--style=file"], root, paths):
        for line in done.stderr.splitlines():
            if ": error: " in line:
                place = line.split(": error: ")[0]
                problems.setdefault(place.split(":")[0], f"{place}: not formatted; ./dev format does it")
        if done.returncode != 0 and ": error: " not in done.stderr:
            raise SystemExit(f"format: {done.stderr.strip()}")
    return list(problems.values())


def fix(root):
    paths = [path for path in project_files(root) if path.endswith(SOURCES)]
    for done in run([formatter(), "-i", "--style=file"], root, paths):
        if done.returncode != 0:
            raise SystemExit(f"format: {done.stderr.strip()}")


def main():
    words = [word for word in sys.argv[1:] if word != "--fix"]
    root = os.path.realpath(words[0] if words else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    if "--fix" in sys.argv[1:]:
        fix(root)
        return 0
    return report(check(root), "format")


if __name__ == "__main__":
    sys.exit(main())
