#!/usr/bin/python3
"""make check-full: many more clients than places, behind Apache.

    crowd.py [--clients N] [--events N] [--rate N] [vhost] [cgi]

Each client does what an EventSource does (tests/bench/load.c, --crowd). Every
client has to get every event exactly once and in order, 99 of 100 within twice
the mean retry time; pages of the site have to answer within 100 ms; and the
memory of the gateway has to be flat. Prints a line for docs/servers.md and the
figures; exits with 1 when something is not as promised.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time

import hosts
from lib import harness as env
from lib.http import request

PAGE_MS = 100
FLAT = 1.1          # the gateway's memory at the end, as a part of the middle


class Vhost(hosts.ApacheVhost):
    WORKERS = """ThreadsPerChild 25
ServerLimit 6
MaxRequestWorkers 150
ThreadStackSize 262144"""


class Cgi(hosts.ApacheCgi):
    WORKERS = Vhost.WORKERS


CROWDS = {
    "vhost": (Vhost, 1500, {"max_streams": "100"}),
    "cgi": (Cgi, 300, {"cgi_streams": "20", "max_streams": "100"}),
}
COMMON = {"heartbeat": "5s", "retry_min": "2s", "retry_max": "5s",
          "max_age": "20s", "log_level": "warning"}


def nearest(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


class Watch(threading.Thread):
    """Asks for a page of the site all the time, and samples memory."""

    def __init__(self, host):
        super().__init__(daemon=True)
        self.host, self.ended = host, threading.Event()
        self.page_ms, self.faults, self.memory, self.cgi = [], [], [], []
        self.start()

    def run(self):
        turn = 0
        page = self.host.BASE.removesuffix("events") + "index.html"
        while not self.ended.wait(0.02):
            began = time.monotonic()
            try:
                status = request(self.host.web_port, "GET", page,
                                 timeout=10).status
            except OSError as e:
                status = e
            self.page_ms.append((time.monotonic() - began) * 1000)
            if status != 200:
                self.faults.append(status)
            turn += 1
            if turn % 25 == 0:
                pids = self.host.gateway_pids()
                if pids:
                    self.memory.append(env.rss_bytes(pids[0]))
                self.cgi.append(len(self.host.gateway_pids("cgi")))

    def stop(self):
        self.ended.set()
        self.join()


def publish(host, events, rate):
    subprocess.run([env.BUILD + "/tests/bench/publish", "--sql",
                    "SELECT pgfeed.publish($1, $2)", "--conninfo",
                    host.cluster.conninfo(host.database), "--topic", "crowd",
                    "--events", str(events), "--rate", str(rate)], check=True,
                   stdout=subprocess.DEVNULL)


def crowd(installation, name, clients, events, rate):
    mode, many, options = CROWDS[name]
    clients = clients or many
    host = mode(installation, **{**COMMON, **options})
    load = None
    try:
        command = [env.BUILD + "/tests/bench/load", "--crowd", "--connect",
                   f"127.0.0.1:{host.web_port}", "--path",
                   f"{host.BASE}?topic=crowd", "--streams", str(clients),
                   "--events", str(events), "--live-event", "pgfeed.open",
                   "--timeout", str(events / rate + 120)]
        load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert load.stdout.readline() == "ready\n"
        watch = Watch(host)
        publish(host, events, rate)
        result = json.loads(load.stdout.readline())
        watch.stop()
        status = host.status()
    finally:
        if load:
            load.kill()
            load.wait()
        host.close()
    return judge(name, clients, events, rate, result, watch, status)


def judge(name, clients, events, rate, got, watch, status):
    """The line for the documentation, and what is not as promised."""
    delay = {p: got["latency_us"][p] / 1e6 for p in ("p50", "p99", "max")}
    retry = got["retry_ms"] / 1000
    pages = {p: nearest(watch.page_ms, q) for p, q in
             (("p50", 0.5), ("p99", 0.99), ("max", 1))}
    half = len(watch.memory) // 2
    middle = statistics.median(watch.memory[half // 2:half] or watch.memory)
    last = statistics.median(watch.memory[half:] or watch.memory)
    wrong = [
        text for bad, text in [
            (got["missing"], f"{got['missing']} events are missing"),
            (got["duplicates"], f"{got['duplicates']} events came twice"),
            (got["out_of_order"], f"{got['out_of_order']} events out of order"),
            (got["errors"], f"{got['errors']} answers of status {got['error_status']}"),
            (got["gaps"], f"{got['gaps']} gaps"),
            (delay["p99"] > 2 * retry,
             f"delay p99 {delay['p99']:.2f} s, retry {retry:.2f} s"),
            (watch.faults, f"pages failed: {watch.faults[:3]}"),
            (pages["max"] > PAGE_MS, f"a page took {pages['max']:.0f} ms"),
            (last > FLAT * middle,
             f"the gateway grew from {middle / 1e6:.1f} to {last / 1e6:.1f} MB"),
        ] if bad]
    print(f"{name}: {clients} clients, {events} events at {rate} a second: "
          f"{got['delivered']} of {got['expected']} delivered, "
          f"{got['duplicates']} twice, {got['out_of_order']} out of order; "
          f"at most {got['most_live']} streams at a time, {got['ever_streamed']} "
          f"clients had one; {got['full']} short responses, mean retry {retry:.2f} s; "
          f"delay p50 {delay['p50']:.2f} s, p99 {delay['p99']:.2f} s, "
          f"max {delay['max']:.2f} s; {len(watch.page_ms)} pages, "
          f"p50 {pages['p50']:.1f} ms, p99 {pages['p99']:.1f} ms, "
          f"max {pages['max']:.1f} ms; gateway {middle / 1e6:.1f} MB in the middle, "
          f"{last / 1e6:.1f} MB at the end; at most {max(watch.cgi)} CGI processes; "
          f"waiting at the end: {status['waiting']}; "
          f"load {os.getloadavg()[0]:.1f}")
    for text in wrong:
        print(f"{name}: WRONG: {text}")
    return not wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=0)
    parser.add_argument("--events", type=int, default=600)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("crowd", nargs="*", default=list(CROWDS))
    args = parser.parse_args()
    for name in args.crowd:
        lacks = hosts.missing_for(CROWDS[name][0])
        if lacks:
            print(f"skipped: {lacks} is not installed")
            sys.exit(77)
    installation = hosts.Installation()
    try:
        good = [crowd(installation, name, args.clients, args.events, args.rate)
                for name in args.crowd]
    finally:
        installation.close()
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
