"""Prints "passed failed" as ctest's JUnit table counts them. A test that could not run has failed; one that skipped itself did neither.

  count_tests.py TABLE          the two numbers
  count_tests.py TABLE failed   what failed instead, each with the begin and the end of what it printed
"""
import sys
import xml.etree.ElementTree as xml

FIRST, LAST, WIDTH = 20, 80, 500  # lines, characters


def has_failed(case):
    status = case.get("status")
    if status in ("run", "disabled"):
        return False
    skipped = case.find("skipped")
    reason = skipped.get("message", "") if skipped is not None else ""
    return status == "fail" or not reason.startswith(("SKIP_RETURN_CODE", "SKIP_REGULAR_EXPRESSION"))


def shown(text):
    """Lines, of which long ones lose their middle as the text does."""
    lines = [line if len(line) <= WIDTH else f"{line[:WIDTH // 2]} […] {line[-WIDTH // 2:]}" for line in text.splitlines()]
    return lines if len(lines) <= FIRST + LAST else [*lines[:FIRST], "[…]", *lines[-LAST:]]


def main(table, what="numbers"):
    cases = list(xml.parse(table).getroot().iter("testcase"))
    failed = [case for case in cases if has_failed(case)]
    if what == "numbers":
        print(sum(case.get("status") == "run" for case in cases), len(failed))
        return
    for case in failed:
        print(f"failed: {case.get('name')} of {table}")
        print(*shown(case.findtext("system-out") or ""), sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
