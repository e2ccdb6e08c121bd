"""What is measured. Each scenario returns rows for the report; none judges."""
import os
import signal
import threading
import time

from . import servers
from .env import Skipped, children, eventually, harness, say
from .measure import GRACE_S, Crowd, Histogram, fanout
from .peers import (ALL, Nchan, Node, Peer, Pgfeed, PgfeedApache,
                    PgfeedLighttpd, Php)


BURST_GRACE_S = 60


def each(bench, peers, measure):
    """measure(peer) for every peer, started for it alone."""
    rows = []
    for kind in peers:
        if kind.name not in bench.peers or kind.name in bench.skipped:
            continue
        try:
            with bench.peer(kind) as peer:
                for row in measure(peer):
                    rows.append({"peer": peer.name, **row})
        except (Skipped, AssertionError, OSError) as why:
            say(f"  {kind.name}: skipped: {why}")
            bench.skipped[kind.name] = str(why)
    return rows


def latency(bench):
    """A steady 5 events a second of 120 bytes, to more and more streams.

    In several rounds, each with all peers, so that a bad minute of the machine
    hits them all. Of each peer and number of streams the round with the lowest
    p50 is kept, unless one lost something: then that one.
    """
    def measure(peer):
        for streams in bench.scale([100, 1000, 2000, 5000, 8000]):
            if streams > peer.max_streams:
                continue
            row = fanout(bench, peer, streams, bench.seconds(8) * 5, rate=5)
            say(f"  {peer.name} {streams}: p50 {row['latency_us']['p50']} "
                f"p99 {row['latency_us']['p99']} us, "
                f"missing {row['missing']}")
            yield row

    def rank(row):
        return (-row["missing"] - row["duplicates"] - row["out_of_order"],
                row["latency_us"]["p50"])

    found = {}
    for _ in range(bench.options.rounds):
        for row in each(bench, ALL, measure):
            found.setdefault((row["peer"], row["streams"]), []).append(row)
    order = [p.name for p in ALL]
    rows = []
    for key in sorted(found, key=lambda k: (order.index(k[0]), k[1])):
        row = min(found[key], key=rank)
        row["p50_of_rounds"] = [r["latency_us"]["p50"] for r in found[key]]
        rows.append(row)
    return rows


VARIANTS = [
    ("as shipped", {}),
    ("stream-response-body = 1", {"varied": True, "stream_response_body": 1}),
    ("without tcp-fin-propagate", {"varied": True, "fin_propagate": False}),
    ("network-backend = write", {"extra": 'server.network-backend = "write"'}),
    ("the three above together",
     {"varied": True, "stream_response_body": 1, "fin_propagate": False,
      "extra": 'server.network-backend = "write"'}),
    ("event-handler = poll", {"extra": 'server.event-handler = "poll"'}),
    ("2 workers", {"workers": 2}),
    ("2 workers, 2 gateways", {"workers": 2, "gateways": 2}),
]


def tuning(bench):
    """lighttpd's settings that could matter, at 5,000 streams."""
    def measure(peer):
        row = fanout(bench, peer, bench.scale([5000])[0],
                     bench.seconds(8) * 5, rate=5)
        cpu = {n: w.get("cpu_us_per_delivery") for n, w in row["watch"].items()}
        say(f"  {peer.title}: p50 {row['latency_us']['p50']} p99 "
            f"{row['latency_us']['p99']} us, CPU us per delivery {cpu}")
        yield {**row, "variant": peer.title}

    found = {}
    kinds = [type("Variant", (PgfeedLighttpd,), {"title": title, **values})
             for title, values in VARIANTS] + [Nchan]
    for _ in range(bench.options.rounds):
        for row in each(bench, kinds, measure):
            found.setdefault(row["variant"], []).append(row)
    return [min(rows, key=lambda r: r["latency_us"]["p50"])
            for rows in found.values()]


