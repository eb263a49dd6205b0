"""Points in time and time zones, in milliseconds since 1970 UTC."""

import datetime
import re

import icu

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))")


EPOCH = datetime.date(1970, 1, 1).toordinal()


def parse_time(text):
    """RFC 3339 → milliseconds since 1970; digits past the millisecond are cut off."""
    match = TIME.fullmatch(text)
    if not match:
        raise ValueError(f"not an RFC 3339 time: {text!r}")
    year, month, day, hour, minute, second, fraction, sign, zone_hour, zone_minute = match.groups()
    days = datetime.date(int(year), int(month), int(day)).toordinal() - EPOCH
    seconds = days * 86400 + int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign:
        offset = int(zone_hour) * 3600 + int(zone_minute) * 60
        seconds += offset if sign == "-" else -offset
    return seconds * 1000 + int(((fraction or "") + "000")[:3])


class Zone:
    """A time zone: local time = UTC + offset(UTC). Asks ICU once per quarter of an hour."""

    def __init__(self, name):
        self.icu = icu.TimeZone.createTimeZone(name)
        if self.icu.getID() != name:
            raise ValueError(f"unknown time zone {name!r}")
        self.offsets = {}

    def offset(self, ms):
        quarter = ms // 900_000
        found = self.offsets.get(quarter)
        if found is None:
            raw, dst = self.icu.getOffset(quarter * 900.0, False)  # PyICU takes seconds, gives milliseconds
            found = self.offsets[quarter] = raw + dst
        return found

    def hour(self, ms):
        """Start of the local hour, in UTC milliseconds."""
        return ms - (ms + self.offset(ms)) % HOUR_MS

    def day(self, ms):
        """Local calendar day, as days since 1970-01-01."""
        return (ms + self.offset(ms)) // DAY_MS
