#!/usr/bin/python3
"""A real Kafka for tests and for playing: one broker or several, on ports of 127.0.0.1 that the system chooses, with their data in a folder.

    with Broker(folder) as broker:
        broker.create_topic("events", partitions=4)
        …             # broker.address is what a client asks for
        broker.kill()
        broker.restart()

    with Cluster(folder, 3) as cluster:
        cluster.brokers[0].kill()

As a program:

  broker.py serve --data DIR [--port P] [--topic NAME]…   one broker in the foreground: its address is the first line it prints;
                                                          SIGINT or SIGTERM stops it; the data stays, and so does the port
  broker.py with -- COMMAND…                              one in a temporary folder while COMMAND runs, which finds its address in
                                                          ECHOLOOP_TEST_BROKERS; ends with COMMAND's exit code

A broker dies with the thread that started it. Errors: Died, TimeoutError, and jars.Missing.
"""

import argparse
import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import jars
import topics
import wire
from machine import HOST, die_with, hold, random_id

STARTED = "Kafka Server started"
HEAP = ("-Xms512m", "-Xmx512m")
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # half the time to start; slower when it has run for long
PATIENCE_S = 60  # for a machine under load; nothing waits that long when all is well
LOOK_S = 0.02
GUEST = ("guest", "word")  # and a password
# Who comes at the other listeners may do everything.
GUARD = f"""\
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
listener.name.guarded.sasl.enabled.mechanisms=PLAIN
listener.name.guarded.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{GUEST[0]}="{GUEST[1]}";
"""


class Died(Exception):
    """A process that ended before it did what it was started for, with the end of what it said."""


# ---- brokers


