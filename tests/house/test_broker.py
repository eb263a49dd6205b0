#!/usr/bin/python3
"""The broker that the other tests of Kafka stand on: it keeps what it was given through kill -9, three outlive one of them, and none
outlives who started it.

    test_broker.py
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import jars
from broker import PATIENCE_S, Broker, Cluster, Died
from topics import Exists

PROGRAM = [sys.executable, "-B", os.path.join(os.path.dirname(os.path.abspath(__file__)), "broker.py")]


def kcat(address, *words, said=None):
    """What kcat prints; it goes on until it has done what it was asked for."""
    done = subprocess.run(
        ["kcat", "-q", "-b", address, *words], input=said, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"kcat {' '.join(words)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def records(address, topic, count):
    """The first so many, waited for."""
    return kcat(address, "-C", "-t", topic, "-o", "beginning", "-c", str(count)).splitlines()


def leader(address, topic):
    """The node that leads its only partition."""
    (told,) = json.loads(kcat(address, "-L", "-J", "-t", topic))["topics"]
    return told["partitions"][0]["leader"]


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        jars.need("kcat", "kcat")

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="echoloop-broker-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name


class One(Case):
    def test_a_record_outlives_kill_9_and_a_stop_and_the_broker_keeps_its_address(self):
        with Broker(self.folder) as broker:
            address = broker.address
            broker.create_topic("notes", partitions=1, retention_ms=-1)
            self.assertRaises(Exists, broker.create_topic, "notes")
            kcat(address, "-P", "-t", "notes", "-X", "acks=all", said="first\n")
            self.assertEqual(records(address, "notes", 1), ["first"])
            self.assertEqual(broker.kill(), -signal.SIGKILL)
            self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", broker.port))
            self.assertEqual(broker.restart().address, address)
            kcat(address, "-P", "-t", "notes", "-X", "acks=all", said="second\n")
            self.assertEqual(records(address, "notes", 2), ["first", "second"])
            self.assertRaises(Died, Broker, self.folder)
            self.assertEqual(broker.stop(), 128 + signal.SIGTERM)
        command = [*PROGRAM, "serve", "--data", self.folder, "--topic", "notes"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
            self.addCleanup(starter.kill)
            self.assertEqual(starter.stdout.readline().strip(), address)
            self.assertEqual(records(address, "notes", 2), ["first", "second"])
            connection = socket.create_connection(("127.0.0.1", broker.port), PATIENCE_S)
            starter.kill()
        with connection, contextlib.suppress(ConnectionResetError):
            self.assertEqual(connection.recv(1), b"", "a broker dies with who started it")


class Three(Case):
    def test_a_producer_that_wants_all_acknowledgements_goes_on_when_the_leader_is_killed(self):
        with Cluster(self.folder, 3) as cluster:
            cluster.create_topic("notes")
            command = ["kcat", "-q", "-P", "-b", cluster.address, "-t", "notes", "-X", "acks=all", "-X", "enable.idempotence=true"]
            numbers = [f"{number:0100d}" for number in range(2000)]  # kcat reads ahead, but not a thousand of them
            with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as producer:
                self.addCleanup(producer.kill)
                print(*numbers[:1000], sep="\n", file=producer.stdin, flush=True)
                records(cluster.address, "notes", 1)
                lost = leader(cluster.address, "notes")
                cluster.brokers[lost - 1].kill()
                print(*numbers[1000:], sep="\n", file=producer.stdin)
            self.assertEqual(producer.returncode, 0, "all are acknowledged")
            self.assertEqual(records(cluster.address, "notes", 2000), numbers)
            self.assertNotEqual(leader(cluster.address, "notes"), lost)


class Program(Case):
    def test_a_command_finds_its_broker_and_says_how_it_ended(self):
        command = [*PROGRAM, "with", "--", "sh", "-c", 'kcat -q -L -b "$ECHOLOOP_TEST_BROKERS" && exit 7']
        done = subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn("1 brokers", done.stdout)

    def test_what_is_not_installed_is_named(self):
        environment = {**os.environ, "PATH": self.folder}
        done = subprocess.run([*PROGRAM, "with", "--", "true"], env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("java is missing: ./dev test installs it", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
