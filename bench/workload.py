#!/usr/bin/python3
"""The reference workload "echoloop-ref" as echoloop's own events: one CloudEvent a line, in order of delivery.

    ./dev bench workload --sessions 2000000 > ref.ndjson        3.28 million events

Three days of sessions from 2026-03-01T00:00:00Z at equal steps over four tenants; 60 % get a rating within half an hour (1 % of these are
timed and delivered before their session), 1.67 % of the rated a second, later one (1 in 10 delivered first), 2 % of all events come twice.
Scores of 1 and 2 are 6 %, in 3 % of the (tenant, category, hour) windows 45 %. The same seed gives the same bytes, whatever the number of
processes: sessions are made in blocks, each with a generator of its own.
"""

import argparse
import multiprocessing
import os
import random
import sys

DAYS_MS = 259_200_000
HOURS = 72
FIRST_DAY = "2026-03-"  # day d is FIRST_DAY + (d + 1); an hour before belongs to 2026-02-28
BLOCK = 20_000  # sessions; part of the definition: another size gives other bytes
SECOND_MAX_MS = 300_000  # a rating comes at most this long before its session

TENANTS = ("acme",) * 4 + ("borealis",) * 3 + ("cathay",) * 2 + ("dunhuang",)
CHANNELS = ("web", "app", "phone", "wechat", "email")
CATEGORIES = 60
SCORES_GOOD = (3, 4, 4, 4, 5, 5, 5, 5, 5, 5)
PHRASES_ZH = (
    "等了很久才有人接", "客服很耐心，问题讲得很清楚", "快递一直没有更新", "希望尽快回复我", "退款还没到账", "已经解决了，谢谢",
    "态度一般", "说好今天回电也没有", "商品和描述不一样", "第二次打来了还是没有结果", "流程太复杂", "处理得很快，点赞👍",
)  # fmt: skip
PHRASES_EN = (
    "Quick and friendly.", "Still waiting for a refund.", "Had to explain it twice.", "Thank you!", "Nobody called back.",
    "The parcel arrived late.", "Solved in minutes.", "I was put in the wrong queue.",
)  # fmt: skip


