"""Valid events turned bad in every way that Bad input names, and some that only look bad. Each mutation answers the bytes of one line.

A mutation's name ends in what must become of it: REJECTED says that nothing else may, NEUTRAL that the event must go in as if untouched.
"""

import json

ACCENTED = "é".encode("latin-1")


def dumped(event):
    return json.dumps(event, ensure_ascii=False).encode("utf-8")


def times_of(event):
    return [key for key in ("closed_at", "submitted_at", "sent_at") if key in event["data"]]


def with_time(event, text):
    names = times_of(event)
    if names:
        event["data"][names[0]] = text
    else:
        event["time"] = text
    return dumped(event)


def truncated(event, line, rng):
    return line[: rng.randrange(1, len(line) - 1)]


def two_in_one(event, line, rng):
    return line + b" " + line


def no_object(event, line, rng):
    return rng.choice([b"null", b"17", b'"event"', b"[]", b"true", b"{}", b"nonsense", b"[" + line + b"]"])


def wrong_type(event, line, rng):
    name = rng.choice(["tenant", "session_id", *times_of(event)])
    event["data"][name] = rng.choice([5, -1.5, True, [], {}, ["x"], None])
    return dumped(event)


def data_is_none(event, line, rng):
    event["data"] = rng.choice([None, [], "data", 0])
    return dumped(event)


def lists_of_numbers(event, line, rng):
    event["type"] = "echoloop.tags.changed.v1"
    event["data"].update(by="agent", add=[1, 2], remove=[])
    return dumped(event)


def score_outside(event, line, rng):
    value, low, high = rng.choice([(6, 1, 5), (0, 1, 5), (-1, 0, 10), (5, 5, 1), (1.0005, 1, 5), (1e300, 1, 5), ("4", 1, 5)])
    data = {key: event["data"][key] for key in ("tenant", "session_id")}
    data.update(evaluation_id="e", submitted_at="2026-03-01T00:00:00Z", score={"value": value, "min": low, "max": high})
    return dumped({**event, "type": "echoloop.evaluation.submitted.v1", "data": data})


def unknown_type(event, line, rng):
    event["type"] = rng.choice(["echoloop.session.closed.v2", "session.closed", "", "echoloop.task.opened.v1", "x" * 5000])
    return dumped(event)


def no_tenant(event, line, rng):
    if rng.random() < 0.5:
        del event["data"]["tenant"]
    else:
        event["data"]["tenant"] = rng.choice([None, "", "t" * 257])
    return dumped(event)


def missing_field(event, line, rng):
    name = rng.choice(["specversion", "type", "source", "id", "data"])
    del event[name]
    return dumped(event)


def other_subject(event, line, rng):
    event["subject"] = "another session"
    return dumped(event)


def far_year(event, line, rng):
    years = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z"]
    return with_time(event, rng.choice([*years, "10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z"]))


def no_time(event, line, rng):
    texts = ["2026-02-30T00:00:00Z", "2026-03-01T25:00:00Z", "2026-03-01T00:00:00", "yesterday", "2026-03-01", ""]
    return with_time(event, rng.choice(texts))


def not_utf8(event, line, rng):
    event["data"]["session_id"] = event["subject"] = "MARK"
    return dumped(event).replace(b"MARK", rng.choice([ACCENTED, b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe4\xb8"]))


def lone_surrogate(event, line, rng):
    event["data"]["session_id"] = event["subject"] = "MARK"
    return dumped(event).replace(b"MARK", rng.choice([b"\\ud800", b"\\udc00x", b"\\ud83d\\u0041"]))


def control_byte(event, line, rng):
    event["data"]["session_id"] = event["subject"] = "MARK"
    return dumped(event).replace(b"MARK", rng.choice([b"a\x00b", b"a\x01b", b"a\tb", b"a\\xb"]))


def twice_a_key(event, line, rng):
    doubled = rng.choice([b'"tenant":"hongtu",', b'"ten\\u0061nt":"x",', b'"odd":1,"odd":1,', b'"deep":{"k":1,"k":2},'])
    return dumped(event).replace(b'"data": {', b'"data": {' + doubled, 1)


def deep(event, line, rng):
    depth = rng.choice([63, 65, 500, 30_000])
    nested = rng.choice([(b"[", b"]"), (b'{"a":', b"}")])
    middle = b"1" if nested[0] != b"[" else b""
    return dumped(event).replace(b'"data": {', b'"data": {"deep":' + nested[0] * depth + middle + nested[1] * depth + b",", 1)


def huge_number(event, line, rng):
    event["type"], event["data"]["closed_at"] = "echoloop.session.closed.v1", "2026-03-01T00:00:00Z"
    event["data"]["handle_ms"] = "MARK"
    numbers = [b"1e999", b"1" + b"0" * 400, b"-1", b"1000000000001", b"0.5", b"1e400", b"0x10", b"01", b"NaN", b"Infinity", b"+1"]
    return dumped(event).replace(b'"MARK"', rng.choice(numbers))


def long_text(event, line, rng):
    event["type"], event["data"]["closed_at"] = "echoloop.session.closed.v1", "2026-03-01T00:00:00Z"
    event["data"]["channel"] = rng.choice(["长" * 86, "x" * 257, "x" * 100_000])
    return dumped(event)


def bracketed(event, line, rng):
    return rng.choice([line + b"}", b"," + line, line.replace(b":", b"=", 1), line[:-1] + b",}", line.replace(b'"', b"'")])


# ---- what does no harm


def untouched(event, line, rng):
    return line


def spaced(event, line, rng):
    return b" \t" + json.dumps(event, ensure_ascii=True, separators=(" ,  ", " :\t")).encode("ascii") + rng.choice([b"  ", b"\r"])


def unheard_of(event, line, rng):
    event["x-more"] = {"a": [None, 1e300, -0.0, "😀", {"b": {}}], "": 12345678901234567890}
    event["data"]["zz"] = "\u0000 and \u2028"
    return dumped(event)


def reordered(event, line, rng):
    pairs = list(event.items())
    rng.shuffle(pairs)
    return dumped(dict(pairs))


REJECTED = [
    truncated, two_in_one, no_object, wrong_type, data_is_none, lists_of_numbers, score_outside, unknown_type, no_tenant, missing_field,
    other_subject, far_year, no_time, not_utf8, lone_surrogate, control_byte, twice_a_key, deep, huge_number, long_text, bracketed,
]  # fmt: skip
NEUTRAL = [untouched, spaced, unheard_of, reordered]
