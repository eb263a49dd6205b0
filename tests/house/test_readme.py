#!/usr/bin/python3
"""Every command of README.md runs as it stands there, against a server with the sample; only its address and its data folder are put in place.
Those of the section on Kafka are test_readme_kafka.py's, the script is test_readme_story.py's.

    test_readme.py [--binary build/release/echoloop]
"""

import os
import re
import subprocess
import tempfile
import unittest

import server

PUT_IN_PLACE = "http://127.0.0.1:8080"
ELSEWHERE = re.compile(r":9092|:808[12]|port 9092|[ab]\.ndjson|closed_loop\.sh")


def commands():
    with open(os.path.join(server.ROOT, "README.md"), encoding="utf-8") as file:
        blocks = re.findall(r"^```sh\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip() and not ELSEWHERE.search(line)]


class Readme(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        sample = os.path.join(folder.name, "sample.ndjson")
        data = os.path.join(folder.name, "data")
        with open(sample, "wb") as out:
            subprocess.run([server.BINARY, "sample", "--sessions", "3000"], stdout=out, check=True)
        code, _, err = server.echoloop("import", "--data", data, sample)
        self.assertEqual(code, 0, err)
        self.server = server.Server(folder.name, data=data).start()
        self.addCleanup(self.server.stop)

    def here(self, line):
        line = line.replace(PUT_IN_PLACE, self.server.url()).replace("build/release/echoloop", server.BINARY)
        line = line.replace(" > ", f" > {self.server.folder}/")
        return line.replace("--data data", f"--data {self.server.data}").replace("curl -s ", "curl -sf ")

    def test_every_command_of_the_readme_works(self):
        shell = ["bash", "-o", "pipefail", "-c"]
        known = subprocess.run(
            [os.path.join(server.ROOT, "dev"), "help"], check=True, capture_output=True, text=True
        ).stdout
        tried = 0
        for line in commands():
            if line.startswith("./dev "):  # they are what brought us here
                self.assertIn(f"./dev {line.split()[1]}", known)
                continue
            self.server.wait_settled()  # what a person sends is there when he asks; a script is quicker
            done = subprocess.run([*shell, self.here(line)], cwd=server.ROOT, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, f"{line}\n{done.stdout}{done.stderr}")
            if "dead list" not in line and " > " not in line and not line.startswith("sleep"):  # nothing was rejected
                self.assertNotEqual(done.stdout.strip(), "", line)
            tried += 1
        self.assertGreater(tried, 8)


if __name__ == "__main__":
    server.run_tests()
