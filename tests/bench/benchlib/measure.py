"""One measurement: streams up, events in, everything counted."""
import math
import subprocess
import time

from .env import raise_limits

SETTLE_S = 0.5      # for peers that don't say when a stream is live
GRACE_S = 15        # after the last publication: what hasn't come is missing


class Histogram:
    """What the C side prints, added up bucket by bucket."""

    def __init__(self):
        self.buckets, self.max = {}, 0

    def add(self, printed):
        self.max = max(self.max, printed["max"])
        for upper, count in printed["buckets"]:
            self.buckets[upper] = self.buckets.get(upper, 0) + count

    @property
    def count(self):
        return sum(self.buckets.values())

    def at(self, part):
        wanted, seen = math.ceil(self.count * part), 0
        for upper in sorted(self.buckets):
            seen += self.buckets[upper]
            if seen >= wanted:
                return min(upper, self.max)
        return self.max

    def summary(self):
        return {"count": self.count, "p50": self.at(.5), "p90": self.at(.9),
                "p99": self.at(.99), "p999": self.at(.999), "max": self.max}


SUMS = ("streams", "live", "live_at_end", "expected", "delivered", "missing",
        "duplicates", "out_of_order", "foreign", "connects", "drops", "ended",
        "cut", "refused", "errors", "gaps", "bytes", "reads")
HISTOGRAMS = ("latency_us", "replay_us", "slow_us", "handshake_us")


def merge(results, baseline):
    """Several load processes as one.

    What a process has freed it may keep, so the memory of its streams is what
    it has beyond the first time that it was looked at, in baseline.
    """
    whole = {k: sum(r[k] for r in results) for k in SUMS}
    whole["error_status"] = max(r["error_status"] for r in results)
    whole["connect_s"] = max(r["connect_s"] for r in results)
    whole["span_s"] = max(r["span_s"] for r in results)
    for name in HISTOGRAMS:
        histogram = Histogram()
        for result in results:
            histogram.add(result[name])
        whole[name] = histogram.summary()
    whole["deliveries_per_s"] = (round(whole["delivered"] / whole["span_s"])
                                 if whole["span_s"] else 0)
    whole["watch"] = results[0]["watch"]
    for name, process in whole["watch"].items():
        baseline.setdefault(name, process["pss_kb_start"])
        grown = process["pss_kb_ready"] - baseline[name]
        process["bytes_per_stream"] = round(grown * 1024 / whole["streams"])
        if whole["delivered"]:
            process["cpu_us_per_delivery"] = round(
                process["cpu_s"] * 1e6 / whole["delivered"], 3)
    return whole


class Crowd:
    """Load processes that together hold so many streams of one peer."""

    def __init__(self, bench, peer, topic, streams, *args, **options):
        """options are options of load; args are added as they stand."""
        self.tools, self.baseline = bench.tools, peer.baseline
        most = raise_limits() - 200
        parts = math.ceil(streams / most)
        self.loads = []
        for i in range(parts):
            command = peer.load_args(topic) + list(args)
            command += ["--streams", streams // parts +
                        (1 if i < streams % parts else 0)]
            for name, value in options.items():
                command += ["--" + name.replace("_", "-"), value]
            if peer.live_event:
                command += ["--live-event", peer.live_event]
            if i > 0 and "--connect" in command:
                command += ["--source", f"127.0.0.{i + 1}"]
            # Memory is read before and after: not while others connect.
            if i == 0:
                for name, pid in peer.watched().items():
                    command += ["--watch", f"{name}={pid}"]
            self.loads.append(self.tools.start("load", *command))
        for load in self.loads:
            self.tools.wait_ready(load)
        if not peer.live_event:
            time.sleep(SETTLE_S)

    def finish(self, grace=None):
        """The report; so many seconds from now at the latest."""
        deadline = time.monotonic() + (grace or 1e9)
        for load in self.loads:
            try:
                # What it prints is a few kilobytes and fits in the pipe.
                load.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                load.terminate()
        return merge([self.tools.finish(load) for load in self.loads],
                     self.baseline)


def fanout(bench, peer, streams, events, rate=0, batch=1, size=120, topics=1,
           grace=GRACE_S, once_live=lambda: None, **options):
    """Events to all streams of a peer; what load and publish say of it."""
    seed = bench.next_seed()
    topic = f"t{seed}-%t"
    crowd = Crowd(bench, peer, topic, streams, seed=seed, events=events,
                  topics=topics, timeout=600, **options)
    once_live()
    published = bench.tools.run(
        "publish", *peer.publish_args(topic), "--seed", seed, "--events",
        events, "--rate", rate, "--batch", batch, "--size", size, "--topics",
        topics)
    result = crowd.finish(grace)
    result["publish"] = {k: v for k, v in published.items() if k != "took_us"}
    took = Histogram()
    took.add(published["took_us"])
    result["publish"]["took_us"] = took.summary()
    return result
