"""The tests' own harness: what a test started ends with it, even when the
test is killed and cannot clean up."""
import glob
import os
import signal
import subprocess
import sys

import pytest

from lib.harness import eventually

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
SITE = """
import sys, time
from lib.harness import Cluster, Site
cluster = Cluster()
site = Site(cluster, "lighttpd")
print(cluster.dir, flush=True)
time.sleep(600)
"""


def command_lines():
    for file in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(file, "rb") as text:
                yield text.read().decode(errors="replace")
        except OSError:
            pass  # ended meanwhile


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_test_leaves_no_server_and_no_folder(signo):
    test = subprocess.Popen([sys.executable, "-c", SITE], cwd=TESTS,
                            stdout=subprocess.PIPE, text=True)
    folder = test.stdout.readline().strip()
    assert folder.startswith("/tmp/pgfeed-test-")
    started = [line for line in command_lines() if folder in line]
    assert len(started) >= 4, started
    test.send_signal(signo)
    test.wait()
    eventually(lambda: not any(folder in line for line in command_lines()),
               30, "the end of all servers")
    eventually(lambda: not os.path.exists(folder), 10, "the folder's removal")