def burst(bench):
    """2,000 events as fast as they go in, to 1,000 streams."""
    def measure(peer):
        row = fanout(bench, peer, bench.scale([min(1000, peer.max_streams)])[0],
                     2000, batch=100, grace=BURST_GRACE_S)
        say(f"  {peer.name}: {row['deliveries_per_s']}/s, "
            f"missing {row['missing']}")
        yield row
    return each(bench, ALL, measure)


def turns(bench):
    """One event per turn at 5,000 streams, beside a bare loop of send().

    The loop runs once without a rest and once at the gateway's own rate. The
    comparison is of CPU time: sends per second of the loop's, deliveries
    per second of the gateway's. What rests between turns finds its memory cold,
    the kernel's included, so the loop at the same rate is the floor. The rate
    should leave no two events to be sent together; deliveries per read of the
    load generator tell whether it did.
    """
    streams, rate = bench.scale([5000])[0], 10
    rows = []
    for name, paced in (("floor", []), ("floor_paced", ["--rate", rate])):
        floor = bench.tools.run("floor", "--streams", streams, "--size", 160,
                                "--seconds", bench.seconds(10), *paced)
        rows.append({"peer": name, "streams": streams,
                     "per_cpu_s": floor["sends_per_cpu_s"], "floor": floor})

    def measure(peer):
        row = fanout(bench, peer, streams, bench.seconds(10) * rate, rate=rate)
        cpu_s = row["watch"]["pgfeed-stream"]["cpu_s"]
        row["per_cpu_s"] = round(row["delivered"] / cpu_s) if cpu_s else 0
        # Each stream had one read more, of its head.
        row["per_read"] = round(row["delivered"] / max(1, row["reads"] -
                                                       streams), 2)
        say(f"  {row['per_cpu_s']} deliveries per CPU second, "
            f"{row['per_cpu_s'] / rows[0]['per_cpu_s']:.2f} of the bare loop, "
            f"{row['per_cpu_s'] / rows[1]['per_cpu_s']:.2f} of it at this rate")
        yield row
    return rows + each(bench, [Pgfeed], measure)


def single(bench):
    """From the INSERT call to one client, beside a bare libpq listener."""
    events, rate = bench.seconds(5) * 100, 100
    seed = bench.next_seed()
    listener = bench.tools.start(
        "listen", "--conninfo", bench.cluster.conninfo("bench"), "--channel",
        "bench_raw", "--events", events, "--seed", seed)
    bench.tools.wait_ready(listener)
    bench.tools.run(
        "publish", "--conninfo", bench.cluster.conninfo("bench"), "--sql",
        "INSERT INTO bench.raw (topic, data) VALUES ($1, $2)", "--seed", seed,
        "--events", events, "--rate", rate)
    bare = bench.tools.finish(listener)
    histogram = Histogram()
    histogram.add(bare["latency_us"])
    rows = [{"peer": "libpq", "latency_us": histogram.summary(),
             "missing": bare["expected"] - bare["delivered"]}]

    def measure(peer):
        row = fanout(bench, peer, 1, events, rate=rate)
        row["of_libpq"] = round(row["latency_us"]["p50"] /
                                rows[0]["latency_us"]["p50"], 2)
        say(f"  {peer.name}: p50 {row['latency_us']['p50']} us")
        yield row
    return rows + each(bench, ALL, measure)


def idle(bench):
    """Many streams that wait: memory of each, and CPU of all."""
    def measure(peer):
        streams = bench.scale([16000 * max(1, peer.gateways)])[0]
        crowd = Crowd(bench, peer, "idle", streams, duration=bench.seconds(20),
                      timeout=120)
        row = crowd.finish()
        row["seconds"] = bench.seconds(20)
        for name, used in row["watch"].items():
            # With several load processes, only at the end are all there.
            grown = used["pss_kb_end"] - used["pss_kb_start"]
            used["bytes_per_stream"] = round(grown * 1024 / streams)
            used["cpu_percent"] = round(100 * used["cpu_s"] / row["seconds"], 2)
            say(f"  {peer.name} {streams}: {name} "
                f"{used['bytes_per_stream']} B/stream, "
                f"{used['cpu_percent']} % CPU")
        yield row

    class TwoGateways(PgfeedLighttpd):
        title = "two pgfeed behind lighttpd, 4 workers"
        gateways, workers = 2, 4

    return each(bench, [Pgfeed, TwoGateways], measure)


