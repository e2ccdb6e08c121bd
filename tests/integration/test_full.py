"""A full house: each client has every event exactly once and in order, and free
places go to the clients that have waited longest."""
import http.client
import json
import re
import threading
import time

import pytest

from lib import fastcgi
from lib import harness
from lib.http import Stream, StreamEnded

PLACES, CLIENTS, EVENTS = 3, 12, 10


def status(site):
    return json.loads(site.post("/events/-/status", method="GET").body)


class Client(threading.Thread):
    """What an EventSource does, until it has had EVENTS events."""

    def __init__(self, site):
        super().__init__(daemon=True)
        self.site = site
        self.begun = threading.Event()      # it has a position
        self.got, self.retries, self.polls, self.streamed = [], [], 0, False
        self.start()

    def run(self):
        last = None
        while len(self.got) < EVENTS:
            try:
                with self.site.stream("/events/t", last_event_id=last) as stream:
                    assert stream.status == 200
                    while len(self.got) < EVENTS:
                        event = stream.next(20)
                        last = event.id or last
                        self.take(event)
            except StreamEnded as end:
                assert end.clean
                last = stream.parser.last_id or last
                if last:
                    self.begun.set()
                time.sleep(stream.parser.retry / 1000)

    def take(self, event):
        if event.type == "pgfeed.open":
            self.streamed = True
            self.begun.set()
        elif event.type == "pgfeed.bye":
            self.polls += event.json()["reason"] == "full"
        elif event.type == "message":
            self.got.append(int(event.data))


@pytest.mark.parametrize("server", ["lighttpd", "apache"])
def test_each_client_has_each_event_once_and_in_order(make_site, server):
    site = make_site(server, max_streams=PLACES, retry_min="100ms",
                     retry_max="300ms", heartbeat="1s")
    clients = [Client(site) for _ in range(CLIENTS)]
    for client in clients:
        assert client.begun.wait(20)
    waiting = harness.eventually(lambda: status(site)["waiting"], what="waiting clients")
    assert waiting <= CLIENTS - PLACES
    for n in range(EVENTS):
        site.publish("t", str(n))
        assert status(site)["streams"] <= PLACES
    for client in clients:
        client.join(30)
        assert client.got == list(range(EVENTS))
    assert sum(client.polls > 0 for client in clients) >= CLIENTS - PLACES
    assert status(site)["refused_for"]["full"] >= CLIENTS - PLACES
    # A place is free after each client has left, and for the next one to come.
    harness.eventually(lambda: status(site)["streams"] == 0, 40, "their end")
    def streams():
        with Stream(site.port, "/events/t") as stream:
            return stream.next().type == "pgfeed.open"
    harness.eventually(streams, 30, "a place")


@pytest.fixture(scope="module")
def small(cluster):
    site = harness.Site(cluster, "lighttpd", max_streams=1, retry_min="2s",
                        retry_max="5s")
    yield site
    site.close()


class Direct:
    """One client straight at the gateway's socket."""

    def __init__(self, site, last_event_id=None, **extra):
        if last_event_id:
            extra["HTTP_LAST_EVENT_ID"] = last_event_id
        self.peer = fastcgi.Connection(site.dir + "/stream.sock")
        self.peer.begin(fastcgi.params_for("GET", "/events/t", length=0, extra=extra))
        self.peer.body(b"")

    def answer(self):
        text = self.peer.response()[2].decode()
        self.peer.close()
        return text

    def opens(self):
        return b"pgfeed.open" in self.peer.read()[1]


def last_id(text):
    return re.findall(r"^id: (.*)$", text, re.M)[-1]