class Broker:
    """A broker that is its own controller, with all that it keeps below the folder `data`; a folder that was used before goes on.
    port: 0 for the one of the last time, or any.
    quick: for tests, which start brokers often; what is measured takes quick=False.
    wired: clients may also come through `wire` (wire.py), at `wired_address`, and then always do.
    guarded: clients may also come at `guarded_address`, by SASL PLAIN as GUEST, to whom nothing is permitted."""

    def __init__(self, data, port=0, quick=True, node=1, wired=False, guarded=False):
        self.data, self.node = os.path.abspath(data), node
        self.options = (*HEAP, *QUICK) if quick else HEAP
        self.peers, self.cluster_id, self.directory_id = [self], random_id(), random_id()
        self.process = None
        self._log_at = 0
        with contextlib.ExitStack() as held:
            os.makedirs(self.data, exist_ok=True)
            lock = held.enter_context(open(self._path("lock"), "w", encoding="ascii"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Died(f"a broker runs already on {data}") from None
            last = self._last_ports()
            self.port = self._hold(held, port, last[0])
            self.controller_port = self._hold(held, 0, last[1])
            self.wire = None
            if wired:
                self.behind_wire = self._hold(held, 0, 0)
                self.wire = held.enter_context(wire.Wire(f"{HOST}:{self.behind_wire}"))
            self.guarded_port = self._hold(held, 0, 0) if guarded else None
            self._held = held.pop_all()

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    @property
    def guarded_address(self):
        return f"{HOST}:{self.guarded_port}"

    @property
    def wired_address(self):
        return self.wire.address

    @property
    def controller_address(self):
        return f"{HOST}:{self.controller_port}"

    def _path(self, name):
        return os.path.join(self.data, name)

    def _last_ports(self):
        try:
            with open(self._path("server.properties"), encoding="utf-8") as file:
                listeners = re.search(r"^listeners=\D*[\d.]+:(\d+)\D*[\d.]+:(\d+)(,\S+)?$", file.read(), re.MULTILINE)
        except FileNotFoundError:
            return 0, 0
        return [int(port) for port in listeners.groups()[:2]]

    @staticmethod
    def _hold(held, wanted, last):
        try:
            kept = hold(wanted or last)
        except OSError:
            if wanted:
                raise Died(f"{HOST}:{wanted} is taken") from None
            kept = hold(0)
        return held.enter_context(kept).getsockname()[1]

    def properties(self):
        replicas, in_sync = len(self.peers), len(self.peers) // 2 + 1
        controllers = ",".join(peer.controller_address for peer in self.peers)
        guarded = (f",GUARDED://{self.guarded_address}", ",GUARDED:SASL_PLAINTEXT") if self.guarded_port else ("", "")
        wired = (f",WIRED://{HOST}:{self.behind_wire}", f",WIRED://{self.wire.address}", ",WIRED:PLAINTEXT") if self.wire else ("", "", "")
        return f"""\
process.roles=broker,controller
node.id={self.node}
listeners=PLAINTEXT://{self.address},CONTROLLER://{self.controller_address}{wired[0]}{guarded[0]}
advertised.listeners=PLAINTEXT://{self.address}{wired[1]}{guarded[0]}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{wired[2]}{guarded[1]}
inter.broker.listener.name=PLAINTEXT
controller.quorum.bootstrap.servers={controllers}
log.dirs={self._path("records")}
auto.create.topics.enable=false
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=250
{GUARD if self.guarded_port else ""}"""

    # ---- life

    def start(self):
        start_all([self])
        return self

    def restart(self):
        """Starts it again, on the same address; one that still runs is stopped first."""
        if self.alive():
            self.stop()
        return self.start()

    def stop(self):
        """Asks it to end; answers the exit code, 143 when all went well."""
        if self.alive():
            self.process.terminate()
        return self.process.wait(PATIENCE_S)

    def kill(self):
        self.process.kill()
        return self.process.wait(PATIENCE_S)

    def close(self):
        """Kills it and gives its ports and its folder back."""
        if self.alive():
            self.kill()
        self._held.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        """What it said since it was started last."""
        with open(self._path("broker.log"), "rb") as file:
            file.seek(self._log_at)
            return file.read().decode(errors="replace")

    def create_topic(self, name, partitions=1, **settings):
        """With settings of the topic, `_` for `.`: retention_ms=1000. Errors: those of topics.py."""
        create_topic(self.peers, name, partitions, settings)

    def _launch(self, java, main, *words):
        """A JVM in a session of its own, which Ctrl-C does not reach."""
        jars.need("java", "openjdk-17-jre-headless")
        logging = f"-Dlog4j2.configurationFile={os.path.join(jars.RECIPE, 'log4j2.properties')}"
        command = ["java", *java, logging, "-cp", os.path.join(jars.folder_of_jars(), "*"), main, *words]
        with open(self._path("broker.log"), "ab") as log:
            self._log_at = log.tell()
            self.process = subprocess.Popen(
                command, cwd=self.data, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=die_with(os.getpid()),
            )  # fmt: skip

    def begin_format(self):
        """Writes the properties, and has the folder formatted unless it was before."""
        again = os.path.exists(self._path("server.properties"))
        with open(self._path("server.properties"), "w", encoding="utf-8") as file:
            file.write(self.properties())
        if os.path.exists(self._path("formatted")):
            return
        if again:  # a format did not end
            shutil.rmtree(self._path("records"), ignore_errors=True)
        voters = ",".join(f"{peer.node}@{peer.controller_address}:{peer.directory_id}" for peer in self.peers)
        words = ["-t", self.peers[0].cluster_id, "-c", self._path("server.properties"), "--initial-controllers", voters]
        self._launch(QUICK, "kafka.tools.StorageTool", "format", *words)

    def wait_formatted(self):
        if os.path.exists(self._path("formatted")):
            return
        code = self.process.wait(PATIENCE_S)
        if code != 0:
            raise Died(f"{self.data} could not be formatted: exit {code}\n{self.log()[-3000:]}")
        with open(self._path("formatted"), "wb"):
            pass

    def begin(self):
        self._launch(self.options, "kafka.Kafka", self._path("server.properties"))

    def wait_started(self):
        limit = time.monotonic() + PATIENCE_S
        while STARTED not in self.log():
            if not self.alive():
                raise Died(f"a broker ended before it had started: exit {self.process.returncode}\n{self.log()[-3000:]}")
            if time.monotonic() > limit:
                raise TimeoutError(f"a broker has not started within {PATIENCE_S} s\n{self.log()[-3000:]}")
            time.sleep(LOOK_S)


def start_all(brokers):
    """Starts those that know of each other at once: none is ready before most of them are."""
    try:
        for step in (Broker.begin_format, Broker.wait_formatted, Broker.begin, Broker.wait_started):
            for broker in brokers:
                step(broker)
    except BaseException:
        for broker in brokers:
            if broker.alive():
                broker.kill()
        raise


def create_topic(brokers, name, partitions, settings):
    running = ",".join(broker.address for broker in brokers if broker.alive())
    named = {key.replace("_", "."): value for key, value in settings.items()}
    topics.create(running, name, partitions, len(brokers), named)


class Cluster:
    """Brokers that keep each record on all of them; one of three may be lost. A first start that was broken off wants a new folder."""

    def __init__(self, data, count=3, quick=True, wired=False):
        with contextlib.ExitStack() as held:
            self.brokers = []
            for node in range(1, count + 1):
                broker = Broker(os.path.join(data, str(node)), quick=quick, node=node, wired=wired)
                held.callback(broker.close)
                self.brokers.append(broker)
            for broker in self.brokers:
                broker.peers = self.brokers
            self._held = held.pop_all()

    @property
    def address(self):
        """All of them, as bootstrap.servers wants it."""
        return ",".join(broker.address for broker in self.brokers)

    @property
    def wired_address(self):
        return ",".join(broker.wired_address for broker in self.brokers)

    def start(self):
        start_all(self.brokers)
        return self

    def stop(self):
        """Asks all to end; answers the exit codes."""
        for broker in self.brokers:
            if broker.alive():
                broker.process.terminate()
        return [broker.stop() for broker in self.brokers]

    def kill(self):
        for broker in self.brokers:
            broker.process.kill()
        return [broker.kill() for broker in self.brokers]

    def restart(self):
        if any(broker.alive() for broker in self.brokers):
            self.stop()
        return self.start()

    def close(self):
        self._held.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def create_topic(self, name, partitions=1, **settings):
        create_topic(self.brokers, name, partitions, settings)


# ---- the program


def serve(data, port, names):
    with contextlib.closing(Broker(data, port)) as broker:
        try:
            broker.start()
            for name in names:
                with contextlib.suppress(topics.Exists):
                    broker.create_topic(name)
            print(
                f"{broker.address}\n  echo hello | kcat -P -b {broker.address} -t {names[0]}\n"
                f"  kcat -C -e -b {broker.address} -t {names[0]}\nCtrl-C stops it.",
                flush=True,
            )
            code = broker.process.wait()
            raise Died(f"the broker ended: exit {code}\n{broker.log()[-3000:]}")
        except (KeyboardInterrupt, SystemExit):
            if broker.alive():
                broker.stop()
            return 0


def run_with(command):
    """The command's exit code; 128 and the signal's number when one ended it."""
    with tempfile.TemporaryDirectory(prefix="echoloop-kafka-") as folder, Broker(folder) as broker:
        environment = {**os.environ, "ECHOLOOP_TEST_BROKERS": broker.address}
        with subprocess.Popen(command, env=environment, preexec_fn=die_with(os.getpid())) as child:
            signal.signal(signal.SIGINT, lambda *_: None)  # a terminal sends it to the command as well
            try:
                code = child.wait()
            finally:
                child.terminate()
    return 128 - code if code < 0 else code


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve")
    serving.add_argument("--data", required=True)
    serving.add_argument("--port", type=int, default=0)
    serving.add_argument("--topic", action="append")
    beside = commands.add_parser("with")
    beside.add_argument("words", nargs="+")
    options = parser.parse_args()
    for asked in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, lambda number, _: sys.exit(128 + number))
    try:
        if options.command == "with":
            return run_with(options.words)
        return serve(options.data, options.port, options.topic or ["hello"])
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (jars.Missing, Died, TimeoutError, topics.Refused, OSError) as error:
        print(f"broker: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
