"""More browsers than a host has processes for: nobody misses an event."""
import contextlib
import time

import hosts
from lib import harness as env
from client import Browser

BROWSERS, EVENTS = 30, 20


def test_cgi_serves_more_browsers_than_it_holds_streams(make_host):
    host = make_host(hosts.ApacheCgi, cgi_streams="5", retry_min="500ms",
                     retry_max="1s")
    most = 0
    with contextlib.ExitStack() as stack:
        browsers = [stack.enter_context(Browser(host.url("http", "/t"), "http"))
                    for _ in range(BROWSERS)]
        for browser in browsers:
            browser.begin()
        for i in range(EVENTS):
            host.sql("SELECT pgfeed.publish('t', %s)", (str(i),))
            most = max(most, host.status()["streams"])
        for browser in browsers:
            got = [browser.message(60).data for _ in range(EVENTS)]
            assert got == [str(i) for i in range(EVENTS)]
        assert len(host.gateway_pids()) == 1
    print(f"{BROWSERS} browsers, at most {most} streams at a time")


def test_a_stream_through_mod_fcgid_ends_with_its_first_event(make_host):
    """It keeps the answer until it is complete; and what waits without an
    event ends before mod_fcgid's own limit of 40 s of silence."""
    host = make_host(hosts.ApacheFcgid, heartbeat="15s")
    with Browser(host.url("http", "/t"), "http") as browser:
        browser.open()
        env.eventually(lambda: host.status()["streams"] == 1, what="the stream")
        for i in range(3):
            host.sql("SELECT pgfeed.publish('t', %s)", (str(i),))
            assert browser.message(30).data == str(i)
    with Browser(host.url("http", "/quiet"), "http") as browser:
        began = time.monotonic()
        browser.begin(40)
        assert 15 < time.monotonic() - began < 30
        assert browser.curl.status == 200
