"""A small FastCGI client, to talk to a program's socket without a web server.

    status, headers, body = fastcgi.request(path, method="POST", uri="/events/a",
                                            headers={"Content-Type": "text/plain"}, body=b"hi")

Connection speaks record by record, for tests that stop halfway.
"""

import os
import socket
import struct

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR = 1, 2, 3, 4, 5, 6, 7


def record(kind, content=b"", request_id=1):
    return struct.pack(">BBHHBx", 1, kind, request_id, len(content), 0) + content


def pairs(params):
    """A dict; or a list of pairs, in which names may repeat."""
    out = b""
    for name, value in params.items() if isinstance(params, dict) else params:
        name = os.fsencode(name)
        value = value if isinstance(value, bytes) else os.fsencode(value)
        for part in (name, value):
            n = len(part)
            out += bytes([n]) if n < 128 else struct.pack(">I", n | 0x80000000)
        out += name + value
    return out


def params_for(method, uri, headers=None, length=None, extra=None):
    """The CGI variables that a web server makes of a request."""
    path, _, query = uri.partition("?")
    params = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REQUEST_METHOD": method,
        "REQUEST_URI": uri,
        "SCRIPT_NAME": "/events",
        "PATH_INFO": path[len("/events"):] if path.startswith("/events") else "",
        "QUERY_STRING": query,
        "HTTP_HOST": "test.example",
    }
    if length is not None:
        params["CONTENT_LENGTH"] = str(length)
    for name, value in (headers or {}).items():
        name = name.upper().replace("-", "_")
        params[name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + name] = value
    params.update(extra or {})
    return params


class Connection:
    def __init__(self, path, timeout=30):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, kind, content=b""):
        self.sock.sendall(record(kind, content))

    def begin(self, params, keep=False):
        out = record(BEGIN, struct.pack(">HB5x", 1, keep))
        content = pairs(params)
        for i in range(0, len(content), 65535):
            out += record(PARAMS, content[i:i + 65535])
        self.sock.sendall(out + record(PARAMS))

    def body(self, data, end=True):
        for i in range(0, len(data), 65528):
            self.send(STDIN, data[i:i + 65528])
        if end:
            self.send(STDIN)

    def _exactly(self, n):
        out = b""
        while len(out) < n:
            got = self.sock.recv(n - len(out))
            if not got:
                raise EOFError("the peer closed after %d of %d bytes" % (len(out), n))
            out += got
        return out

    def read(self):
        """The next record as (kind, content)."""
        _, kind, _, n, padding = struct.unpack(">BBHHBx", self._exactly(8))
        return kind, self._exactly(n + padding)[:n]

    def response(self):
        """(status, headers with lower-case names, body), read to the end record."""
        out = b""
        while True:
            kind, content = self.read()
            if kind == END:
                break
            if kind == STDOUT:
                out += content
        return parse(out)


def parse(out):
    """A CGI response as (status, headers, body)."""
    head, _, body = out.partition(b"\r\n\r\n")
    headers = {}
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return int(headers.pop("status", "200").split()[0]), headers, body


def request(path, method="POST", uri="/events", headers=None, body=b"", extra=None, timeout=30):
    with Connection(path, timeout) as c:
        c.begin(params_for(method, uri, headers, len(body), extra))
        c.body(body)
        return c.response()
