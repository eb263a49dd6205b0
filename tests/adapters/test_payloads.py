#!/usr/bin/python3
"""What the platforms themselves publish as examples, through their adapters, against what a person reads in them.

    test_payloads.py

The payloads are not ours to copy: they lie beside the project in ../shared/data/payloads, and without that folder the tests are skipped. What
must become of each is written here in few words: facts of each event, or the reason of a skip.
"""

import json
import os
import unittest

from test_adapters import ROOT, run

PAYLOADS = os.path.realpath(os.path.join(ROOT, "..", "shared", "data", "payloads"))
ARRIVED = {"X-Request-Start": "t=1772534650.5"}
ARRIVED_AT = "2026-03-03T10:44:10.500Z"


def skipped(reason):
    return {"skip": reason}


def fact(kind, session, **more):
    return {"type": f"echoloop.{kind}.v1", "session_id": session, **more}


def not_needed(action):
    return [skipped(f"{action} is not needed")]


GOOD = {"value": 2, "min": 1, "max": 2}
ACTIONS = ["access_granted", "access_revoked", "access_set", "agent_deleted", "chat_user_added", "chat_user_removed", "customer_created",
           "event_updated", "events_marked_as_seen", "incoming_rich_message_postback", "routing_status_set"]  # fmt: skip
LIVECHAT = {
    **{f"livechat/{action}.json": not_needed(action) for action in ACTIONS},
    "livechat/incoming_event.json": [skipped("messages are not needed")],
    # Ratings of a message, or of a chat that names no thread, are no ratings of a session.
    "livechat/event_properties_updated.json": [skipped("a rating of one message is none of the session")],
    "livechat/event_properties_deleted.json": [skipped("a rating of one message is none of the session")],
    "livechat/chat_properties_updated.json": [skipped("a chat's properties belong to no thread")],
    "livechat/chat_properties_deleted.json": [skipped("a chat's properties belong to no thread")],
    "livechat/chat_deactivated.json": [
        fact("session.closed", "livechat-PZ070E0W1B", closed_at=ARRIVED_AT, closed_by="agent", channel="web",
             agents=[{"id": "agent1@example.com", "kind": "human"}])],
    "livechat/thread_properties_updated.json": [
        fact("evaluation.submitted", "livechat-K600PKZON8", score=GOOD, comment="Very good, veeeery good", submitted_at=ARRIVED_AT,
             evaluation_id="livechat-rating-K600PKZON8")],
    "livechat/thread_properties_deleted.json": [
        fact("evaluation.withdrawn", "livechat-K600PKZON8", evaluation_id="livechat-rating-K600PKZON8", reason="customer")],
    "livechat/thread_tagged.json": [fact("tags.changed", "livechat-K600PKZON8", by="agent", add=["bug_report"])],
    "livechat/thread_untagged.json": [fact("tags.changed", "livechat-K600PKZON8", by="agent", remove=["bug_report"])],
}  # fmt: skip

# Bodies of requests to Chatwoot's own API, and an answer of its report: they name no conversation, so no session could have them.
CHATWOOT = {f"chatwoot/{name}.json": [skipped("not a Chatwoot event")]
            for name in ("csat_metrics_response", "csat_public_api_body", "csat_submit_patch_body")}  # fmt: skip

ZENDESK = {
    "zendesk/nango_get-ticket.test.json": [skipped("ticket 1 is open, not solved, and not rated")],
    "zendesk/nango_list-tickets.test.json": [skipped(f"ticket {n} is open, not solved, and not rated") for n in (1, 2, 3, 4)],
    "zendesk/satisfaction_rating_example.json": [
        fact("evaluation.submitted", "zendesk-208", score=GOOD, submitted_at="2011-07-20T22:55:29Z", customer_id="zendesk-7881", comment=None)],
    "zendesk/satisfaction_ratings_list_example.json": [
        fact("evaluation.submitted", "zendesk-208", score=GOOD, submitted_at="2011-07-20T22:55:29Z", comment="Awesome support!"),
        fact("evaluation.submitted", "zendesk-209", score=GOOD, submitted_at="2012-02-02T10:32:59Z", comment="Awesome support!")],
}  # fmt: skip

INTERCOM = {"intercom/nango_get-conversation.test.json": [skipped("conversation 215474207061545 is snoozed, not closed, and not rated")]}

ROCKETCHAT = {
    "rocketchat/livechat_session_webhook.json": [
        fact("session.closed", "rocketchat-Tc5SyBZHovD4k8BXv", opened_at="2023-02-02T10:16:07.230Z", closed_at="2023-02-02T10:21:05.391Z",
             queued_ms=145, first_reply_ms=298161, agent_tags=["self"], customer_id="rocketchat-63db8d4990fe6eda42ad429a",
             agents=[{"id": "aXjjcPwq4Pcp7xftH", "kind": "human", "from": "2023-02-02T10:16:07.375Z"}])],
}  # fmt: skip

EXPECTED = {**LIVECHAT, **CHATWOOT, **ZENDESK, **INTERCOM, **ROCKETCHAT}


def document_of(path):
    """A webhook as the hook passes it on. Recorded API calls hold the platform's answer within."""
    with open(os.path.join(PAYLOADS, path), encoding="utf-8") as file:
        body = json.load(file)
    if "/nango_" in path:
        (recorded,) = body["api"]["get"].values()
        return recorded["response"]
    return {"headers": ARRIVED, "body": body}


def facts_of(event, wanted):
    """Of an event what is asked for; None where it has no such field."""
    if "skip" in event:
        return event
    return {name: event["type"] if name == "type" else event["data"].get(name) for name in wanted}


@unittest.skipUnless(os.path.isdir(PAYLOADS), "the platforms' own payloads are not here: ../shared/data/payloads")
class Payloads(unittest.TestCase):
    def test_each_becomes_what_stands_in_it(self):
        for path, wanted in EXPECTED.items():
            with self.subTest(path):
                made = run(path.split("/")[0], [document_of(path)])
                self.assertEqual([facts_of(event, want) for event, want in zip(made, wanted)] + made[len(wanted) :], wanted)

    def test_none_is_left_out(self):
        here = {f"{platform}/{name}" for platform in os.listdir(PAYLOADS) for name in os.listdir(os.path.join(PAYLOADS, platform))}
        self.assertEqual(here, set(EXPECTED))


if __name__ == "__main__":
    unittest.main(verbosity=2)
