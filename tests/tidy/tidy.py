#!/usr/bin/python3
"""What every file of the project keeps to: a length one can read, names that say something, no calls that make results depend on
when or where they run, clean ends of lines.

  tidy.py [ROOT]
"""
import ast
import os
import re
import sys

from tree import project_files, read_text, report

LINES_MAX = 400  # a file that grows past it is two things
CPP = (".h", ".cc", ".cpp")
CODE = CPP + (".py", ".ts", ".sh")
TEXT = CODE + (".js", ".css", ".html", ".proto", ".cmake", ".txt", ".md", ".yaml", ".yml", ".json", ".jq", ".ini", ".toml")
SCRIPTS = ("dev", ".ci/run")  # code without an ending

EMPTY_WORDS = {"util", "common", "misc", "helper", "manager", "impl"}
LEFT_OVER = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME)\\b")

# A call in C++, where it is allowed, and why elsewhere not.
CALLS = (
    (re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\("), lambda path: not path.startswith("tests/"),
     "a test waits for a condition, not for a time"),
    (re.compile(r"\b(secure_)?getenv\s*\("), lambda path: path.startswith(("pipeline/settings/", "pipeline/base/", "tests/")),
     "the environment is read in pipeline/settings, as options"),
    (re.compile(r"\bs?rand\s*\("), lambda path: False, "a seeded generator gives the same run again"),
    (re.compile(r"\bsystem_clock\s*::\s*now\s*\("), lambda path: path.startswith("pipeline/base/"),
     "wall_clock() of pipeline/base/time.h is the only clock"),
)

# Comments and literals, which hold no calls. Raw strings come first: their quotes are not ends.
SILENT = re.compile(r'R"([^()\\ ]{0,16})\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def silence(text):
    """The C++ text with comments and literals blanked, line by line in place."""
    return SILENT.sub(lambda found: '""' + "\n" * found.group().count("\n"), text)


def is_code(path):
    return path.endswith(CODE) or path in SCRIPTS


def name_problems(path):
    for part in path.split("/"):
        words = {word.rstrip("s") for word in re.split(r"[^a-z0-9]+", part.lower())}
        for word in sorted(words & EMPTY_WORDS):
            yield f"{path}: '{word}' names nothing: say what is in '{part}'"


def line_problems(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line:
            yield f"{path}:{number}: a tab"
        if line != line.rstrip():
            yield f"{path}:{number}: spaces at the end of the line"
        if is_code(path) and LEFT_OVER.search(line):
            yield f"{path}:{number}: {LEFT_OVER.search(line).group()}: do it, or write an issue"
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        yield f"{path}: ends with one newline, no more and no less"
    lines = text.count("\n")
    if is_code(path) and lines > LINES_MAX:
        yield f"{path}: {lines} lines, more than {LINES_MAX}: it is two things"


def call_problems(path, text):
    silent = silence(text)
    for pattern, allowed, why in CALLS:
        if allowed(path):
            continue
        for call in pattern.finditer(silent):
            yield f"{path}:{silent.count(chr(10), 0, call.start()) + 1}: {call.group().rstrip(' (')}: {why}"


def sleeps(node, waiting=False):
    """Lines of time.sleep outside functions that wait for something (wait_…), where polling needs it."""
    for child in ast.iter_child_nodes(node):
        inside = waiting
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inside = waiting or child.name.lstrip("_").startswith("wait")
        if isinstance(child, ast.Call) and not waiting:
            called = child.func.attr if isinstance(child.func, ast.Attribute) else getattr(child.func, "id", "")
            if called == "sleep":
                yield child.lineno
        yield from sleeps(child, inside)


def python_problems(path, text):
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        yield f"{path}:{error.lineno}: {error.msg}"
        return
    for line in sleeps(tree):
        yield f"{path}:{line}: sleep: a test waits for a condition (in a function wait_…), not for a time"


def check(root):
    problems = []
    for path in project_files(root):
        problems += name_problems(path)
        if not path.endswith(TEXT) and path not in SCRIPTS:
            continue
        text = read_text(root, path)
        if text is None:
            problems.append(f"{path}: is not UTF-8")
            continue
        problems += line_problems(path, text)
        if path.endswith(CPP):
            problems += call_problems(path, text)
        if path.endswith(".py") and path.startswith("tests/"):
            problems += python_problems(path, text)
    return problems


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    return report(check(os.path.realpath(root)), "tidy")


if __name__ == "__main__":
    sys.exit(main())
