#!/usr/bin/python3
"""make check-servers: every mode, every protocol, each promise.

    matrix.py [--table FILE] [MODE...]

Prints a table, and with --table puts it into FILE between its marks. Exits
with 1 when something is not as promised; 77 when a server is missing.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time
import traceback

import hosts
from lib import harness as env
from client import Browser, Curl, Poller, post
from lib.http import Stream, StreamEnded

BEGIN, END = "<!-- begin: make check-servers -->", "<!-- end -->"
COLUMNS = ["first byte", "event", "resume", "slow reader", "browser gone",
           "gateway killed", "reload", "64 KiB", "form", "a stream costs"]
WORDS = {"http": "HTTP/1.1", "tls": "TLS, HTTP/1.1", "h2": "TLS, HTTP/2"}


class Checks:
    """One mode in one protocol. Each check returns what the table says."""

    def __init__(self, host, protocol):
        self.host, self.protocol = host, protocol
        self.serial = 0

    def url(self, topic):
        return self.host.url(self.protocol, "/" + topic)

    def topic(self):
        self.serial += 1
        return f"{self.protocol}-{self.serial}"

    def publish(self, topic, data):
        self.host.sql("SELECT pgfeed.publish(%s, %s)", (topic, data))
        return time.monotonic()

    def streams(self):
        return self.host.status()["streams"]

    def browser(self, topic):
        """Connected; what is published from now on comes."""
        kind = Poller if self.host.BRIEF else Browser
        browser = kind(self.url(topic), self.protocol).begin()
        if not self.host.BRIEF:
            browser.curl.live()
        return browser

    def first_byte(self):
        if self.host.BRIEF:     # a poll that does not wait
            began = time.monotonic()
            with Poller(self.url(self.topic()), self.protocol).begin():
                seconds = time.monotonic() - began
        else:
            with Curl(self.url(self.topic()), self.protocol) as stream:
                seconds = stream.wait_first()
                assert stream.status == 200, stream.status
                assert "content-encoding" not in stream.head, "compressed"
        assert seconds < 1, f"{seconds:.2f} s"
        return f"{seconds * 1000:.0f} ms"

    def event(self):
        """From the commit to the browser; each within 100 ms. A buffer is late
        every time; a machine with more to do than it has processors may be late
        once, and gets a second chance."""
        taken = self.ten_events()
        if max(taken) >= 100 and os.getloadavg()[0] > os.cpu_count():
            print(f"again, as the machine is busy: {max(taken):.0f} ms")
            taken = self.ten_events()
        assert max(taken) < 100, f"{max(taken):.0f} ms"
        return f"{statistics.median(taken):.0f} ms"

    def ten_events(self):
        topic, taken = self.topic(), []
        with self.browser(topic) as browser:
            for i in range(10):
                if self.host.BRIEF:     # it has to be waiting
                    before = self.host.status()["opened"]
                    browser.open()
                    env.eventually(lambda b=before: self.host.status()["opened"] > b,
                                   10, "the browser's return")
                sent = self.publish(topic, f"event {i}")
                event = browser.message()
                assert event.data == f"event {i}", event
                taken.append((event.at - sent) * 1000)
                time.sleep(0.05)    # each by itself, as that is the question
        return taken

    def resume(self):
        topic = self.topic()
        with self.browser(topic) as browser:
            browser.close()
            for i in range(20):
                self.publish(topic, str(i))
            got = [browser.message().data for _ in range(20)]
        assert got == [str(i) for i in range(20)], got
        return "ok"

    def slow_reader(self):
        """One that does not read keeps nobody else waiting, and loses nothing."""
        if self.host.BRIEF:
            return "–"
        topic = self.topic()
        with self.browser(topic) as slow, self.browser(topic) as fast:
            count, text = 60, "x" * 60000
            for i in range(count):
                self.publish(topic, f"{i} {text}")
                event = fast.message(5)
                assert event.data.startswith(f"{i} "), event.data[:20]
            for i in range(count):
                event = slow.message(20)
                assert event.data.startswith(f"{i} "), event.data[:20]
        return "ok"

    def browser_gone(self):
        """Until pgfeed knows it; the heartbeat is 1 s here."""
        if self.host.BRIEF:
            return "–"      # known when the stream ends, after 20 s
        env.eventually(lambda: self.streams() == 0, 20, "the end of other streams")
        with Curl(self.url(self.topic()), self.protocol) as stream:
            stream.wait_first()
            assert self.streams() == 1
        left = time.monotonic()
        env.eventually(lambda: self.streams() == 0, 10, "the browser's end")
        return f"{time.monotonic() - left:.1f} s"

    def interrupted(self, interrupt):
        topic = self.topic()
        with self.browser(topic) as browser:
            self.publish(topic, "before")
            assert browser.message().data == "before"
            interrupt()
            self.publish(topic, "after")
            began = time.monotonic()
            assert browser.message(30).data == "after"
            return f"{time.monotonic() - began:.1f} s"

    def gateway_killed(self):
        return self.interrupted(self.host.kill_gateway)

    def reload(self):
        return self.interrupted(self.host.reload)

    def payload(self):
        topic, text = self.topic(), "0123456789abcdef" * 4096
        with self.browser(topic) as browser:
            with open(self.host.dir + "/payload", "w", encoding="ascii") as file:
                file.write(text)
            status, body = post(self.url(topic), self.protocol, "-H",
                                "Content-Type: text/plain", "--data-binary",
                                "@" + self.host.dir + "/payload")
            assert status == 201, (status, body)
            assert browser.message().data == text
        return "ok"

    def form(self):
        topic = self.topic()
        with self.browser(topic) as browser:
            status, body = post(
                self.url(topic), self.protocol, "-H", "Accept: text/html",
                "-H", "Referer: " + self.url(topic), "-d", "data=from+a+form")
            assert status == 303, (status, body)
            assert browser.message().data == "from a form"
        return "ok"

    def cost(self):
        """What the web server and pgfeed take for each of some open streams."""
        host = self.host
        if host.BRIEF or self.protocol != "http":
            return ""
        env.eventually(lambda: self.streams() == 0, 20, "the end of other streams")
        topic, streams = self.topic(), []
        path = host.url("http", "/" + topic).partition(str(host.web_port))[2]
        try:
            for _ in range(host.WARM):      # what the first few cost is for all
                streams.append(Stream(host.web_port, path).live())
            before = host.memory()
            for _ in range(host.MANY):
                streams.append(Stream(host.web_port, path).live())
            kb = (host.memory() - before) / host.MANY / 1024
        finally:
            for stream in streams:
                stream.close()
        # Until that is noticed, they are all that pgfeed-cgi may hold.
        env.eventually(lambda: self.streams() == 0, 20, "the end of them all")
        return f"{host.TAKES}, {kb:.0f} kB"

    ALL = {"first byte": first_byte, "event": event, "resume": resume,
           "slow reader": slow_reader, "browser gone": browser_gone,
           "gateway killed": gateway_killed, "reload": reload,
           "64 KiB": payload, "form": form, "a stream costs": cost}


def run_mode(cluster, mode, only):
    rows, failed = [], False
    host = mode(cluster)
    try:
        for protocol in mode.PROTOCOLS:
            checks, row = Checks(host, protocol), [mode.LABEL, WORDS[protocol]]
            for name in COLUMNS:
                if only and name not in only:
                    row.append("")
                    continue
                try:
                    row.append(Checks.ALL[name](checks))
                except (AssertionError, OSError, StreamEnded, TimeoutError,
                        subprocess.TimeoutExpired) as error:
                    row.append("FAILED")
                    failed = True
                    print(f"{mode.NAME} {protocol} {name}: {error!r}",
                          file=sys.stderr)
                    traceback.print_exc(limit=-3)
            rows.append(row)
            print(" | ".join(row), flush=True)
        if failed:
            host.show_logs()
    finally:
        host.close()
    return rows, failed


def table(rows):
    head = ["mode", "protocol", *COLUMNS]
    return "".join("| " + " | ".join(row) + " |\n" for row in
                   [head, ["---"] * len(head), *rows])


def put_into(path, text):
    with open(path, encoding="utf-8") as file:
        whole = file.read()
    before, begin, rest = whole.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"{path} has no marks"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{text}{END}{after}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", metavar="FILE")
    parser.add_argument("--only", action="append", choices=COLUMNS)
    parser.add_argument("mode", nargs="*")
    args = parser.parse_args()
    modes = [m for m in hosts.MODES if not args.mode or m.NAME in args.mode]
    missing = {m: hosts.missing_for(m) for m in modes if hosts.missing_for(m)}
    for mode, what in missing.items():
        print(f"SKIP: {mode.LABEL}: {what} is not installed")
    modes = [m for m in modes if m not in missing]
    if env.missing_tools() or not modes:
        print("SKIP: not here:", env.missing_tools())
        return 77
    rows, failed = [], False
    cluster = hosts.Installation()
    try:
        for mode in modes:
            try:
                some, bad = run_mode(cluster, mode, args.only)
            except AssertionError as error:
                some = [[mode.LABEL, "", f"FAILED: {error}"[:300]] +
                        [""] * (len(COLUMNS) - 1)]
                bad = True
                traceback.print_exc()
            rows += some
            failed |= bad
    finally:
        cluster.close()
    print("\n" + table(rows))
    if args.table and not failed and not missing and not args.only:
        put_into(args.table, table(rows))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