def topics(bench):
    """1,000 topics, and 100 streams that take them all by a prefix."""
    def measure(peer):
        for streams in bench.scale([5000, 10000]):
            seed = bench.next_seed()
            events = bench.seconds(5) * 200
            options = {"seed": seed, "events": events, "timeout": 600}
            crowd = Crowd(bench, peer, f"t{seed}/%t", streams, topics=1000,
                          **options)
            prefix = Crowd(bench, peer, f"t{seed}/*", 100, **options)
            bench.tools.run("publish", *peer.publish_args(f"t{seed}/%t"),
                            "--seed", seed, "--events", events, "--rate", 200,
                            "--topics", 1000)
            row, others = crowd.finish(GRACE_S), prefix.finish(1)
            row["prefix"] = others
            cpu_s = row["watch"]["pgfeed-stream"]["cpu_s"]
            row["cpu_us_per_event"] = round(1e6 * cpu_s / events, 1)
            row["cpu_us_per_delivery"] = round(
                1e6 * cpu_s / max(1, row["delivered"] + others["delivered"]), 2)
            say(f"  {streams} streams: {row['cpu_us_per_event']} us of CPU per "
                f"event, missing {row['missing'] + others['missing']}")
            yield row
    return each(bench, [Pgfeed], measure)


def slow(bench):
    """Fifty readers of a kilobyte each 100 ms among 1,000: who waits?"""
    def measure(peer):
        for crawl in (0, 50):
            row = fanout(bench, peer, bench.scale([1000])[0],
                         bench.seconds(8) * 20, rate=20, size=2000, slow=crawl)
            row["slow"] = crawl
            say(f"  {peer.name}, {crawl} slow: the others' p99 "
                f"{row['latency_us']['p99']} us")
            yield row
    return each(bench, [Pgfeed, PgfeedLighttpd, Nchan, Node], measure)


def tree(pid):
    """A process and all below it."""
    return [pid] + [p for child in children(pid) for p in tree(child)]


def read_strace(path):
    """Calls by name from strace -c."""
    calls = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            words = line.split()
            if len(words) >= 5 and words[0].replace(".", "").isdigit() and \
                    words[-1] != "total":
                calls[words[-1]] = int(words[3])
    return calls


def syscalls(bench):
    """What a delivery costs in system calls, by strace -c at 1,000 streams.

    Slowly: strace takes so long that faster events would go out together.
    """
    if not harness.find("strace"):
        bench.skipped["strace"] = "not installed"
        return []

    def measure(peer):
        counts = {}

        def attach():
            for name, pid in peer.watched().items():
                out = f"{peer.dir}/strace-{name}"
                every = [word for p in tree(pid) for word in ("-p", p)]
                counts[name] = out, bench.tools.start_other(
                    "strace", "-f", "-c", "-o", out, *every)
            time.sleep(2)       # until it is attached, which it doesn't say

        try:
            row = fanout(bench, peer, bench.scale([1000])[0],
                         bench.seconds(6) * 2, rate=2, once_live=attach)
        finally:
            for _, strace in counts.values():
                bench.tools.stop_other(strace)
        row["calls"] = {
            name: {call: round(n / max(1, row["delivered"]), 3)
                   for call, n in read_strace(out).items()
                   if n >= 0.005 * row["delivered"]}
            for name, (out, _) in counts.items()}
        say(f"  {peer.name}: {row['calls']}")
        yield row
    # Not Apache: strace holds it up for minutes, a thread after the other.
    return each(bench, [Pgfeed, PgfeedLighttpd, Nchan, Node], measure)


