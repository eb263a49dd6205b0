"""Prints "passed failed" as ctest's JUnit table counts them. A test that could not run has failed; one that skipped itself did neither.

  count_tests.py TABLE          the two numbers
  count_tests.py TABLE failed   what failed instead, each with the end of what it printed
"""
import sys
import xml.etree.ElementTree as xml

LINES = 40


def has_failed(case):
    status = case.get("status")
    if status in ("run", "disabled"):
        return False
    skipped = case.find("skipped")
    reason = skipped.get("message", "") if skipped is not None else ""
    return status == "fail" or not reason.startswith(("SKIP_RETURN_CODE", "SKIP_REGULAR_EXPRESSION"))


def main(table, what="numbers"):
    cases = list(xml.parse(table).getroot().iter("testcase"))
    failed = [case for case in cases if has_failed(case)]
    if what == "numbers":
        print(sum(case.get("status") == "run" for case in cases), len(failed))
        return
    for case in failed:
        print(f"failed: {case.get('name')} of {table}")
        print(*(case.findtext("system-out") or "").splitlines()[-LINES:], sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
