"""A real `echoloop run` for tests: on a port that the system chooses, with its data in the test's folder, asked over HTTP.

    with Server(folder) as server:
        server.post_events(events)
        server.wait_settled()
        server.get("/api/v1/tasks", tenant="hongtu").json()

The binary is --binary of the test's command line, else build/release/echoloop. What the process says goes to
server.log in the folder, and to standard error when a start fails.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import unittest
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.realpath(os.path.join(HERE, "..", ".."))
CONFIG = os.path.join(ROOT, "config")
ORACLE = os.path.join(ROOT, "tests", "oracle")
PATIENCE_S = 60  # for a machine under load; nothing waits that long when all is well
LOOK_S = 0.005


def binary_of(arguments):
    """Takes --binary FILE out of the arguments."""
    path = os.path.join(ROOT, "build", "release", "echoloop")
    if "--binary" in arguments:
        at = arguments.index("--binary")
        path = arguments[at + 1]
        del arguments[at : at + 2]
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is not built: ./dev build")
    return os.path.abspath(path)


def take_number(name, default):
    """Takes `name NUMBER` out of the command line."""
    if name not in sys.argv:
        return default
    at = sys.argv.index(name)
    value = int(sys.argv[at + 1])
    del sys.argv[at : at + 2]
    return value


BINARY = binary_of(sys.argv) if "unittest" not in sys.argv[0] else ""


def run_tests():
    unittest.main(verbosity=2)


class Died(ConnectionError):
    """The server ended, or was killed, before it answered."""


class NotReached(Exception):
    """A condition that was waited for did not come."""


def wait_for(condition, what, patience_s=PATIENCE_S):
    """Polls until the condition answers something true, and answers that."""
    limit = time.monotonic() + patience_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > limit:
            raise NotReached(f"{what}: not within {patience_s} s")
        time.sleep(LOOK_S)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:2000].decode(errors='replace')}"


def echoloop(*arguments, stdin=None, **environment):
    """Runs a command to its end: (exit code, standard output, standard error), both as text."""
    done = subprocess.run(
        [BINARY, *map(str, arguments)], capture_output=True, input=stdin, env={**os.environ, **environment}, check=False
    )
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def lines_of(*arguments):
    """The NDJSON that a command prints; a failure is an error."""
    code, out, err = echoloop(*arguments)
    if code != 0:
        raise AssertionError(f"echoloop {' '.join(map(str, arguments))}: exit {code}\n{err}")
    return [json.loads(line) for line in out.splitlines() if line]


class Server:
    def __init__(self, folder, *options, config=CONFIG, environment=None, data=None):
        self.folder, self.config = folder, config
        self.data = data or os.path.join(folder, "data")
        self.options, self.environment = list(options), environment or {}
        self.process, self.host = None, None

    # ---- life

    def start(self, wait=True):
        os.makedirs(self.data, exist_ok=True)
        address = os.path.join(self.data, "server")
        if os.path.exists(address):
            os.remove(address)  # of one that was killed
        command = [BINARY, "run", "--listen", "127.0.0.1:0", "--data", self.data, "--config-dir", self.config]
        with open(os.path.join(self.folder, "server.log"), "ab") as log:
            environment = {**os.environ, **self.environment}
            self.process = subprocess.Popen([*command, *self.options], stdout=log, stderr=log, env=environment)
        if wait:
            self.wait_ready()
        return self

    def address(self):
        """host:port once the process has told it, else none."""
        try:
            with open(os.path.join(self.data, "server"), encoding="ascii") as file:
                text = file.read()
        except FileNotFoundError:
            return None
        return text.strip().split("//")[1] if text.endswith("\n") else None

    def url(self):
        return f"http://{self.host}"

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def check_alive(self):
        if not self.alive():
            raise Died(f"exit {self.process.returncode}\n{self.log()[-3000:]}")

    def log(self):
        with open(os.path.join(self.folder, "server.log"), "rb") as file:
            return file.read().decode(errors="replace")

    def wait_ready(self):
        def listening():
            self.check_alive()
            return self.address()

        self.host = wait_for(listening, "an address")
        self.wait_settled()

    def wait_settled(self):
        """Everything that was taken is applied."""

        def settled():
            self.check_alive()
            try:
                return self.get("/readyz").status == 200
            except OSError:
                return False

        wait_for(settled, "/readyz")

    def wait_end(self):
        return self.process.wait(PATIENCE_S)

    def stop(self):
        """Asks it to end; answers the exit code."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        return self.wait_end()

    def kill(self):
        self.process.kill()
        return self.wait_end()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.alive():
            self.process.kill()
        self.wait_end()

    # ---- requests

    def request(self, method, path, body=None, headers=None, **parameters):
        if parameters:
            path += "?" + urllib.parse.urlencode(parameters)
        connection = http.client.HTTPConnection(self.host, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException) as error:
            self.check_alive()  # why it ended says more
            raise ConnectionError(repr(error)) from error
        finally:
            connection.close()

    def get(self, path, **parameters):
        return self.request("GET", path, **parameters)

    def post_lines(self, body, **parameters):
        """NDJSON as it is."""
        return self.request(
            "POST", "/api/v1/events", body=body, headers={"Content-Type": "application/x-ndjson"}, **parameters
        )

    def post_events(self, events):
        """All of them, or an error."""
        body = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events).encode("utf-8")
        answer = self.post_lines(body)
        if answer.status != 202 or answer.json()["rejected"]:
            raise AssertionError(f"not all events were accepted: {answer}")
        return answer

    def command(self, task, command, by="li", **more):
        """What somebody does with the task of that id, whatever its state."""
        body = json.dumps({"command": command, "by": by, **more}, ensure_ascii=False).encode()
        return self.request("POST", f"/api/v1/tasks/{task}/commands", body=body, headers={"Content-Type": "application/json", "If-Match": "*"})

    def items(self, path, **parameters):
        """All pages of a list."""
        found, cursor = [], None
        while True:
            more = {"cursor": cursor} if cursor else {}
            answer = self.get(path, limit=200, **more, **parameters)
            if answer.status != 200:
                raise AssertionError(f"GET {path}: {answer}")
            page = answer.json()
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def tasks(self, **parameters):
        return self.items("/api/v1/tasks", **parameters)
