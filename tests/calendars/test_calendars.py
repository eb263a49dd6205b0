#!/usr/bin/python3
"""Working time by business calendars against a computation that shares nothing with it: minute by minute through the days, by Python's own time
zones, with the holidays written here once more. 2025 to 2027, with make-up days, lunch, half days, nights and changes of the clock."""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MINUTE_MS = 60_000
CASES = 60  # a calendar and question

# By the State Council's notices for 2025 and 2026; 2027 by the law alone.
HOLIDAYS = """
2025-01-01 2025-01-28..2025-02-04 2025-04-04..2025-04-06 2025-05-01..2025-05-05 2025-05-31..2025-06-02 2025-10-01..2025-10-08
2026-01-01..2026-01-03 2026-02-15..2026-02-23 2026-04-04..2026-04-06 2026-05-01..2026-05-05 2026-06-19..2026-06-21 2026-09-25..2026-09-27 2026-10-01..2026-10-07
2027-01-01 2027-02-05..2027-02-08 2027-04-05 2027-05-01..2027-05-02 2027-06-09 2027-09-15 2027-10-01..2027-10-03
""".split()
MAKE_UP = "2025-01-26 2025-02-08 2025-04-27 2025-09-28 2025-10-11 2026-01-04 2026-02-14 2026-02-28 2026-05-09 2026-09-20 2026-10-10".split()

WEEK = "mon tue wed thu fri sat sun".split()
OFFICE = "mon tue wed thu fri"
# id: zone, Chinese holidays, (days, from, to) with times in minutes
CALENDARS = {
    "cn-office": ("Asia/Shanghai", True, [(OFFICE, 540, 720), (OFFICE, 810, 1080)]),
    "cn-saturdays": ("Asia/Shanghai", True, [(OFFICE, 510, 1050), ("sat", 540, 690)]),
    "cn-always": ("Asia/Shanghai", False, [(" ".join(WEEK), 0, 1440)]),
    "new-york-nights": ("America/New_York", False, [("mon wed fri sat sun", 0, 360), ("mon wed fri", 1320, 1440)]),
    "london": ("Europe/London", False, [(OFFICE, 555, 1020), ("sun", 30, 150)]),
    "lord-howe": ("Australia/Lord_Howe", False, [(" ".join(WEEK), 60, 420)]),  # its clock moves by half an hour
    "kolkata": ("Asia/Kolkata", False, [("tue thu", 615, 1005)]),
}


def days_of(spans):
    out = set()
    for span in spans:
        first, _, last = span.partition("..")
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last or first):
            out.add(day)
            day += timedelta(1)
    return out


class Brute:
    """Whether somebody works at a minute."""

    def __init__(self, zone, holidays, hours):
        self.zone = ZoneInfo(zone)
        self.holidays, self.make_up = (days_of(HOLIDAYS), days_of(MAKE_UP)) if holidays else (set(), set())
        self.week = {day: [(a, b) for days, a, b in hours if WEEK[day] in days.split()] for day in range(7)}
        self.usual = next(self.week[day] for day in range(7) if self.week[day])

    def works(self, minute):
        local = datetime.fromtimestamp(minute * 60, timezone.utc).astimezone(self.zone)
        day, at = local.date(), local.hour * 60 + local.minute
        if day in self.make_up:
            hours = self.usual
        elif day in self.holidays:
            hours = []
        else:
            hours = self.week[day.weekday()]
        return any(a <= at < b for a, b in hours)

    def between(self, from_ms, to_ms):
        return sum(
            min(to_ms, (minute + 1) * MINUTE_MS) - max(from_ms, minute * MINUTE_MS)
            for minute in range(from_ms // MINUTE_MS, -(-to_ms // MINUTE_MS))
            if self.works(minute)
        )

    def add(self, from_ms, working):
        minute = from_ms // MINUTE_MS
        while True:
            if self.works(minute):
                begin = max(from_ms, minute * MINUTE_MS)
                if (minute + 1) * MINUTE_MS - begin >= working:
                    return begin + working
                working -= (minute + 1) * MINUTE_MS - begin
            minute += 1


def yaml_of():
    lines = []
    for name, (zone, holidays, hours) in CALENDARS.items():
        lines += [f"  - id: {name}", f"    timezone: {zone}", "    hours:"]
        for days, a, b in hours:
            lines.append(f'      - {{days: [{", ".join(days.split())}], from: "{a // 60:02d}:{a % 60:02d}", to: "{b // 60:02d}:{b % 60:02d}"}}')
        if holidays:
            lines.append("    holidays: cn")
    return "\n".join(lines)


def moments(dice, zone):
    """Times of 2025 to 2027, many of them near a change of the clock, a holiday or a make-up day."""
    begin = int(datetime(2025, 1, 1, tzinfo=timezone.utc).timestamp())
    end = int(datetime(2027, 12, 1, tzinfo=timezone.utc).timestamp())
    near = [at for at in range(begin, end, 3600) if datetime.fromtimestamp(at, zone).utcoffset() != datetime.fromtimestamp(at + 3600, zone).utcoffset()]
    near += [int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) for day in sorted(days_of(HOLIDAYS) | days_of(MAKE_UP)) if day < date(2027, 12, 1)]
    while True:
        at = dice.randrange(begin, end) if dice.random() < 0.4 else dice.choice(near) + dice.randrange(-90_000, 90_000)
        yield at * 1000 + dice.choice([0, 0, dice.randrange(1000)])


class WorkingTime(unittest.TestCase):
    probe = None
    seed = 0

    def test_agrees_minute_by_minute(self):
        dice, questions, expected = random.Random(self.seed), [], []
        for name, (zone, holidays, hours) in CALENDARS.items():
            brute, times = Brute(zone, holidays, hours), moments(dice, ZoneInfo(zone))
            for _ in range(CASES):
                at, working = next(times), dice.randrange(1, 40 * 60) * MINUTE_MS - dice.choice([0, 0, 17])
                questions.append(f"add {name} {at} {working}")
                expected.append(brute.add(at, working))
                span = dice.randrange(1, 9 * 24 * 60) * MINUTE_MS + dice.choice([0, 423])
                questions.append(f"between {name} {at} {at + span}")
                expected.append(brute.between(at, at + span))
        with tempfile.TemporaryDirectory(prefix="echoloop-calendars-") as folder:
            config = shutil.copytree(os.path.join(ROOT, "config"), os.path.join(folder, "config"))
            path = os.path.join(config, "organisation.yaml")
            with open(path, encoding="utf-8") as file:
                text = file.read()
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace("\ncalendars:\n", f"\ncalendars:\n{yaml_of()}\n", 1))
            done = subprocess.run([self.probe, config], input="\n".join(questions), stdout=subprocess.PIPE, text=True, check=True)
        answers = [int(line) for line in done.stdout.split()]
        self.assertEqual(len(answers), len(expected))
        self.assertGreaterEqual(len(expected), 200)
        for question, answer, wanted in zip(questions, answers, expected):
            self.assertEqual(answer, wanted, f"{question} (seed {self.seed}): {answer - wanted} ms apart")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--probe", required=True)
    parser.add_argument("--seed", type=int, default=1)
    options, rest = parser.parse_known_args()
    WorkingTime.probe, WorkingTime.seed = options.probe, options.seed
    print("seed", options.seed)
    unittest.main(argv=[sys.argv[0], *rest])
