#!/usr/bin/python3
"""Runs the fuzzing targets of build/fuzz (./dev fuzz), two at a time, and says what came of each in a line.

  fuzz.py SECONDS [TARGET]   fuzzes all targets, or one, for so long; what it finds goes on in build/fuzz/found
  fuzz.py FILE TARGET        runs one input, such as one of build/fuzz/crashes
  fuzz.py test SECONDS       the kept inputs first, then new ones that are thrown away; says what came of them on stderr, and
                             on stdout how many tests passed and failed
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

BUILD, HOUSE = "build/fuzz", "tests/fuzz"
AT_ONCE = 2
INPUT_BYTES_MAX = 4096
INPUT_SECONDS_MAX = 30  # a machine under load is slow; an input that hangs takes for ever


def program(target):
    return f"{BUILD}/{HOUSE}/fuzz_{target}"


def targets():
    return sorted(os.path.basename(path)[len("fuzz_"):] for path in glob.glob(program("*")) if os.access(path, os.X_OK))


def environment(scratch):
    # Containers of libraries that are not instrumented overflow by ASan's lights only.
    return dict(os.environ, TMPDIR=scratch, ASAN_OPTIONS="detect_container_overflow=0", UBSAN_OPTIONS="print_stacktrace=1")


def steady():
    """What a sanitized program is started with: it must find its shadow memory where it expects it, which some kernels' address
    randomisation prevents."""
    words = ["setarch", os.uname().machine, "-R"]
    able = shutil.which(words[0]) and subprocess.run([*words, "true"], stderr=subprocess.DEVNULL).returncode == 0
    return words if able else []


def options(target):
    out = [f"-max_len={INPUT_BYTES_MAX}", f"-timeout={INPUT_SECONDS_MAX}", "-print_final_stats=1",
           f"-artifact_prefix={BUILD}/crashes/{target}-"]
    words = f"{HOUSE}/words/{target}.txt"
    return out + ([f"-dict={words}"] if os.path.exists(words) else [])


def figures(log):
    def last(pattern):
        found = re.findall(pattern, log)
        return int(found[-1]) if found else 0
    runs, seconds = last(r"stat::number_of_executed_units: *(\d+)"), last(r"Done \d+ runs in (\d+) second")
    edges, inputs = last(r"cov: (\d+)"), last(r"corp: (\d+)")
    return f"{runs} runs in {seconds} s, {edges} edges, {inputs} inputs"


def fuzz(target, seconds, scratch, found):
    """Answers whether no demand was broken; says on stderr what came of it."""
    os.makedirs(found, exist_ok=True)
    os.makedirs(f"{BUILD}/crashes", exist_ok=True)
    command = [*steady(), program(target), *options(target), f"-max_total_time={seconds}", found, f"{HOUSE}/corpus/{target}"]
    path = f"{BUILD}/{target}.log"
    with open(path, "wb") as log:
        code = subprocess.run(command, env=environment(scratch), stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode
    with open(path, encoding="utf-8", errors="replace") as log:
        said = log.read()
    if code == 0:
        print(f"fuzz {target}: {figures(said)}", file=sys.stderr)
        return True
    print("\n".join(said.splitlines()[-60:]), file=sys.stderr)
    kept = re.findall(r"Test unit written to (\S+)", said)
    again = f"; again: ./dev fuzz {target} {kept[-1]}" if kept else ""
    print(f"fuzz {target}: failed; {path} tells how{again}", file=sys.stderr)
    return False


def run_again(target, file):
    with tempfile.TemporaryDirectory() as scratch:
        return subprocess.run([*steady(), program(target), *options(target), file], env=environment(scratch), stdin=subprocess.DEVNULL).returncode


def fuzz_all(names, seconds, throw_away):
    # The event log is written anew for each input: in memory, where there is some.
    scratch = tempfile.mkdtemp(prefix="echoloop-fuzz-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            folder = f"{scratch}/found" if throw_away else f"{BUILD}/found"
            return list(pool.map(lambda name: fuzz(name, seconds, scratch, f"{folder}/{name}"), names))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def main(words):
    known = targets()
    if words and words[0] == "test":
        results = fuzz_all(known, int(words[1]), throw_away=True)
        print(sum(results), len(results) - sum(results) + (0 if results else 1))
        return 0
    what, names = words[0], words[1:] or known
    for name in names:
        if name not in known:
            raise SystemExit(f"fuzz: there is no target '{name}'; there are {', '.join(known)}")
    if os.path.exists(what):
        return run_again(names[0], what)
    return 0 if all(fuzz_all(names, int(what), throw_away=False)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