class Idle(Peer):
    """lighttpd before a FastCGI responder that does nothing."""
    name, title = "idle_fcgi", "a responder that does nothing"

    def start(self):
        path = self.dir + "/idle.sock"
        self.popen = self.bench.tools.start("idle_fcgi", path)
        eventually(lambda: os.path.exists(path), what="idle_fcgi")
        config = self.write("lighttpd.conf", servers.lighttpd_idle(self, path))
        self.server = self.spawn([harness.find("lighttpd"), "-D", "-f",
                                  config])
        self.wait_port()

    def stop(self):
        super().stop()
        self.popen.terminate()
        self.popen.wait()
        self.bench.tools.running.remove(self.popen)


def ingest(bench):
    """Durable POSTs through the same lighttpd, one after the other."""
    paths = {"idle_fcgi": "/", "lighttpd": "/events/bench",
             "apache": "/events/bench", "php": "/post.php"}

    def measure(peer):
        for connections in (1, 64):
            row = bench.tools.run(
                "post", "--connect", f"127.0.0.1:{peer.port}", "--path",
                paths[peer.name], "--connections", connections, "--duration",
                bench.seconds(5))
            histogram = Histogram()
            histogram.add(row["latency_us"])
            row["latency_us"] = histogram.summary()
            say(f"  {peer.name} {connections}: {row['per_s']}/s, "
                f"p50 {row['latency_us']['p50']} us, bad {row['bad']}")
            yield row

    bench.peers.add("idle_fcgi")
    return each(bench, [Idle, PgfeedLighttpd, PgfeedApache, Php], measure)


def jitter(bench):
    """2,000 clients, each dropped about every 15 s, 120 events, and a restart
    of the gateway, of PostgreSQL and of the web server in the middle."""
    seconds = bench.seconds(60)
    streams, events = bench.scale([2000])[0], 120

    def measure(peer):
        seed = bench.next_seed()
        topic = f"t{seed}"
        crowd = Crowd(bench, peer, topic, streams, seed=seed, events=events,
                      timeout=600, drop_ms=15000 * seconds // 60,
                      reconnect_ms=500)
        publisher = bench.tools.start(
            "publish", "--conninfo", bench.cluster.conninfo("bench"), "--topic",
            topic, "--sql", "SELECT pgfeed.publish($1, $2, NULL, $3)",
            "--retry", "--seed", seed, "--events", events, "--rate",
            events / seconds)

        def faults():
            time.sleep(seconds / 4)
            say("  restart of the gateway")
            os.kill(peer.gateway_pid(0), signal.SIGTERM)
            time.sleep(seconds / 4)
            say("  restart of PostgreSQL")
            bench.cluster.restart()
            time.sleep(seconds / 4)
            say("  reload of the web server")
            os.kill(peer.server.pid, signal.SIGUSR1)

        thread = threading.Thread(target=faults)
        thread.start()
        published = bench.tools.finish(publisher)
        thread.join()
        row = crowd.finish(2 * GRACE_S)
        row["publish"] = {"late_us": published["late_us"],
                          "seconds": published["seconds"]}
        say(f"  seed {seed}: {row['delivered']} of {row['expected']} "
            f"delivered, {row['duplicates']} twice, {row['out_of_order']} out "
            f"of order; {row['drops']} drops, {row['ended'] + row['cut']} ends "
            f"by the server, {row['refused']} refused, {row['errors']} error "
            f"answers (last {row['error_status']}); replay p99 {row['replay_us']['p99'] / 1000:.1f} "
            "ms")
        yield row
    return each(bench, [PgfeedLighttpd], measure)


SCENARIOS = {f.__name__: f for f in (
    single, latency, tuning, burst, turns, syscalls, idle, topics, slow, ingest,
    jitter)}
