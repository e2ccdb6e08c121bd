"""conf/supervise.py: the program may die, its socket doesn't."""
import os
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from lib.harness import SOURCE, children, eventually

PYTHON = "/usr/bin/python3"
SUPERVISE = os.path.join(SOURCE, "conf", "supervise.py")
# Answers every connection with what systemd's protocol says, and its own pid.
PROGRAM = """
import os, socket
said = " ".join([os.environ["LISTEN_FDS"],
                 str(os.environ["LISTEN_PID"] == str(os.getpid())), str(os.getpid())])
listener = socket.socket(fileno=3)
while True:
    connection, _ = listener.accept()
    connection.sendall(said.encode())
    connection.close()
"""


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="pgfeed-test-") as folder:
        yield folder


@pytest.fixture
def path(folder):
    return folder + "/s"


@pytest.fixture
def supervise(folder, path):
    started = []

    def start(*command):
        process = subprocess.Popen(
            [PYTHON, SUPERVISE, "-m", "0600", "-p",
             folder + "/pid", path, *command],
            stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=10)


def ask(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(path)
        said = sock.recv(100).decode().split()
    if not said:
        return None     # accepted by a program that was just ending
    assert said[:2] == ["1", "True"]
    return int(said[2])


def test_who_connects_after_a_kill_waits_and_is_served(supervise, path, folder):
    process = supervise(PYTHON, "-c", PROGRAM)
    eventually(lambda: os.path.exists(path))
    assert os.stat(path).st_mode & 0o777 == 0o600
    first = ask(path)
    assert children(process.pid) == [first]
    with open(folder + "/pid", encoding="ascii") as file:
        assert int(file.read()) == process.pid
    os.kill(first, signal.SIGKILL)
    second = ask(path)
    assert second != first

    process.send_signal(signal.SIGHUP)
    eventually(lambda: ask(path) not in (None, second), what="another process")

    process.terminate()
    assert process.wait(10) == 0
    assert os.listdir(folder) == []


def test_a_program_that_cannot_start_is_tried_ever_more_slowly(supervise, path):
    begun = time.monotonic()
    process = supervise("/nonexistent/program")
    waits = []
    while len(waits) < 4:
        line = process.stderr.readline()
        if "starts again" in line:
            waits.append(line.split()[-2])
    assert waits == ["0.1", "0.2", "0.4", "0.8"]
    assert time.monotonic() - begun > 0.7
    process.terminate()
    assert process.wait(10) == 0


def test_a_socket_in_use_is_refused_and_a_dead_one_replaced(supervise, path):
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(path)
        live.listen()
        process = supervise(PYTHON, "-c", PROGRAM)
        assert "served by another process" in process.communicate(timeout=10)[1]
        assert process.returncode == 1
    supervise(PYTHON, "-c", PROGRAM)

    def answers():
        try:
            return ask(path)
        except ConnectionRefusedError:
            return None
    eventually(answers)
