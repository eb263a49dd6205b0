"""From sessions to rows, and their canonical export."""

import itertools
import json
from collections import defaultdict

from configuration import UNKNOWN
from sessions import Session, handler_values
from times import parse_time

CUSTOMER_SAYS = {"yes": "yes", "no": "no", None: "unanswered"}


def bin_of(value):
    """64 bins an octave; exact below 64."""
    if value < 64:
        return value
    shift = value.bit_length() - 1 - 6
    return 64 * (shift + 1) + (value >> shift) - 64


def session_measures(session):
    """Session measures but `answered`, which depends on the combination."""
    agent = session.close.get("agent_resolution") or UNKNOWN
    yield f"{agent}_{CUSTOMER_SAYS[session.resolved]}", 1
    yield "invited", int(session.invited)
    yield "not_reached", int(session.not_reached)
    for name, field in (("handle", "handle_ms"), ("queue", "queued_ms"), ("first_reply", "first_reply_ms")):
        value = session.close.get(field)
        if value is not None:
            yield f"{name}_n", 1
            yield f"{name}_ms", value
            yield f"bins/{name}/{bin_of(value)}", 1


def handling_ms(handler):
    begin, end = handler.get("from"), handler.get("to")
    return parse_time(end) - parse_time(begin) if begin is not None and end is not None else 0


def selections(session, by_evaluation):
    """{combination of values of the evaluation dimensions: the standing evaluations that carry them}"""
    if not by_evaluation:
        return {(): session.evaluations}
    if not session.evaluations:
        return {(UNKNOWN,) * len(by_evaluation): []}
    chosen = {}
    for evaluation in session.evaluations:
        for combination in itertools.product(*(evaluation.values[d] for d in by_evaluation)):
            chosen.setdefault(combination, []).append(evaluation)
    return chosen


def combinations(values, by_session):
    return itertools.product(*(values[d] for d in by_session))


def count(session, rows):
    """Adds one session to rows: {(tenant, dimensions, values, bucket): {measure: count}}."""

    def add(dimension_set, values, measures):
        row = rows[session.tenant, dimension_set.dimensions, dimension_set.in_order(values), session.bucket]
        for name, amount in measures:
            if amount:
                row[name] = row.get(name, 0) + amount

    own = list(session_measures(session))
    of_evaluation = {id(e): list(e.measures()) for e in session.evaluations}
    scored = [e for e in session.evaluations if e.kind == "csat" and e.score is not None]
    for dimension_set in session.counting.sets:
        for chosen_values, chosen in selections(session, dimension_set.by_evaluation).items():
            measures = own + [("answered", int(bool(chosen)))]
            question = dict(zip(dimension_set.by_evaluation, chosen_values)).get("question")
            for evaluation in chosen:
                measures = measures + of_evaluation[id(evaluation)]
                for asked, skipped in evaluation.answers:
                    if question is None or asked == question:
                        measures += [("answers", 1), ("answers_skipped", int(skipped))]
            for values in combinations(session.values, dimension_set.by_session):
                add(dimension_set, values + chosen_values, measures)
            if dimension_set.credited:
                credit(session, dimension_set, chosen_values, [e for e in chosen if e in scored], add)


def credit(session, dimension_set, chosen_values, scored, add):
    """Credits every human handler of the session: once per distinct combination, its milliseconds summed."""
    time_of = defaultdict(int)
    for handler in session.humans or [{}]:
        values = {**session.values, **handler_values(handler)}
        for combination in combinations(values, dimension_set.by_session):
            time_of[combination] += handling_ms(handler)
    tops, bottoms = sum(e.top for e in scored), sum(e.bottom for e in scored)
    for combination, ms in time_of.items():
        add(
            dimension_set,
            combination + chosen_values,
            [
                ("all_sessions", 1),
                ("all_csat_n", len(scored)),
                ("all_csat_top", tops),
                ("all_csat_bottom", bottoms),
                ("weighted_ms", ms),
                ("weighted_csat_ms", ms * len(scored)),
                ("weighted_csat_top_ms", ms * tops),
                ("weighted_csat_bottom_ms", ms * bottoms),
            ],
        )


def closed_sessions(gathered, config):
    for key, events in gathered.items():
        if any(event.type == "session.closed" for event in events):
            yield Session(key, events, config)


def aggregate(sessions):
    rows = defaultdict(dict)
    for session in sessions:
        count(session, rows)
    return rows


def export(rows):
    """The canonical export, as sorted lines of bytes."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
    lines = []
    for (tenant, dimensions, values, bucket), row in rows.items():
        measures = {}
        for name, amount in row.items():
            if amount == 0:
                continue
            if "/" not in name:
                measures[name] = amount
            elif name.startswith("scores/"):
                measures.setdefault("scores", {})[name[len("scores/") :]] = amount
            else:
                _, timing, index = name.split("/")
                measures.setdefault("bins", {}).setdefault(timing, {})[index] = amount
        if measures:
            row = {"bucket": bucket, "dimensions": dimensions, "measures": measures, "tenant": tenant, "values": values}
            lines.append(encode(row).encode("utf-8"))
    lines.sort()
    return lines
