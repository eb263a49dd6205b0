"""Somebody who asks the members of a group for numbers, all the time."""

import collections
import http.client
import json
import random
import threading
import urllib.parse

import server as house

ASK_S = 3


class Asker(threading.Thread):
    """Asks any member for numbers of the whole group, all the time. An answer is whole or a 503 that says when to come again: sessions
    are only added here, so a number that is smaller than one before is half of one."""

    def __init__(self, harness):
        super().__init__(daemon=True)
        self.harness, self.ended = harness, threading.Event()
        self.rng = random.Random(f"asker/{harness.options.seed}")
        self.known, self.answers, self.problems = collections.Counter(), collections.Counter(), []
        self.tenants = sorted({json.loads(line)["data"]["tenant"] for line in harness.lines})

    def run(self):
        while not self.ended.wait(0.02):
            member, tenant = self.rng.choice(self.harness.members), self.rng.choice(self.tenants)
            answer = self.ask(member, f"/api/v1/metrics/sessions?tenant={urllib.parse.quote(tenant)}&interval=all")
            self.answers[answer.status if answer else "none"] += 1
            if answer:
                self.judge(tenant, answer)

    def ask(self, member, path):
        """None of a member that is dead or stopped at the moment."""
        host = member.server and member.server.address()
        if not host:
            return None
        connection = http.client.HTTPConnection(host, timeout=ASK_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return house.Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def judge(self, tenant, answer):
        if answer.status == 503:
            if answer.headers.get("Retry-After") is None:
                self.problems.append(f"503 without Retry-After: {answer!r}")
        elif answer.status != 200:
            self.problems.append(f"{tenant}: {answer!r}")
        else:
            n = sum(row["n"] for row in answer.json()["rows"])
            if n < self.known[tenant]:
                self.problems.append(f"{tenant} has {n} sessions after {self.known[tenant]}")
            self.known[tenant] = n

    def end(self):
        if not self.is_alive():
            self.problems.append("who asked has given up")
        self.ended.set()
        self.join()
        return self.problems[:5]
