"""A browser's half of the wire: HTTP requests and a strict SSE reader.

The reader follows the HTML standard, 9.2.6 "Interpreting an event stream",
and is stricter where pgfeed promises more: lines end with LF, all is UTF-8,
and no field is unknown. It keeps what a browser drops: comments, raw bytes
and the moment of arrival.
"""
import http.client
import json
import socket
import time
from dataclasses import dataclass, field


class StreamEnded(Exception):
    """The server ended the stream; clean if in the way HTTP says."""

    def __init__(self, clean):
        super().__init__("cleanly" if clean else "cut off")
        self.clean = clean


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)


def request(port, method, path, body=b"", headers=None, timeout=30):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body or None, headers or {})
        answer = connection.getresponse()
        return Answer(answer.status,
                      {k.lower(): v for k, v in answer.getheaders()},
                      answer.read())
    finally:
        connection.close()


@dataclass
class Event:
    type: str
    data: str
    id: str             # the last id seen, as EventSource has it
    own_id: bool        # whether this event had an id: line
    at: float           # time.monotonic() of its arrival
    raw: bytes

    def json(self):
        return json.loads(self.data)


@dataclass
class SseParser:
    """Bytes in, events out."""
    last_id: str = ""
    retry: int = None
    comments: list = field(default_factory=list)
    _rest: bytes = b""
    _lines: list = field(default_factory=list)

    def feed(self, data):
        self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            assert b"\r" not in line, f"CR in a line: {line!r}"
            if line:
                self._lines.append(line)
                continue
            event = self._dispatch(self._lines)
            self._lines = []
            if event is not None:
                yield event

    def _dispatch(self, lines):
        kind, data, own_id = "", [], False
        for line in lines:
            name, colon, value = line.decode("utf-8").partition(":")
            value = value[1:] if value.startswith(" ") else value
            if name == "" and colon:
                self.comments.append((time.monotonic(), value))
            elif name == "data":
                data.append(value)
            elif name == "event":
                kind = value
            elif name == "id":
                assert "\0" not in value
                self.last_id, own_id = value, True
            elif name == "retry":
                self.retry = int(value)
            else:
                raise AssertionError(f"unknown field: {line!r}")
        if not data:
            return None
        return Event(kind or "message", "\n".join(data), self.last_id, own_id,
                     time.monotonic(), b"\n".join(lines) + b"\n\n")


class Stream:
    """One open GET, read when the test asks."""

    def __init__(self, port, path, headers=None, last_event_id=None,
                 accept="text/event-stream", timeout=10, method="GET"):
        self.parser = SseParser()
        self.events = []
        self._body, self._raw = b"", b""
        self.ended = None
        self.opened_at = time.monotonic()
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        if accept:
            lines.append(f"Accept: {accept}")
        if last_event_id is not None:
            lines.append(f"Last-Event-ID: {last_event_id}")
        lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
        self.sock.sendall("\r\n".join(lines + ["", ""]).encode())
        self._read_head(timeout)

    def _receive(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("nothing came in time")
        self.sock.settimeout(left)
        try:
            return self.sock.recv(65536)
        except ConnectionResetError:
            return b""

    def _read_head(self, timeout):
        deadline = time.monotonic() + timeout
        while b"\r\n\r\n" not in self._raw:
            data = self._receive(deadline)
            assert data, f"no answer: {self._raw!r}"
            self._raw += data
        self.head_at = time.monotonic()
        head, _, self._raw = self._raw.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {k.lower(): v.strip() for k, _, v in
                        (line.partition(":") for line in rest)}
        self.chunked = self.headers.get("transfer-encoding") == "chunked"
        # A short answer that is complete at once may have a length instead.
        self.left = int(self.headers.get("content-length", -1))
        self._take_body()

    def _take_body(self):
        """Moves what is complete from the raw bytes to the events."""
        if not self.chunked:
            body, self._raw = self._raw, b""
            self.events += self.parser.feed(body)
            if self.left >= 0:
                self.left -= len(body)
                if self.left == 0:
                    self.ended = StreamEnded(True)
            return
        while b"\r\n" in self._raw:
            size, _, rest = self._raw.partition(b"\r\n")
            length = int(size, 16)
            if len(rest) < length + 2:
                break
            assert rest[length:length + 2] == b"\r\n"
            self._raw = rest[length + 2:]
            if length == 0:
                self.ended = StreamEnded(True)
                break
            self.events += self.parser.feed(rest[:length])

    def read_some(self, timeout=10):
        """Waits for bytes, whatever they bring."""
        if self.ended:
            raise self.ended
        data = self._receive(time.monotonic() + timeout)
        if data:
            self._raw += data
            self._take_body()
        elif not self.ended:
            self.ended = StreamEnded(False)

    def next(self, timeout=10):
        """The next event, pgfeed's own included."""
        deadline = time.monotonic() + timeout
        while not self.events:
            self.read_some(deadline - time.monotonic())
        return self.events.pop(0)

    def next_of(self, kind, timeout=10):
        """The next event, which has to be of this type."""
        event = self.next(timeout)
        assert event.type == kind, f"expected {kind}: {event}"
        return event

    def message(self, timeout=10):
        """The next event that isn't pgfeed's own."""
        deadline = time.monotonic() + timeout
        while True:
            event = self.next(deadline - time.monotonic())
            if not event.type.startswith("pgfeed."):
                return event

    def messages(self, count, timeout=20):
        deadline = time.monotonic() + timeout
        return [self.message(deadline - time.monotonic()) for _ in range(count)]

    def live(self, timeout=10):
        """Skips to where all that is published from now on will come."""
        while self.next(timeout).type != "pgfeed.live":
            pass
        return self

    def until_end(self, timeout=10):
        """Everything up to the end, which has to come."""
        deadline, events = time.monotonic() + timeout, []
        try:
            while True:
                events.append(self.next(deadline - time.monotonic()))
        except StreamEnded as ended:
            return events, ended.clean

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def follow(open_stream, count, timeout=60):
    """Does what EventSource does: reads messages, and comes back with the last
    id when a stream ends. open_stream(last_id or None) opens one. Returns the
    messages and how many streams it took."""
    deadline = time.monotonic() + timeout
    messages, last_id, streams = [], None, 0
    while len(messages) < count:
        assert time.monotonic() < deadline, f"{len(messages)} of {count} came"
        try:
            with open_stream(last_id) as stream:
                assert stream.status == 200, stream.status
                streams += 1
                while len(messages) < count:
                    event = stream.next(deadline - time.monotonic())
                    last_id = event.id
                    if not event.type.startswith("pgfeed."):
                        messages.append(event)
        except (StreamEnded, ConnectionRefusedError):
            time.sleep(0.1)     # EventSource waits for retry: here
    return messages, streams
