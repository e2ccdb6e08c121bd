"""A browser made of curl, which speaks HTTP/2 and TLS."""
import contextlib
import json
import os
import select
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
from lib.http import Event, SseParser, StreamEnded

OPTIONS = {"http": ["--http1.1"], "tls": ["--http1.1", "-k"], "h2": ["--http2", "-k"]}


class Curl:
    """One open GET of a stream, read when the test asks."""

    def __init__(self, url, protocol, last_id=None, accept="text/event-stream"):
        command = ["curl", "-sSN", "-i", *OPTIONS[protocol], "-H", f"Accept: {accept}"]
        if last_id:
            command += ["-H", f"Last-Event-ID: {last_id}"]
        self.parser, self.events = SseParser(), []
        self.status, self.head, self._raw = None, "", b""
        self.begun = time.monotonic()
        self.first_at = self.last_at = None     # bytes of the body
        self.body_bytes = 0
        self.popen = subprocess.Popen(command + [url], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.fd = self.popen.stdout.fileno()

    def _read(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.fd], [], [], left)[0]:
            raise TimeoutError("nothing came in time")
        data = os.read(self.fd, 65536)
        if not data:
            raise StreamEnded(self.popen.wait() == 0)
        if self.status is None:
            self._raw += data
            head, end, rest = self._raw.partition(b"\r\n\r\n")
            if not end:
                return
            self.head = head.decode("latin-1").lower()
            self.status = int(head.split()[1])
            data = rest
        if data:
            self.last_at = time.monotonic()
            self.first_at = self.first_at or self.last_at
            self.body_bytes += len(data)
            self.events += self.parser.feed(data)

    def wait_first(self, timeout=10):
        """Seconds from the request to the first bytes of the body."""
        deadline = time.monotonic() + timeout
        while self.first_at is None:
            self._read(deadline)
        return self.first_at - self.begun

    def next(self, timeout=10):
        deadline = time.monotonic() + timeout
        while not self.events:
            self._read(deadline)
        return self.events.pop(0)

    def message(self, timeout=10):
        deadline = time.monotonic() + timeout
        while True:
            event = self.next(deadline - time.monotonic())
            if not event.type.startswith("pgfeed."):
                return event

    def live(self, timeout=10):
        while self.next(timeout).type != "pgfeed.live":
            pass
        return self

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()
        self.popen.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Browser:
    """What pgfeed.js does: comes back with the last id when a stream ends, or
    when nothing came for two and a half heartbeats."""

    def __init__(self, url, protocol):
        self.url, self.protocol = url, protocol
        self.last_id, self.curl, self.silence = None, None, None

    def open(self):
        self.curl, self.silence = Curl(self.url, self.protocol, self.last_id), None

    def _next(self, deadline):
        """The next event; a silent stream counts as ended."""
        while True:
            now = time.monotonic()
            until = deadline
            if self.silence is not None:
                until = min(deadline, self.curl.last_at + self.silence)
            try:
                event = self.curl.next(until - now)
            except TimeoutError:
                if time.monotonic() >= deadline:
                    raise
                if time.monotonic() >= self.curl.last_at + self.silence:
                    raise StreamEnded(False) from None
                continue
            if event.type == "pgfeed.open":
                self.silence = 2.5 * event.json()["heartbeat"]
            return event

    def message(self, timeout=20):
        deadline = time.monotonic() + timeout
        while True:
            if self.curl is None:
                self.open()
            try:
                event = self._next(deadline)
            except StreamEnded:
                status = self.curl.status
                self.close()
                if status is not None and status != 200:
                    raise AssertionError(f"status {status}") from None
                assert time.monotonic() < deadline, "no message in time"
                time.sleep(0.1)     # EventSource waits for retry:
                continue
            self.last_id = event.id or self.last_id
            if not event.type.startswith("pgfeed."):
                return event

    def begin(self, timeout=20):
        """Until it has a position to come back to."""
        deadline = time.monotonic() + timeout
        while self.last_id is None:
            if self.curl is None:
                self.open()
            try:
                self.last_id = self._next(deadline).id
            except StreamEnded:
                self.close()
        return self

    def close(self):
        if self.curl is not None:
            self.curl.close()
            self.curl = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def post(url, protocol, *arguments):
    """Status and body of a POST."""
    done = subprocess.run(
        ["curl", "-sS", *OPTIONS[protocol], "-o", "-", "-w", "\n%{http_code}",
         *arguments, url], capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr.decode()
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), body


class Poller:
    """What pgfeed.js does where answers come only when they are complete."""

    def __init__(self, url, protocol, wait=10):
        self.url, self.protocol, self.wait = url, protocol, wait
        self.cursor, self.popen, self.events = None, None, []

    def open(self):
        """Asks, unless it has asked already."""
        if self.popen is None:
            wait = self.wait if self.cursor else 0
            last = f"&last_event_id={self.cursor}" if self.cursor else ""
            self.popen = subprocess.Popen(
                ["curl", "-sS", "-f", *OPTIONS[self.protocol], "-H",
                 "Accept: application/json", f"{self.url}?wait={wait}{last}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL)
        return self

    def _take(self, timeout):
        self.open()
        out, _ = self.popen.communicate(timeout=max(timeout, 0.01))
        now, status = time.monotonic(), self.popen.returncode
        self.popen = None
        if status != 0:
            time.sleep(0.1)     # it comes back
            return
        answer = json.loads(out)
        self.cursor = answer["cursor"]
        self.events += [Event(e["kind"] or "message", e["data"], e["id"], True,
                              now, b"") for e in answer["events"]]

    def begin(self, timeout=20):
        deadline = time.monotonic() + timeout
        while self.cursor is None:
            self._take(deadline - time.monotonic())
        return self

    def message(self, timeout=20):
        deadline = time.monotonic() + timeout
        while not self.events:
            if time.monotonic() > deadline:
                raise TimeoutError("nothing came in time")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._take(deadline - time.monotonic())
        return self.events.pop(0)

    def close(self):
        if self.popen is not None:
            self.popen.kill()
            self.popen.communicate()
            self.popen = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
