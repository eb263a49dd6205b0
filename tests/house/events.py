"""Canonical events of the shipped configuration's tenant, written as short as they can be read."""

import itertools
import json

TENANT = "hongtu"
NUMBERS = itertools.count(1)


def text(value):
    return json.dumps(value, ensure_ascii=False)


def event(kind, session, data, time=None, tenant=TENANT, name=None):
    out = {
        "specversion": "1.0",
        "type": f"echoloop.{kind}.v1",
        "source": "/tests/house",
        "id": name or f"n{next(NUMBERS)}",
        "subject": session,
        "data": {"tenant": tenant, "session_id": session, **data},
    }
    if time is not None:
        out["time"] = time
    return out


def closed(session, at, tenant=TENANT, **data):
    return event("session.closed", session, {"closed_at": at, **data}, at, tenant)


def rated(session, at, score=None, scale=(1, 5), tenant=TENANT, evaluation="e1", **data):
    more = {"evaluation_id": evaluation, "submitted_at": at, "survey": "chat-csat"}
    if score is not None:
        more["score"] = {"value": score, "min": scale[0], "max": scale[1]}
    return event("evaluation.submitted", session, {**more, **data}, at, tenant)


def withdrawn(session, evaluation="e1", tenant=TENANT):
    return event(
        "evaluation.withdrawn", session, {"evaluation_id": evaluation, "reason": "appeal"}, "2026-06-20T00:00:00Z", tenant
    )


def retagged(session, at, by="customer", add=(), remove=(), tenant=TENANT):
    return event("tags.changed", session, {"by": by, "add": list(add), "remove": list(remove)}, at, tenant)


def observed(name, at, numerator, denominator, tenant=TENANT, **data):
    """An outcome: what the outside has seen."""
    more = {"tenant": tenant, "name": name, "time": at, "numerator": numerator, "denominator": denominator}
    out = event("outcome.observed", name, {}, at, tenant)
    return {**out, "data": {**more, **data}}
