"""Connections that are opened, kept, cut and starved."""
import contextlib
import socket
import threading
import time

import pytest

from lib import fastcgi
from lib import harness
from lib.harness import eventually

OPTIONS = {"request_timeout": "3s", "lag_limit": "2s", "heartbeat": "1s",
           "ring_size": "4MB"}
# Apache has a thread for each connection, and 1,200 of them.
MANY = {"lighttpd": 1000, "apache": 300}


def connect(site):
    return socket.create_connection(("127.0.0.1", site.port), timeout=30)


def get(uri):
    return f"GET {uri} HTTP/1.1\r\nHost: x\r\n".encode()


def read_to_end(sock):
    out = b""
    with contextlib.suppress(OSError):
        while part := sock.recv(65536):
            out += part
    return out


def reset(sock):
    """Ends it with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()


def test_slow_heads_hold_up_nobody(site, bystander, topic):
    """Each sends its head byte by byte, and never the end of it."""
    socks = [connect(site) for _ in range(MANY[site.server])]
    for byte in get("/events/" + topic)[:12]:
        for sock in socks:
            sock.sendall(bytes([byte]))
    assert site.publish(topic, "meanwhile")
    with site.stream(f"/events/{topic}") as stream:
        stream.live()
    for sock in socks:
        sock.close()


def test_slow_bodies_hold_up_nobody(site, bystander, topic):
    """Apache hands on what is more than 16 kB while it comes, so these reach
    pgfeed-post, which gives them up; lighttpd waits for the end."""
    socks = []
    begun = b"x" * 20000
    for _ in range(MANY[site.server] // 5):
        socks.append(connect(site))
        socks[-1].sendall(f"POST /events/{topic} HTTP/1.1\r\nHost: x\r\n"
                          "Content-Type: text/plain\r\nContent-Length: 40000\r\n\r\n".encode() + begun)
    for byte in b"hello":
        for sock in socks:
            sock.sendall(bytes([byte]))
    assert site.publish(topic, "meanwhile")
    eventually(bystander.are_free, 60, "given up")
    for sock in socks:
        sock.close()
    assert site.sql("SELECT count(*) FROM pgfeed.event WHERE topic = %s",
                    (topic,)) == [(1,)]


@pytest.mark.parametrize("gateway", ["stream", "post"])
def test_silent_peers_of_the_sockets_end(site, bystander, topic, gateway):
    """As if the web server itself were slow: in the head, in the body."""
    params = fastcgi.params_for("POST", f"/events/{topic}",
                                {"Content-Type": "text/plain"}, 100)
    peers = [fastcgi.Connection(f"{site.dir}/{gateway}.sock") for _ in range(300)]
    for peer in peers[100:200]:
        peer.send(fastcgi.BEGIN, b"\0\1\0\0\0\0\0\0")
        peer.send(fastcgi.PARAMS, fastcgi.pairs(params)[:20])
    for peer in peers[200:]:
        with contextlib.suppress(BrokenPipeError):  # answered, it is no GET
            peer.begin(params)
            peer.body(b"x", end=False)
    for peer in peers:
        read_to_end(peer.sock)
        peer.close()


@pytest.mark.quick
def test_ten_thousand_connects(site, bystander, topic):
    """Some say nothing, some half a request, some leave before the answer."""
    count = 10000 if site.server == "lighttpd" else 3000
    for n in range(count):
        with connect(site) as sock:
            if n % 4 == 1:
                sock.sendall(get(f"/events/{topic}")[:20])
            elif n % 4 == 2:
                sock.sendall(get(f"/events/{topic}") + b"\r\n")
            elif n % 4 == 3:
                sock.sendall(b"POST /events/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
            if n % 3 == 0:
                reset(sock)


@pytest.mark.parametrize("gateway", ["stream", "post"])
def test_ten_thousand_connects_to_a_socket(site, bystander, gateway):
    for _ in range(10000):
        fastcgi.Connection(f"{site.dir}/{gateway}.sock").close()


def test_half_closed_and_reset_connections(site, bystander, topic):
    for n in range(200):
        sock = connect(site)
        sock.sendall(get(f"/events/{topic}") + b"\r\n")
        if n % 2:
            assert sock.recv(100)
        if n % 4 < 2:
            sock.shutdown(socket.SHUT_WR)
            if n % 8 == 0:
                sock.recv(100)
            sock.close()
        else:
            reset(sock)
    for n in range(200):
        sock = connect(site)
        sock.sendall(f"POST /events/{topic} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
                     f"Content-Length: {5 if n % 2 else 50}\r\n\r\nhello".encode())
        if n % 4 < 2:
            sock.shutdown(socket.SHUT_WR)
        reset(sock)


def lagged(site):
    text = site.post("/events/-/metrics", method="GET").body.decode()
    return int(text.partition("pgfeed_streams_lagged_total ")[2].split()[0])


def test_one_byte_a_second(site, bystander, topic):
    """It is closed for being too far behind, and resumes without a loss."""
    before = lagged(site)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", site.port))
    sock.sendall(get(f"/events/{topic}") + b"\r\n")
    assert sock.recv(1)
    big = 0

    def fill():
        nonlocal big
        for _ in range(20):
            site.sql("SELECT pgfeed.publish(%s, repeat('x', 60000))", (topic,))
            big += 1
        assert sock.recv(1)
        time.sleep(1)
        return lagged(site) > before
    eventually(fill, 60, "closed for its lag")
    sock.close()


def test_a_flood_of_posts(site, bystander, topic):
    """Who publishes as fast as it can is served, or told to wait; each answer
    of 201 is an event, and no other is."""
    statuses = []

    def publish():
        with contextlib.suppress(OSError):
            for _ in range(400):
                statuses.append(site.post(f"/events/{topic}", b"x" * 2000,
                                          {"Content-Type": "text/plain"}).status)

    threads = [threading.Thread(target=publish) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 429, 503}
    assert site.sql("SELECT count(*) FROM pgfeed.event WHERE topic = %s",
                    (topic,)) == [(statuses.count(201),)]


def test_streams_that_come_and_go(site, bystander, topic):
    for _ in range(20):
        streams = [site.stream(f"/events/{topic}?topic=a/*&topic=b{n}")
                   for n in range(20)]
        for stream in streams:
            stream.close()
    harness.eventually(lambda: site.post(
        "/events/-/status", method="GET").json()["streams"] == 1, 30, "they are gone")
