"""Apache that may only be told by .htaccess holds back what is less than 4096
bytes, or 8192 with TLS: whatever an event's size, nothing of it may stay there
until the next one."""
import contextlib
import statistics
import time

import pytest

import hosts
from client import Curl

SIZES = [0, 1, 100, 3900, 4000, 4090, 4096, 4200, 4224, 4300, 8100, 8184, 8192,
         8300, 8448, 8460, 12000, 12672, 16384, 16900, 20000, 33000, 65536,
         *range(4000, 4240, 20), *range(8100, 8460, 20), *range(16500, 16900, 40)]


@pytest.fixture(scope="module")
def htaccess(installation):
    host = hosts.ApacheHtaccess(installation, heartbeat="60s")
    yield host
    host.close()


@pytest.mark.parametrize("protocol", ["http", "tls", "h2"])
def test_no_event_waits_for_the_next(htaccess, protocol):
    topic, lags = "pad-" + protocol, []
    with Curl(htaccess.url(protocol, "/" + topic), protocol) as stream:
        stream.live()
        for size in SIZES:
            data = "x" * size
            htaccess.sql("SELECT pgfeed.publish(%s, %s)", (topic, data))
            sent = time.monotonic()
            # The heartbeat is a minute away: what is held back would not come.
            event = stream.message(5)
            assert event.data == data
            lags.append(event.at - sent)
    assert statistics.median(lags) < 0.1, lags


def drain(stream):
    """All that is on its way; returns how many bytes there were so far."""
    with contextlib.suppress(TimeoutError):
        while True:
            stream._read(time.monotonic() + 0.5)
    return stream.body_bytes


@pytest.mark.parametrize("protocol,unit", [("http", 4224), ("tls", 8448), ("h2", 0)])
def test_it_is_as_much_as_needed(htaccess, protocol, unit):
    topic = "unit-" + protocol
    with Curl(htaccess.url(protocol, "/" + topic), protocol) as stream:
        stream.live()
        grown = 0
        for _ in range(2):      # with the first comes what the head left behind
            before = drain(stream)
            htaccess.sql("SELECT pgfeed.publish(%s, %s)", (topic, "x"))
            stream.message()
            grown = drain(stream) - before
        assert grown == unit if unit else grown < 100


def test_a_client_cannot_ask_for_it(make_host):
    host = make_host(hosts.ApacheVhost)
    with Curl(host.url("http", "/t") + "?PGFEED_PAD=auto", "http") as stream:
        stream.live()
        before = stream.body_bytes
        assert before < 1000
        host.sql("SELECT pgfeed.publish('t', 'x')")
        stream.message()
        assert stream.body_bytes - before < 100
