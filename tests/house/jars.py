"""Kafka's jars, which Maven fetches once for all checkouts, into $XDG_CACHE_HOME/echoloop. Errors: Missing."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
RECIPE = os.path.join(HERE, "..", "kafka", "broker")
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"


class Missing(Exception):
    """A program that is not installed, or jars that cannot be fetched."""


def need(program, package):
    if shutil.which(program) is None:
        raise Missing(f"{program} is missing: ./dev test installs it (Debian's package {package})")


def folder_of_jars():
    """The folder with Kafka's jars, which Maven fills when it is not there; whoever comes meanwhile waits."""
    with open(os.path.join(RECIPE, "pom.xml"), "rb") as file:
        pom = file.read()
    version = re.search(rb"<version>(.*?)</version>", pom).group(1).decode()
    place = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "echoloop")
    folder = os.path.join(place, f"kafka-{version}-{hashlib.sha256(pom).hexdigest()[:8]}")
    if os.path.isdir(folder):
        return folder
    need("mvn", "maven")
    os.makedirs(place, exist_ok=True)
    with open(os.path.join(place, "kafka.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.isdir(folder):
            return folder
        with tempfile.TemporaryDirectory(prefix=".kafka-", dir=place) as holder:
            new = os.path.join(holder, "jars")
            command = ["mvn", "-q", "-B", "-C", "-f", RECIPE, COPY, f"-DoutputDirectory={new}", "-DincludeScope=runtime"]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Missing(f"mvn could not fetch Kafka {version}: exit {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}")
            os.rename(new, folder)  # whole or not at all
    return folder
