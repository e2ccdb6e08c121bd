"""The npm package "eventsource" follows a stream and resumes by itself."""
import json
import os
import queue
import shutil
import signal
import subprocess
import threading

import pytest

from lib.harness import BUILD

HERE = os.path.dirname(os.path.abspath(__file__))

OPTIONS = {"retry_min": "100ms", "retry_max": "200ms"}


@pytest.fixture(scope="module")
def modules():
    """A folder with node_modules, filled once per build tree."""
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    folder = os.path.join(BUILD, "tests", "integration", "npm")
    os.makedirs(folder, exist_ok=True)
    shutil.copyfile(HERE + "/package.json", folder + "/package.json")
    with open(folder + "/package.json", encoding="utf-8") as file:
        names = json.load(file)["dependencies"]
    if not all(os.path.exists(f"{folder}/node_modules/{n}") for n in names):
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"],
            cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode != 0:
            pytest.skip("npm could not install what the tests need: "
                        + done.stderr.strip().splitlines()[-1])
    return folder


class Node:
    """eventsource.mjs as a subscriber."""

    def __init__(self, modules, url):
        self.said = queue.Queue()
        self.process = subprocess.Popen(
            ["node", HERE + "/eventsource.mjs", modules, url],
            stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            self.said.put(json.loads(line))

    def wait_for(self, kind, timeout=20):
        while True:
            said = self.said.get(timeout=timeout)
            assert not said.get("closed"), "EventSource gave up"
            if said["type"] == kind:
                return said

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def node(site, topic, modules):
    node = Node(modules, f"http://127.0.0.1:{site.port}/events/{topic}")
    yield node
    node.close()


def test_it_follows(site, topic, node):
    node.wait_for("pgfeed.live")
    number = site.publish(topic, "two\nlines")
    assert node.wait_for("message") == {
        "type": "message", "data": "two\nlines", "id": str(number)}
    site.publish(topic, "{}", kind="created")
    assert node.wait_for("created")["data"] == "{}"


@pytest.mark.parametrize("signo", [signal.SIGKILL, signal.SIGTERM],
                         ids=["kill", "term"])
def test_it_resumes(site, topic, node, signo):
    node.wait_for("pgfeed.live")
    got = []
    for n in range(30):
        if n in (10, 20):
            site.kill("stream", signo)
        site.publish(topic, str(n))
    while len(got) < 30:
        got.append(int(node.wait_for("message")["data"]))
    assert got == list(range(30))
