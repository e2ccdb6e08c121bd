"""max_streams and max_streams_per_address: who is one too many is told so."""
import http.client
import json

import pytest

import pgfeed_env
from pgfeed_http import Stream

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
    assert stream.parser.retry == 15000
    return [(e.type, e.json()["reason"]) for e in events] == [("pgfeed.bye", "full")]


def test_an_address_gets_so_many_and_another_as_many_again(site):
    with Stream(site.port, "/events/t") as first, Stream(site.port, "/events/t") as second:
        first.live()
        second.live()
        with Stream(site.port, "/events/t") as third:
            assert refused(third)
        poll = from_address(site, "127.0.0.1", "application/json")
        answer = poll.getresponse()
        assert answer.status == 503 and answer.getheader("Retry-After") == "15"
        assert json.loads(answer.read())["detail"] == "full"
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
        pgfeed_env.eventually(lambda: opened(site), 40, "a free place").close()


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_poll_takes_a_place_while_it_waits(make_site, accept):
    site = make_site("lighttpd", max_streams_per_address=1)
    poll = from_address(site, "127.0.0.1", accept)
    pgfeed_env.eventually(lambda: json.loads(site.post(
        "/events/-/status", method="GET").body)["streams"] == 1, what="the poll")
    with Stream(site.port, "/events/t") as stream:
        assert refused(stream)
    poll.close()
    pgfeed_env.eventually(lambda: opened(site), 40, "its place").close()
