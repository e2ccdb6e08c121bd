"""Peers that break the record protocol: each loses its connection, nobody else.

FastCGI has no authentication, so whoever is connected may send anything; and
libfcgi trusts its peer. Here a peer talks to the gateways' sockets itself.
"""
import contextlib
import random
import socket
import struct
import time

import pytest

from lib import fastcgi
from lib import harness
from lib.fastcgi import BEGIN, PARAMS, STDIN, pairs, params_for, record

GET_VALUES, UNKNOWN = 9, 77
FLOOD = record(GET_VALUES, pairs({"FCGI_MAX_CONNS": ""}) * 40, 0)


@pytest.fixture(scope="module", params=["lighttpd"])
def site(request, cluster):
    site = harness.Site(cluster, request.param)
    yield site
    site.close()


def begin(role=1, request_id=1, flags=0):
    return record(BEGIN, struct.pack(">HB5x", role, flags), request_id)


def head(method="POST", uri="/events/t", **extra):
    content = pairs(params_for(method, uri, extra=extra))
    return begin() + record(PARAMS, content) + record(PARAMS)


TEXT = {"CONTENT_TYPE": "text/plain", "CONTENT_LENGTH": "3"}
ABC = record(STDIN, b"abc")
PAIR = b"\x01\x01AB"
BAD_HEADS = {
    "get-values": FLOOD,
    "get-values-after-begin": begin() + FLOOD,
    "get-values-in-params": begin() + record(PARAMS, PAIR) + FLOOD,
    "unknown-type": record(UNKNOWN, b"", 0),
    "unknown-in-params": begin() + record(UNKNOWN) + record(PARAMS),
    "authorizer": begin(role=2),
    "filter": begin(role=3),
    "no-role": begin(role=0),
    "id-zero": begin(request_id=0),
    "other-id": begin() + record(PARAMS, PAIR, 2),
    "two-begins": begin() + begin(request_id=2),
    "no-begin": record(PARAMS, PAIR) + record(PARAMS),
    "body-first": begin() + ABC,
    "another-version": b"\x02" + begin()[1:],
    "http": b"POST /events/t HTTP/1.1\r\nHost: x\r\n\r\n",
    "huge-lengths": begin() + record(PARAMS, b"\xff" * 8),
    "huge-name": begin() + record(PARAMS, b"\x80\xff\xff\xff\x01" + b"A" * 99),
    "huge-params": begin() + record(PARAMS, PAIR * 16000) * 2,
    "cut-in-a-pair": begin() + record(PARAMS, b"\x01\x09AB") + record(PARAMS),
    "cut-in-a-length": begin() + record(PARAMS, b"\x01\x80\x00") + record(PARAMS),
}
BAD_BODIES = {
    "get-values": FLOOD,
    "get-values-behind-content": ABC + FLOOD,
    "get-values-with-id": record(GET_VALUES, pairs({"FCGI_MAX_CONNS": ""}) * 40),
    "unknown-type": ABC + record(UNKNOWN, b"x" * 100, 0),
    "abort": ABC + record(fastcgi.ABORT),
    "another-request": ABC + begin(request_id=2),
    "more-params": ABC + record(PARAMS, PAIR),
    "other-id": ABC + record(STDIN, b"xyz", 2),
    "data": ABC + record(8, b"xyz"),
    "another-version": ABC + b"\x02\x05\x00\x01\x00\x00\x00\x00",
    "nonsense": b"nonsense nonsense",
}


