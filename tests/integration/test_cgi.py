"""pgfeed-cgi as a web server starts it: a process with a request in its
environment. No web server takes part; tests/servers has those."""
import contextlib
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from lib import harness
from lib.http import SseParser, StreamEnded


class Cgi:
    """One CGI process, and what it says."""

    def __init__(self, program, env=None, **variables):
        values = {"PATH": os.environ["PATH"], "GATEWAY_INTERFACE": "CGI/1.1",
                  "REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.1",
                  "REQUEST_URI": "/events/t", "SCRIPT_NAME": "/events",
                  "PATH_INFO": "/t", "QUERY_STRING": "",
                  "HTTP_ACCEPT": "text/event-stream", "REMOTE_ADDR": "192.0.2.1",
                  "HTTP_COOKIE": "secret=1", **(env or {}), **variables}
        user = harness.SERVICE_USER
        self.popen = subprocess.Popen(
            [program], env=values, user=user, group=user,
            extra_groups=[] if user else None, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.head, self.body = None, b""
        self.parser, self.events = SseParser(), []
        self._raw = b""

    def _read(self, deadline):
        left = deadline - time.monotonic()
        fd = self.popen.stdout.fileno()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            raise TimeoutError("nothing came in time")
        data = os.read(fd, 65536)
        if not data:
            raise StreamEnded(self.popen.wait() == 0)
        if self.head is None:
            self._raw += data
            head, end, data = self._raw.partition(b"\r\n\r\n")
            if not end:
                return
            self.head = head.decode()
        self.body += data
        if "event-stream" in self.head:
            self.events += self.parser.feed(data)

    def next(self, timeout=10):
        deadline = time.monotonic() + timeout
        while not self.events:
            self._read(deadline)
        return self.events.pop(0)

    def live(self):
        while self.next().type != "pgfeed.live":
            pass
        return self

    def until_end(self, timeout=15):
        deadline, events = time.monotonic() + timeout, []
        try:
            while True:
                events.append(self.next(deadline - time.monotonic()))
        except StreamEnded:
            return events

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.popen.kill()
        self.popen.wait()
        self.popen.stdout.close()
        self.popen.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class CgiSite:
    """A database, and a configuration for nothing but CGI."""

    def __init__(self, cluster, database, **options):
        self.cluster, self.database = cluster, database
        self.dir = os.path.join(cluster.service_dir, database.name + "-cgi")
        harness.run(["mkdir", "-m", "700", self.dir])
        self.conf = self.dir + "/pgfeed.conf"
        self.socket = self.dir + "/s"
        values = {"database": cluster.conninfo(database.name),
                  "stream_socket": self.socket, "socket_mode": "0600",
                  "cgi_log": self.dir + "/log", "heartbeat": "1s", **options}
        with open(self.conf, "w", encoding="utf-8") as file:
            file.writelines(f"{k} = {v}\n" for k, v in values.items())

    def cgi(self, **variables):
        return Cgi(self.cluster.share + "/pgfeed-cgi",
                   {"PGFEED_CONF": self.conf}, **variables)

    def daemons(self):
        """The processes that listen for this site."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                    name = file.read().strip()
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    mine = self.conf.encode() in file.read().split(b"\0")
                if name == "pgfeed-stream" and mine:
                    found.append(int(pid))
        return found

    def publish(self, topic, data):
        self.cluster.sql("SELECT pgfeed.publish(%s, %s)", self.database.name,
                         (topic, data))

    def close(self):
        for pid in self.daemons():
            os.kill(pid, signal.SIGTERM)
        harness.eventually(lambda: not self.daemons(), what="the daemon's end")


@pytest.fixture
def make_cgi(cluster, database):
    sites = []

    def make(**options):
        sites.append(CgiSite(cluster, database, **options))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


def test_the_first_request_starts_the_gateway(make_cgi):
    site = make_cgi()
    with site.cgi() as stream:
        stream.live()
        assert stream.head.startswith("Status: 200 OK")
        site.publish("t", "one")
        assert stream.next().data == "one"
    assert len(site.daemons()) == 1


def test_a_post_goes_to_pgfeed_post(make_cgi):
    site = make_cgi()
    with site.cgi() as stream:
        stream.live()
        with site.cgi(REQUEST_METHOD="POST", CONTENT_TYPE="text/plain",
                      CONTENT_LENGTH="0", QUERY_STRING="") as post:
            out, _ = post.popen.communicate(timeout=10)
            assert out.startswith(b"Status: 201"), out
        assert stream.next().data == ""


def test_of_many_at_once_one_starts_it(make_cgi):
    site = make_cgi(cgi_streams=30)
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(site.cgi()) for _ in range(20)]
        for stream in streams:
            stream.live()
        assert len(site.daemons()) == 1
        with open(site.dir + "/log", encoding="utf-8") as log:
            assert log.read().count("listening on the inherited socket") == 1
        site.publish("t", "for all")
        for stream in streams:
            assert stream.next().data == "for all"


def test_the_gateway_has_nothing_of_the_request(make_cgi):
    """Nor of the web server: it would wait for it, or signal it."""
    site = make_cgi()
    with site.cgi() as stream:
        stream.live()
        pid = site.daemons()[0]
        assert os.getsid(pid) != os.getsid(stream.popen.pid)
        assert os.getpgid(pid) != os.getpgid(stream.popen.pid)
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            umask = next(line.split()[1] for line in file if line.startswith("Umask"))
        assert int(umask, 8) == 0o077
        assert os.stat(site.dir + "/log").st_mode & 0o777 == 0o600
        assert os.stat(site.socket).st_mode & 0o777 == 0o600

        if os.geteuid() != 0:
            pytest.skip("only root looks into a gateway")
        with open(f"/proc/{pid}/environ", "rb") as file:
            names = {v.split(b"=")[0].decode() for v in file.read().split(b"\0") if v}
        assert names <= {"PATH", "PGFEED_CONF", "HOME"}, names
        pipes = {os.readlink(f"/proc/{stream.popen.pid}/fd/{fd}") for fd in (1, 2)}
        open_there = {os.readlink(f"/proc/{pid}/fd/{fd}")
                      for fd in os.listdir(f"/proc/{pid}/fd")}
        assert not pipes & open_there


def test_it_ends_with_the_web_server_s_end_of_the_pipe(make_cgi):
    site = make_cgi()
    with site.cgi() as stream, site.cgi(REQUEST_URI="/events/other") as other:
        stream.live()
        other.live()
        stream.popen.stdout.close()
        assert stream.popen.wait(5) == 0
        site.publish("other", "still here")
        assert other.next().data == "still here"


def test_sigterm_ends_it_and_not_the_gateway(make_cgi):
    site = make_cgi()
    with site.cgi() as stream:
        stream.live()
        pids = site.daemons()
        os.killpg(stream.popen.pid, signal.SIGTERM)
        assert stream.popen.wait(5) == -signal.SIGTERM
    assert site.daemons() == pids
    with site.cgi() as again:
        again.live()


def test_a_gateway_that_was_killed_is_started_again(make_cgi):
    site = make_cgi()
    with site.cgi() as stream:
        stream.live()
        site.publish("t", "one")
        event = stream.next()
        assert event.data == "one", event
        last_id = event.id
        first = site.daemons()
        os.kill(first[0], signal.SIGKILL)
        assert stream.until_end() == []
    site.publish("t", "two")
    with site.cgi(HTTP_LAST_EVENT_ID=last_id) as stream:
        while (event := stream.next()).type.startswith("pgfeed."):
            pass
        assert event.data == "two", event
    assert site.daemons() and site.daemons() != first


def test_processes_are_counted(make_cgi):
    """One holds a stream, and the others are answered at once."""
    site = make_cgi(cgi_streams=1)
    with site.cgi() as held:
        held.live()
        with site.cgi() as other:
            assert [e.type for e in other.until_end()] == ["pgfeed.bye"]
            assert 2000 <= other.parser.retry <= 5000
            assert other.popen.wait(5) == 0
            position = other.parser.last_id
        site.publish("t", "one")
        assert held.next().data == "one"
        with site.cgi(HTTP_LAST_EVENT_ID=position) as other:
            events = other.until_end()
            assert [e.type for e in events] == ["message", "pgfeed.bye"]
            assert events[0].data == "one"
            assert events[1].json() == {"reason": "full"}
            position = other.parser.last_id
        # Neither status pages nor posts are streams.
        with site.cgi(REQUEST_URI="/events/-/status", PATH_INFO="/-/status",
                      HTTP_ACCEPT="*/*") as page:
            out, _ = page.popen.communicate(timeout=10)
            assert b'"waiting":1' in out, out
    # The place is free for the client that waited.
    with site.cgi(HTTP_LAST_EVENT_ID=position) as back:
        assert back.next().type == "pgfeed.open"
        back.live()


def test_no_gateway_is_come_back_later(make_cgi):
    """An error would end an EventSource for good."""
    site = make_cgi(stream_socket="/nonexistent/s")
    with site.cgi() as stream:
        events = stream.until_end()
        assert stream.head.startswith("Status: 200 OK")
        assert [e.type for e in events] == ["pgfeed.bye"]
        assert b"retry: 15000" in stream.body
        assert "X-Content-Type-Options: nosniff" in stream.head
    with site.cgi(HTTP_ACCEPT="application/json") as poll:
        out, _ = poll.popen.communicate(timeout=10)
        assert out.startswith(b"Status: 503") and b"Retry-After" in out
        assert b"\r\nX-Content-Type-Options: nosniff\r\n" in out


def test_a_broken_configuration_is_come_back_later(make_cgi):
    site = make_cgi(no_such_option=1)
    with site.cgi() as stream:
        assert [e.type for e in stream.until_end()] == ["pgfeed.bye"]
        assert b"no_such_option" in stream.popen.stderr.read()


def test_a_missing_program_is_come_back_later(make_cgi, cluster):
    site = make_cgi()
    alone = shutil.copy(cluster.share + "/pgfeed-cgi", cluster.service_dir)
    with Cgi(alone, {"PGFEED_CONF": site.conf}) as stream:
        assert [e.type for e in stream.until_end()] == ["pgfeed.bye"]
        assert b"pgfeed-stream" in stream.popen.stderr.read()


def record(kind, content=b"", padding=0):
    return struct.pack(">BBHHBB", 1, kind, 1, len(content), padding, 0) + \
        content + b"\xff" * padding


@pytest.mark.parametrize("size", [1, 3, 7, 8, 9, 1000])
def test_records_may_come_in_pieces_of_any_size(make_cgi, size):
    """cgi-fcgi writes behind its buffer when a header comes in two reads."""
    site = make_cgi()
    body = b"Status: 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + \
        b"".join(b"data: %d\n\n" % i for i in range(40))
    answer = record(6, body[:100], 5) + record(7, b"said aside\n") + \
        record(6, body[100:300], 255) + record(6, body[300:]) + record(6) + \
        record(3, bytes(8))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(site.socket)
    if harness.SERVICE_USER:
        shutil.chown(site.socket, harness.SERVICE_USER)
    listener.listen()

    def serve():
        connection, _ = listener.accept()
        asked = b""
        while not asked.endswith(record(5)):
            asked += connection.recv(65536)
        assert b"HTTP_COOKIEsecret=1" in asked
        assert b"PGFEED_CONF" not in asked
        for i in range(0, len(answer), size):
            connection.sendall(answer[i:i + size])
            if size < 100 and i % 50 < size:
                time.sleep(0.001)       # so that it is read in pieces
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with site.cgi() as stream:
            out, err = stream.popen.communicate(timeout=20)
            assert out == body
            assert err == b"said aside\n"
            assert stream.popen.returncode == 0
    finally:
        thread.join()
        listener.close()
        os.unlink(site.socket)