def time_text(ms):
    seconds, ms = divmod(ms, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    date = f"{FIRST_DAY}{day + 1:02d}" if day >= 0 else f"2026-02-{29 + day:02d}"
    return f"{date}T{hour:02d}:{minute:02d}:{second:02d}.{ms:03d}Z"


def incidents(seed):
    """The bad windows: (tenant, category, hour)."""
    rng = random.Random(f"echoloop-ref/{seed}/incidents")
    windows = [(t, c, h) for t in dict.fromkeys(TENANTS) for c in range(CATEGORIES) for h in range(HOURS)]
    return {window for window in windows if rng.random() < 0.03}


def event_id(rng):
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def comment(rng):
    number = int(rng.random() * 5)
    if rng.random() < 0.6:
        return "，".join([PHRASES_ZH[int(rng.random() * len(PHRASES_ZH))] for _ in range(number)])
    return " ".join([PHRASES_EN[int(rng.random() * len(PHRASES_EN))] for _ in range(number)])


def rating(rng, at, tenant, session, bad_share):
    if rng.random() < bad_share:
        score = 1 if rng.random() < 0.5 else 2
    else:
        score = SCORES_GOOD[int(rng.random() * 10)]
    said = rng.random()
    resolved = '"resolved":"yes",' if said < 0.6 else '"resolved":"no",' if said < 0.8 else ""
    tags = []
    for _ in range(int(rng.random() * 4)):
        tag = f'"tag-{int(rng.random() * 40):02d}"'
        if tag not in tags:
            tags.append(tag)
    name = event_id(rng)
    time = time_text(at)
    return (
        f'{{"specversion":"1.0","id":"{name}","source":"/survey/form-{int(rng.random() * 20)}","type":"echoloop.evaluation.submitted.v1",'
        f'"subject":"{session}","time":"{time}","data":{{"tenant":"{tenant}","session_id":"{session}","evaluation_id":"{name}",'
        f'"submitted_at":"{time}","score":{{"value":{score},"min":1,"max":5}},{resolved}"tags":[{",".join(tags)}],'
        f'"comment":"{comment(rng)}"}}}}\n'
    )


def closed(rng, at, tenant, session, category):
    time = time_text(at)
    return (
        f'{{"specversion":"1.0","id":"{event_id(rng)}","source":"/contact-center/gw-{int(rng.random() * 8)}",'
        f'"type":"echoloop.session.closed.v1","subject":"{session}","time":"{time}","data":{{"tenant":"{tenant}","session_id":"{session}",'
        f'"closed_at":"{time}","customer_id":"C{int(rng.random() * 200_000):06d}","channel":"{CHANNELS[int(rng.random() * 5)]}",'
        f'"category":"category-{category:02d}","agents":[{{"id":"A{int(rng.random() * 500):03d}","department":"department-{category // 5:02d}"}}],'
        f'"queued_ms":{int(rng.random() * 180_000)},"handle_ms":{20_000 + int(rng.random() * 900_000)},'
        f'"agent_resolution":"{"resolved" if rng.random() < 0.7 else "unresolved"}"}}}}\n'
    )


def block(task):
    """All events of some sessions: (delivered at, line), in order of delivery."""
    seed, number, sessions = task
    rng = random.Random(f"echoloop-ref/{seed}/{number}")
    bad_windows = block.incidents
    out = []
    for index in range(number * BLOCK, min((number + 1) * BLOCK, sessions)):
        at = index * DAYS_MS // sessions
        tenant = TENANTS[int(rng.random() * 10)]
        category = int(rng.random() * CATEGORIES)
        session = f"S{index:010d}"
        first = len(out)
        out.append((at, closed(rng, at, tenant, session, category)))
        if rng.random() < 0.6:
            if rng.random() < 0.01:
                rated = at - 1000 - int(rng.random() * (SECOND_MAX_MS - 1000))
            else:
                rated = at + 1000 + int(rng.random() ** 3 * 1_799_000)
            bad_share = 0.45 if (tenant, category, at // 3_600_000) in bad_windows else 0.06
            line = rating(rng, rated, tenant, session, bad_share)
            if rng.random() < 0.0167:
                later = rated + 1000 + int(rng.random() * 3_599_000)
                other = rating(rng, later, tenant, session, bad_share)
                if rng.random() < 0.1:
                    line, other = other, line
                out.append((later, other))
            out.append((rated, line))
        for delivered, line in out[first:]:
            if rng.random() < 0.02:
                out.append((delivered + int(rng.random() * 600_000), line))
    out.sort(key=lambda event: event[0])
    return [delivered for delivered, _ in out], [line.encode("utf-8") for _, line in out]


def prepare(seed):
    block.incidents = incidents(seed)


def deliveries(sessions, seed, processes, make=block):
    """All events in order of delivery, some at a time: [(delivered at, line)]. `make` is block or does as it does."""
    blocks = -(-sessions // BLOCK)
    waiting = []
    with multiprocessing.Pool(processes, prepare, (seed,)) as pool:
        made = pool.imap(make, ((seed, number, sessions) for number in range(blocks)))
        for number, (times, lines) in enumerate(made):
            waiting += zip(times, lines)
            waiting.sort(key=lambda event: event[0])
            # Nothing of a later block is delivered before this.
            safe = (number + 1) * BLOCK * DAYS_MS // sessions - SECOND_MAX_MS if number + 1 < blocks else None
            end = len(waiting) if safe is None else sum(1 for delivered, _ in waiting if delivered < safe)
            yield waiting[:end]
            del waiting[:end]


def write_workload(file, sessions, seed, processes):
    """Writes the events to a binary file; how many they are."""
    written = 0
    for events in deliveries(sessions, seed, processes):
        file.writelines(line for _, line in events)
        written += len(events)
    return written


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sessions", type=int, default=182_700, help="2000000 for the full 3.28 million events")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--output", help="standard output without")
    options = parser.parse_args(arguments)
    if options.output:
        with open(options.output, "wb") as file:
            written = write_workload(file, options.sessions, options.seed, options.processes)
    else:
        written = write_workload(sys.stdout.buffer, options.sessions, options.seed, options.processes)
    print(f"seed {options.seed}: {written} events of {options.sessions} sessions", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
