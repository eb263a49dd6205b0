#!/usr/bin/python3
"""The commands of README.md's section on Kafka run as they stand there, with a broker of the test's own; addresses and folders are put in
place, and what a terminal of its own is for runs beside.

    test_readme_kafka.py [--binary build/release/echoloop]
"""

import os
import re
import subprocess
import tempfile
import unittest

import broker as kafka
import server

MEMBERS = {"127.0.0.1:8081": "data-a", "127.0.0.1:8082": "data-b"}


def commands():
    with open(os.path.join(server.ROOT, "README.md"), encoding="utf-8") as file:
        section = re.search(r"^## On Kafka\n(.*?)^## ", file.read(), re.MULTILINE | re.DOTALL).group(1)
    blocks = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


class ReadmeOnKafka(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder, self.members = folder.name, {}
        self.broker = kafka.Broker(os.path.join(self.folder, "broker"))
        self.broker.__enter__()
        self.addCleanup(self.broker.stop)

    def start(self, line):
        """The member of that line, on a port of the system's choice."""
        listen = re.search(r"--listen (\S+)", line).group(1)
        self.assertIn(f"--data {MEMBERS[listen]}", line)
        self.assertIn("--kafka.brokers 127.0.0.1:9092", line)
        folder = os.path.join(self.folder, MEMBERS[listen])
        os.makedirs(folder)
        member = server.Server(folder, "--kafka.brokers", self.broker.address).start()
        self.addCleanup(member.stop)
        self.members[listen] = member

    def here(self, line):
        line = line.replace("127.0.0.1:9092", self.broker.address).replace("build/release/echoloop", server.BINARY)
        for listen, member in self.members.items():
            line = line.replace(f"http://{listen}", member.url())
        return re.sub(r"\b([ab]\.ndjson)", rf"{self.folder}/\1", line)

    def run_line(self, line):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", self.here(line)], cwd=server.ROOT, capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 0, f"{line}\n{done.stdout}{done.stderr}")
        return done.stdout

    def rows(self):
        """What each member answers for the whole group, once they have settled; none while they differ."""
        for member in self.members.values():
            member.wait_settled()
        parts = [server.echoloop("export", "aggregates", "--server", member.url())[1] for member in self.members.values()]
        return len(parts[0].splitlines()) if parts[0] == parts[-1] else None

    def whole(self):
        """What an import of the same sample counts."""
        sample, data = os.path.join(self.folder, "sample.ndjson"), os.path.join(self.folder, "embedded")
        with open(sample, "wb") as out:
            subprocess.run([server.BINARY, "sample"], stdout=out, check=True)
        code, _, err = server.echoloop("import", "--data", data, sample)
        self.assertEqual(code, 0, err)
        return len(server.lines_of("export", "aggregates", "--data", data))

    def test_every_command_of_the_section_works(self):
        lines = commands()
        self.assertTrue(lines.pop(0).startswith("./dev kafka"))
        expected, last = self.whole(), ""
        for line in lines:
            if " run " in line:
                self.start(line)
                continue
            last = self.run_line(line)
            if "kcat -P" in line:
                server.wait_for(lambda: self.rows() == expected, "the members have counted everything")
            elif " > " not in line:
                self.assertNotEqual(last.strip(), "", line)
        self.assertEqual(last.strip(), str(expected))


if __name__ == "__main__":
    server.run_tests()
