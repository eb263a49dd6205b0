"""Prints "passed failed" as ctest's JUnit table counts them. A test that could not run has failed; one that skipped itself did neither.

  count_tests.py TABLE
"""
import sys
import xml.etree.ElementTree as xml


def main():
    passed = failed = 0
    for case in xml.parse(sys.argv[1]).getroot().iter("testcase"):
        status = case.get("status")
        if status == "run":
            passed += 1
        elif status == "fail":
            failed += 1
        elif status != "disabled":
            skipped = case.find("skipped")
            reason = skipped.get("message", "") if skipped is not None else ""
            failed += not reason.startswith(("SKIP_RETURN_CODE", "SKIP_REGULAR_EXPRESSION"))
    print(passed, failed)


if __name__ == "__main__":
    main()
