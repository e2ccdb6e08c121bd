"""Limits: who is one too many is told so, and who takes too much is ended."""
import http.client
import json

import pytest

from lib import fastcgi
from lib import harness
from lib.http import Stream, follow

OPTIONS = {"max_streams_per_address": 2, "max_streams": 4, "heartbeat": "1s"}


def from_address(site, address, accept="text/event-stream"):
    """An answer of which only the beginning is read."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10,
                                            source_address=(address, 0))
    connection.request("GET", "/events/t?wait=20", headers={"Accept": accept})
    return connection


def first_event(connection):
    answer = connection.getresponse()
    assert answer.status == 200
    for line in answer:
        if line.startswith(b"event: "):
            return line[7:].strip().decode()
    raise AssertionError("no event")


def refused(stream):
    events, clean = stream.until_end()
    assert stream.status == 200 and clean
    assert 2000 <= stream.parser.retry <= 5000 and stream.parser.last_id
    return [(e.type, e.json()["reason"]) for e in events] == [("pgfeed.bye", "full")]


def test_an_address_gets_so_many_and_another_as_many_again(site):
    with Stream(site.port, "/events/t") as first, Stream(site.port, "/events/t") as second:
        first.live()
        second.live()
        with Stream(site.port, "/events/t") as third:
            assert refused(third)
        poll = from_address(site, "127.0.0.1", "application/json")
        answer = poll.getresponse()
        assert answer.status == 200 and 2 <= int(answer.getheader("Retry-After")) <= 5
        assert json.loads(answer.read())["events"] == []
        poll.close()

        others = []
        for said in ("pgfeed.open", "pgfeed.open", "pgfeed.bye"):
            others.append(from_address(site, "127.0.0.2"))
            assert first_event(others[-1]) == said

        # All four are taken now, whoever asks.
        fifth = from_address(site, "127.0.0.3")
        assert first_event(fifth) == "pgfeed.bye"
        for connection in [*others, fifth]:
            connection.close()
        assert site.publish("t", "still") and first.message().data == "still"


def opened(site):
    stream = Stream(site.port, "/events/t")
    if stream.next().type == "pgfeed.open":
        return stream
    stream.close()
    return None


def test_the_place_is_free_again(site):
    for _ in range(3):
        harness.eventually(lambda: opened(site), 40, "a free place").close()


def test_who_left_a_moment_ago_takes_no_place(site):
    """A page at its limit is loaded again: it leaves, and is back at once."""
    def first_words():
        peer = fastcgi.Connection(site.dir + "/stream.sock")
        peer.begin(fastcgi.params_for("GET", "/events/t", length=0,
                                      extra={"REMOTE_ADDR": "127.0.0.9"}))
        peer.body(b"")
        return peer, peer.read()[1]

    before, _ = first_words()
    for _ in range(50):
        last, words = first_words()
        assert b"pgfeed.open" in words, words
        before.close()
        before = last
    last, words = first_words()
    assert b"pgfeed.open" in words
    one_more, words = first_words()
    assert b"pgfeed.bye" in words
    for peer in (before, last, one_more):
        peer.close()


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_poll_takes_a_place_while_it_waits(make_site, accept):
    site = make_site("lighttpd", max_streams_per_address=1)
    poll = from_address(site, "127.0.0.1", accept)
    harness.eventually(lambda: json.loads(site.post(
        "/events/-/status", method="GET").body)["streams"] == 1, what="the poll")
    with Stream(site.port, "/events/t") as stream:
        assert refused(stream)
    poll.close()
    harness.eventually(lambda: opened(site), 40, "its place").close()


def status(site):
    return json.loads(site.post("/events/-/status", method="GET").body)


def test_who_takes_nothing_is_closed_when_too_much_waits(make_site):
    site = make_site("lighttpd", lag_size="256kB", lag_limit="1h")
    slow = fastcgi.Connection(site.dir + "/stream.sock")
    slow.begin(fastcgi.params_for("GET", "/events/t", length=0))
    slow.body(b"")
    slow.read()
    with site.stream("/events/t") as stream:
        stream.live()
        for n in range(40):
            site.sql("SELECT pgfeed.publish('t', %s || repeat('x', 50000))", (f"{n} ",))
            assert stream.message().data.split()[0] == str(n)
        harness.eventually(lambda: status(site)["lagged"] == 1, what="its end")
        assert status(site)["streams"] == 1
        with pytest.raises((EOFError, ConnectionResetError)):
            while True:
                slow.read()
        site.publish("t", "still")
        assert stream.message().data == "still"
    slow.close()


def test_who_falls_off_the_ring_in_the_middle_of_an_event_is_said_to(make_site):
    """The log said that the peer was gone, which was there and reading."""
    site = make_site("lighttpd", ring_size="1MB", lag_limit="1h")
    slow = fastcgi.Connection(site.dir + "/stream.sock")
    slow.begin(fastcgi.params_for("GET", "/events/t", length=0))
    slow.body(b"")
    slow.read()
    with site.stream("/events/t") as stream:
        stream.live()
        for n in range(80):                        # more than socket and ring hold
            site.sql("SELECT pgfeed.publish('t', %s || repeat('x', 50000))", (f"{n} ",))
            assert stream.message().data.split()[0] == str(n)
        assert status(site)["lagged"] == 0
        with pytest.raises((EOFError, ConnectionResetError)):
            while True:
                slow.read()
        harness.eventually(lambda: status(site)["lagged"] == 1, what="its end")
        assert "closed, the ring has passed what it was taking" in site.log()
        assert "the peer is gone" not in site.log()
        site.publish("t", "still")
        assert stream.message().data == "still"
    slow.close()


def test_a_long_history_comes_in_parts_and_whole(make_site):
    site = make_site("lighttpd", replay_limit=50, ring_size="1MB", retry_min=0,
                     retry_max=0)
    site.sql("SELECT pgfeed.publish('t', i || repeat('x', 10000))"
             " FROM generate_series(1, 400) i")
    harness.eventually(lambda: status(site)["events"] == 400, what="the events")
    with site.stream("/events/t?last_event_id=earliest") as stream:
        events, clean = stream.until_end()
    assert clean and events[-1].json() == {"reason": "limit"}
    assert 50 <= len([e for e in events if e.type == "message"]) < 100
    messages, streams = follow(lambda last: site.stream(
        "/events/t?last_event_id=earliest", last_event_id=last), 400)
    assert [int(e.data.rstrip("x")) for e in messages] == list(range(1, 401))
    assert streams > 2 and status(site)["replay_limited"] == streams
    metrics = site.post("/events/-/metrics", method="GET").body.decode()
    assert f"pgfeed_replay_limited_total {streams}" in metrics


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_large_header_fields_are_told_so(make_site, method):
    """Apache lets through 100 of 8 kB each."""
    site = make_site("apache")
    fields = {f"X-{n}": "x" * 8000 for n in range(9)}
    answer = site.post("/events/t", b"x" if method == "POST" else None,
                       {"Content-Type": "text/plain", **fields}, method=method)
    assert answer.status == 431, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert "head_limit" in answer.json()["detail"]
    assert site.publish("t", "still")