def test_the_short_response(small):
    """All that was missed, the new position, pgfeed.bye, and when to retry."""
    with small.stream("/events/t").live() as held:
        began = held.parser.last_id
        for n in range(3):
            small.publish("t", str(n))
        assert [e.data for e in held.messages(3)] == ["0", "1", "2"]
        with small.stream("/events/t", last_event_id=began) as late:
            events, clean = late.until_end()
        assert clean and late.status == 200
        assert [e.type for e in events] == ["message"] * 3 + ["pgfeed.bye"]
        assert [e.data for e in events[:3]] == ["0", "1", "2"]
        assert events[3].json() == {"reason": "full"}
        assert 2000 <= late.parser.retry <= 5000

        # From the new position there is nothing more, until there is.
        with small.stream("/events/t", last_event_id=late.parser.last_id) as again:
            assert [e.type for e in again.until_end()[0]] == ["pgfeed.bye"]
        small.publish("t", "3")
        held.message()
        with small.stream("/events/t?last_event_id=" + again.parser.last_id) as again:
            assert [e.data for e in again.until_end()[0]][0] == "3"

        # A client without a position has one now.
        with small.stream("/events/t") as new:
            assert [e.type for e in new.until_end()[0]] == ["pgfeed.bye"]
        small.publish("t", "4")
        held.message()
        with small.stream("/events/t", last_event_id=new.parser.last_id) as new:
            assert [e.data for e in new.until_end()[0]][0] == "4"


def test_a_long_poll_is_answered_at_once(small):
    def poll(cursor):
        connection = http.client.HTTPConnection("127.0.0.1", small.port, timeout=10)
        connection.request("GET", f"/events/t?wait=60&last_event_id={cursor}",
                           headers={"Accept": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200
        after, body = answer.getheader("Retry-After"), json.loads(answer.read())
        connection.close()
        return body, after

    def held():
        stream = Stream(small.port, "/events/t")
        if stream.next().type == "pgfeed.open":
            return stream
        stream.close()
        return None

    with harness.eventually(held, 40, "the place") as stream:
        stream.live()
        body, after = poll("now")
        assert body["events"] == [] and 2 <= int(after) <= 5
        small.publish("t", "missed")
        stream.message()
        body, after = poll(body["cursor"])
        assert [e["data"] for e in body["events"]] == ["missed"] and after is None


def test_a_free_place_goes_to_the_client_that_waits_longest(make_site):
    site = make_site("lighttpd", max_streams=1, retry_min="20s", retry_max="20s")
    site.wait_ready()
    held = Direct(site)
    assert held.opens()
    first, second = (last_id(Direct(site).answer()) for _ in range(2))
    # Each is known by what stands behind its position, and keeps it.
    assert first.partition("__")[0] == second.partition("__")[0]
    assert first != second
    assert last_id(Direct(site, second).answer()) == second
    held.peer.close()
    # The place is free: neither a new client nor the second one gets it.
    assert "pgfeed.bye" in Direct(site).answer()
    assert "pgfeed.bye" in Direct(site, second).answer()
    assert status(site)["streams"] == 0 and status(site)["waiting"] == 2
    held = Direct(site, first)
    assert held.opens()
    assert "pgfeed.bye" in Direct(site, second).answer()
    held.peer.close()
    held = Direct(site, second)
    assert held.opens()
    assert status(site)["waiting"] == 0
    held.peer.close()


def test_who_does_not_come_back_takes_no_place(make_site):
    site = make_site("lighttpd", max_streams=1, retry_min="100ms", retry_max="100ms")
    site.wait_ready()
    held = Direct(site)
    assert held.opens()
    for _ in range(5):
        assert "pgfeed.bye" in Direct(site).answer()
    held.peer.close()

    def opens():
        one = Direct(site)
        found = one.opens()
        one.peer.close()
        return found

    harness.eventually(opens, 30, "a place for a client without a ticket")


def test_pgfeed_cgi_s_clients_have_places_of_their_own(make_site):
    """cgi_streams limits the requests that pgfeed-cgi hands over."""
    site = make_site("lighttpd", max_streams=2, cgi_streams=1)
    site.wait_ready()
    held = Direct(site, PGFEED_CGI="1")
    assert held.opens()
    assert "pgfeed.bye" in Direct(site, PGFEED_CGI="1").answer()
    other = Direct(site, HTTP_PGFEED_CGI="1")     # what a browser says counts for nothing
    assert other.opens()
    assert "pgfeed.bye" in Direct(site).answer()
    held.peer.close()
    other.peer.close()