def closed_by(path, sent, pieces=1):
    """What came back before the gateway closed the connection."""
    with fastcgi.Connection(path) as peer:
        try:
            for i in range(pieces):
                size = -(-len(sent) // pieces)
                peer.sock.sendall(sent[i * size:(i + 1) * size])
            answer = b""
            while part := peer.sock.recv(65536):
                answer += part
        except (ConnectionResetError, BrokenPipeError):
            return b""
    return answer


class Bystander:
    """A stream and the processes, as they were before and after."""

    def __init__(self, site, topic):
        self.site, self.topic, self.sent = site, topic, 0
        self.pids = [site.gateway_pid(name) for name in ("stream", "post")]
        self.stream = site.stream(f"/events/{topic}")
        self.stream.live()

    def noticed_nothing(self):
        self.sent += 1
        self.site.publish(self.topic, f"{self.sent}")
        assert self.stream.message().data == f"{self.sent}"
        assert self.pids == [self.site.gateway_pid(n) for n in ("stream", "post")]


@pytest.fixture
def bystander(site, topic):
    bystander = Bystander(site, topic)
    yield bystander
    bystander.stream.close()


@pytest.mark.parametrize("gateway", ["stream", "post"])
@pytest.mark.parametrize("name", BAD_HEADS)
def test_a_bad_head_ends_its_connection(site, bystander, gateway, name):
    path = f"{site.dir}/{gateway}.sock"
    assert closed_by(path, BAD_HEADS[name]) == b""
    if len(BAD_HEADS[name]) < 1000:  # or it may not fit into the socket
        assert closed_by(path, BAD_HEADS[name], pieces=3) == b""
    bystander.noticed_nothing()


@pytest.mark.parametrize("gateway", ["stream", "post"])
@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_ends_its_connection(site, bystander, topic, gateway, name):
    """At once, and when it comes after the parameters were read."""
    path = f"{site.dir}/{gateway}.sock"
    method = "POST" if gateway == "post" else "GET"
    first = head(method, f"/events/{topic}", **TEXT)
    for rest in (BAD_BODIES[name], BAD_BODIES[name] + record(STDIN)):
        answer = closed_by(path, first + rest)
        assert b"Status: 2" not in answer
        with fastcgi.Connection(path) as peer:
            peer.sock.sendall(first)
            site.post("/events/-/ready", method="GET")  # some time passes
            peer.sock.sendall(rest)
            with pytest.raises((EOFError, OSError, AssertionError)):
                status, _, _ = peer.response()
                assert status < 300
                peer.read()  # had it been an event, this would be the end
    count = site.sql("SELECT count(*) FROM pgfeed.event WHERE topic = %s", (topic,))
    assert count == [(0,)]
    bystander.noticed_nothing()


def test_who_has_left_in_the_middle_leaves_nothing(site, bystander):
    """Every beginning of a request, then the end: as a reset or cleanly."""
    request = head(**TEXT) + ABC + record(STDIN)
    before = [harness.descriptors(pid) for pid in bystander.pids]
    for gateway in ("stream", "post"):
        for n in range(0, len(request) - 8, 7):
            peer = fastcgi.Connection(f"{site.dir}/{gateway}.sock")
            peer.sock.sendall(request[:n])
            if n % 2:
                peer.sock.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionResetError):
                    while peer.sock.recv(4096):
                        pass
            peer.close()
    harness.eventually(
        lambda: [harness.descriptors(pid) for pid in bystander.pids] <= before,
        what="their descriptors")
    bystander.noticed_nothing()


def test_a_stream_whose_peer_sends_more_ends(site, bystander, topic):
    for more in (FLOOD, record(fastcgi.ABORT), begin(), b"x"):
        with fastcgi.Connection(site.dir + "/stream.sock") as peer:
            peer.sock.sendall(head("GET", f"/events/{topic}") + record(STDIN))
            assert peer.read()[0] == fastcgi.STDOUT
            peer.sock.sendall(more)
            with pytest.raises((EOFError, OSError)):
                while True:
                    peer.read()
    bystander.noticed_nothing()


def test_padding_is_skipped_everywhere(site, bystander, topic):
    """One request after the other in the same threads, each padded elsewhere."""
    def padded(kind, content, n):
        return struct.pack(">BBHHBx", 1, kind, 1, len(content), n) + content + b"\xee" * n

    params = pairs(params_for("POST", f"/events/{topic}/x", extra=TEXT))
    for n in (0, 1, 7, 8, 200, 255):
        sent = (begin() + padded(PARAMS, params, n) + padded(PARAMS, b"", n) +
                padded(STDIN, b"abc", n))
        with fastcgi.Connection(site.dir + "/post.sock") as peer:
            peer.sock.sendall(sent)
            peer.sock.sendall(padded(STDIN, b"", n))
            assert peer.response()[0] == 201
    bystander.noticed_nothing()


def test_records_that_are_broken_at_random(site, bystander):
    """A whole request with some bytes changed, left out or doubled."""
    dice = random.Random(20)
    whole = head(uri="/events/broken", **TEXT) + ABC + record(STDIN)
    for _ in range(500):
        sent = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(sent))
            kind = dice.randrange(3)
            if kind == 0:
                sent[at] = dice.randrange(256)
            elif kind == 1:
                del sent[at:at + dice.randint(1, 9)]
            else:
                sent[at:at] = sent[at:at + dice.randint(1, 9)]
        peer = fastcgi.Connection(f"{site.dir}/{dice.choice(('stream', 'post'))}.sock")
        peer.sock.sendall(bytes(sent))
        peer.sock.shutdown(socket.SHUT_WR)
        peer.close()
    bystander.noticed_nothing()


def test_a_body_that_is_slow_holds_up_no_stream(make_site):
    """A GET has none, and each of these kept one of the four threads that read
    requests for all of request_timeout: nobody else could subscribe."""
    site = make_site("lighttpd", request_timeout="3s")
    slow = []
    for n in range(12):
        c = fastcgi.Connection(site.dir + "/stream.sock")
        c.begin(fastcgi.params_for("GET", "/events/t", length=20000))
        c.body(b"x" * (10 if n % 2 else 10000), end=False)
        slow.append(c)
    for c in slow:
        with site.stream("/events/t") as stream:
            began = time.monotonic()
            stream.live()
            assert time.monotonic() - began < 1
    for c in slow:
        assert c.response()[0] == 408
        c.close()
    # And too much of it is told at once.
    with fastcgi.Connection(site.dir + "/stream.sock") as c:
        c.begin(fastcgi.params_for("GET", "/events/t", length=200000))
        c.body(b"x" * 60000, end=False)
        assert c.response()[0] == 400
