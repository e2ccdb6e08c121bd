"""An Apache whose streams are as many as pgfeed allows: 300 of 400 workers."""
import time

import hosts
from lib import harness as env
from lib.http import Stream, request

STREAMS = 300


class Vhost(hosts.ApacheVhost):
    WORKERS = """ThreadsPerChild 25
ServerLimit 16
MaxRequestWorkers 400
ThreadStackSize 262144"""


def test_the_rest_of_the_site_answers_and_one_more_is_told_so(make_host):
    host = make_host(Vhost, max_streams=str(STREAMS), heartbeat="5s")
    streams = []
    try:
        for _ in range(STREAMS):
            streams.append(Stream(host.port, "/events/full").live())
        assert host.status()["streams"] == STREAMS

        # The rest of the site, and pgfeed's own pages and POSTs.
        slowest = 0
        for _ in range(50):
            began = time.monotonic()
            assert request(host.port, "GET", "/index.html").status == 200
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 1, slowest

        # design: 200, a position, retry, pgfeed.bye, the end; not a hang, no error.
        began = time.monotonic()
        with Stream(host.port, "/events/full") as refused:
            events, clean = refused.until_end(5)
            assert refused.status == 200 and clean
            assert [e.type for e in events] == ["pgfeed.bye"]
            assert events[0].json() == {"reason": "full"}
            assert 100 <= refused.parser.retry <= 200 and refused.parser.last_id
        assert time.monotonic() - began < 1

        sent = time.monotonic()
        assert host.post("/events/full", b"data=to+all", {
            "Content-Type": "application/x-www-form-urlencoded"}).status == 201
        for stream in streams:
            assert stream.message().data == "to all"
        print(f"{STREAMS} streams had it within "
              f"{(time.monotonic() - sent) * 1000:.0f} ms, the site's slowest "
              f"answer took {slowest * 1000:.0f} ms")
    finally:
        for stream in streams:
            stream.close()
    # And they are free again once they have left.
    env.eventually(lambda: host.status()["streams"] == 0, 30, "their end")
    with Stream(host.port, "/events/full") as stream:
        stream.live()
