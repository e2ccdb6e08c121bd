"""Many streams at once, one of which doesn't read.

The figures are those of the promise: 1,000 streams behind lighttpd, 200 events
a second for 10 seconds. Apache holds a thread for every stream, so it gets a
smaller crowd.
"""
import re
import selectors
import socket
import threading
import time

import pytest

from lib.harness import children, descriptors, eventually, rss_bytes, sanitized
from lib.http import StreamEnded

OPTIONS = {"heartbeat": "30s", "ring_size": "4MB", "lag_limit": "30s"}
CROWD = {"lighttpd": 1000, "apache": 200}
RATE, SECONDS = 200, 10


class Crowd:
    """Many streams, read together as their bytes come. HTTP/1.0, so that what
    comes is the stream as it is, without chunks between."""

    def __init__(self, port, path, count):
        self.selector = selectors.DefaultSelector()
        self.socks, self.bytes = [], []
        for number in range(count):
            sock = socket.create_connection(("127.0.0.1", port), timeout=20)
            sock.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
            sock.setblocking(False)
            self.selector.register(sock, selectors.EVENT_READ, number)
            self.socks.append(sock)
            self.bytes.append(bytearray())

    def read(self, seconds=0.05):
        for key, _ in self.selector.select(seconds):
            data = key.fileobj.recv(262144)
            assert data, f"stream {key.data} was ended"
            self.bytes[key.data] += data

    def read_until(self, condition, timeout, what):
        eventually(lambda: self.read() or condition(), timeout, what)

    def all_have(self, text):
        return all(text in b for b in self.bytes)

    def close(self):
        for sock in self.socks:
            sock.close()
        self.selector.close()


class Publisher(threading.Thread):
    """Writes numbers at a steady pace."""

    def __init__(self, site, topic, first, count):
        super().__init__(daemon=True)
        self.site, self.topic = site, topic
        self.first, self.count, self.took = first, count, None

    def run(self):
        connection = self.site.connect()
        with connection.cursor() as cursor:
            begun = time.monotonic()
            for n in range(self.count):
                time.sleep(max(0, begun + n / RATE - time.monotonic()))
                cursor.execute("INSERT INTO pgfeed.event(topic, data) VALUES (%s, %s)",
                               (self.topic, f"{self.first + n}."))
            self.took = time.monotonic() - begun
        connection.close()


def status(site):
    return site.post("/events/-/status", method="GET").json()


@pytest.fixture
def crowd(site, topic):
    crowd = Crowd(site.port, f"/events/{topic}", CROWD[site.server])
    crowd.read_until(lambda: crowd.all_have(b"pgfeed.live"), 60, "all streams live")
    yield crowd
    crowd.close()


def test_all_get_everything_while_one_does_not_read(site, topic, crowd):
    # More than all buffers on the way hold, for the one that doesn't read.
    with site.stream(f"/events?topic={topic}&topic={topic}-bulk") as silent:
        silent.live()
        for n in range(200):
            site.sql("SELECT pgfeed.publish(%s, %s)",
                     (topic + "-bulk", f"{n}." + "x" * 60000))

        warm_up = Publisher(site, topic, 0, RATE)
        warm_up.start()
        crowd.read_until(lambda: not warm_up.is_alive()
                         and crowd.all_have(b"data: %d." % (RATE - 1)), 60, "warm-up")
        before = rss_bytes(site.gateway_pid())

        load = Publisher(site, topic, RATE, RATE * SECONDS)
        load.start()
        crowd.read_until(lambda: not load.is_alive(), 60, "all published")
        last = b"data: %d.\n" % (RATE * (SECONDS + 1) - 1)
        crowd.read_until(lambda: crowd.all_have(last), 60, "all arrived")
        grown = rss_bytes(site.gateway_pid()) - before

        expected = [b"%d" % n for n in range(RATE * (SECONDS + 1))]
        for number, got in enumerate(crowd.bytes):
            assert re.findall(rb"\ndata: (\d+)\.\n", got) == expected, number
        print(f"published in {load.took:.1f} s, planned {SECONDS} s")
        # AddressSanitizer keeps what was freed, to catch its use.
        if not sanitized():
            assert grown < 4 * 1024 * 1024, f"{grown} bytes more"

        # The one that didn't read has lost nothing either.
        bulk, small, stream = [], [], silent
        while len(bulk) < 200 or len(small) < len(expected):
            try:
                number, _, rest = stream.message(30).data.partition(".")
                (bulk if rest else small).append(int(number))
            except StreamEnded:
                last_id = stream.parser.last_id
                stream.close()
                stream = site.stream(
                    f"/events?topic={topic}&topic={topic}-bulk", last_event_id=last_id)
        stream.close()
        assert bulk == list(range(200))
        assert small == list(range(RATE * (SECONDS + 1)))


def test_closed_browsers_leave_nothing_behind(site, make_site, topic):
    """Within two seconds behind lighttpd, which passes the FIN on, and after two
    heartbeats behind Apache, which notices when it writes."""
    heartbeat, limit = ("30s", 10) if site.server == "lighttpd" else ("2s", 8)
    other = make_site(site.server, heartbeat=heartbeat)
    gateway = other.gateway_pid()
    server = other.processes[other.server].pid

    def everywhere():
        pids = [gateway, server] + children(server)
        return sum(descriptors(pid) for pid in pids)

    before = descriptors(gateway)
    crowd = Crowd(other.port, f"/events/{topic}", CROWD[site.server])
    try:
        crowd.read_until(lambda: crowd.all_have(b"pgfeed.live"), 60, "all streams live")
        assert descriptors(gateway) >= CROWD[site.server]
        full = everywhere()
    finally:
        crowd.close()
    eventually(lambda: descriptors(gateway) <= before, limit,
               "the gateway's descriptors are free")
    eventually(lambda: everywhere() <= full - 2 * CROWD[site.server], 10,
               "the web server's descriptors are free")


@pytest.mark.parametrize("restarted", [False, True], ids=["ring", "table"])
def test_five_thousand_that_come_back_share_a_few_queries(make_site, restarted):
    """Each a hundred events behind: from memory, or, when the gateway has just
    started and its memory does not go back so far, from the table."""
    count, behind = 5000, 100
    site = make_site("lighttpd", ring_size="32MB", heartbeat="60s")
    many = "INSERT INTO pgfeed.event (topic, data) SELECT %s, n FROM generate_series(1, %s) n"
    start = site.publish("a", "before")
    site.sql(many, ("a", behind))
    site.sql(many, ("other", 3000))
    if restarted:
        site.kill("stream")
        site.wait_ready()
    with site.stream("/events/a") as stream:
        stream.live()
    memory, before = rss_bytes(site.gateway_pid()), status(site)
    begun = time.monotonic()
    crowd = Crowd(site.port, f"/events/a?last_event_id={start}", count)
    try:
        crowd.read_until(lambda: crowd.all_have(b"pgfeed.live"), 60, "all live")
        took = time.monotonic() - begun
        expected = [b"%d" % n for n in range(1, behind + 1)]
        for got in crowd.bytes:
            assert re.findall(rb"^data: (\d+)$", got, re.M) == expected
        after, grown = status(site), rss_bytes(site.gateway_pid()) - memory
    finally:
        crowd.close()
    queries = after["replay_queries"] - before["replay_queries"]
    print(f"{count} were live after {took:.1f} s, connecting included: "
          f"{queries} queries, {grown / 1e6:.1f} MB")
    assert queries <= (10 if restarted else 0)
    assert grown < 10e6 or sanitized()
