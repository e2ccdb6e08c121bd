#!/usr/bin/python3
"""make bench: pgfeed beside what people would use instead, in one run.

Starts a private PostgreSQL, each peer alone beside it, runs the scenarios and
writes bench.json, bench.md and SVG plots to --docs, or the JSON to stdout. It
measures and never judges: nothing here fails because something is slow. A peer
that can't be had is left out, and the report says why.
"""
import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True

from benchlib import env, peers, report, scenarios
from benchlib.env import say

SCHEMA = """
CREATE SCHEMA bench;
CREATE TABLE bench.plain (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  topic text NOT NULL, data text NOT NULL);
CREATE TABLE bench.event (LIKE bench.plain INCLUDING ALL);
CREATE TABLE bench.raw (LIKE bench.plain INCLUDING ALL);
CREATE FUNCTION bench.notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('bench',
    json_build_object('topic', new.topic, 'data', new.data)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER notify AFTER INSERT ON bench.event
  FOR EACH ROW EXECUTE FUNCTION bench.notify();
CREATE FUNCTION bench.notify_raw() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('bench_raw', new.data);
  RETURN NULL;
END $$;
CREATE TRIGGER notify AFTER INSERT ON bench.raw
  FOR EACH ROW EXECUTE FUNCTION bench.notify_raw();
"""


class Bench:
    def __init__(self, options):
        self.options = options
        self.peers = set(options.peers)
        self.skipped = {}
        self.seed = options.seed
        self.tools = env.Tools(options.build, options.cpus)
        env.harness.BUILD = os.path.abspath(options.build)
        self.cluster = env.BenchCluster()
        self.cluster.sql("CREATE DATABASE bench TEMPLATE template", "postgres")
        self.cluster.sql(SCHEMA, "bench")

    def next_seed(self):
        self.seed += 1
        return self.seed

    def scale(self, streams):
        """--scale 0.1 is for trying the bench, not for figures."""
        return sorted({max(1, round(n * self.options.scale)) for n in streams})

    def seconds(self, n):
        return max(1, round(n * self.options.time))

    @contextlib.contextmanager
    def peer(self, kind):
        peer = kind(self)
        try:
            peer.start()
            yield peer
        except AssertionError:
            with contextlib.suppress(OSError):
                say(peer.log())
            raise
        finally:
            peer.stop()

    def close(self):
        self.tools.close()
        self.cluster.close()


def parse():
    names = [p.name for p in peers.ALL]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=".", help="where make ran")
    parser.add_argument("--docs", help="where the report goes; none without")
    parser.add_argument("--only", nargs="+", choices=scenarios.SCENARIOS,
                        default=list(scenarios.SCENARIOS))
    parser.add_argument("--peers", nargs="+", choices=names, default=names)
    parser.add_argument("--seed", type=int, default=20251122)
    parser.add_argument("--rounds", type=int, default=3,
                        help="of the latency scenario")
    parser.add_argument("--pin", action="store_true",
                        help="keep the last CPU for load and publisher, and "
                        "the others for what is measured")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--time", type=float, default=1.0)
    return parser.parse_args()


def shown(arguments):
    """The arguments that make a difference to the figures."""
    arguments = iter(arguments)
    for argument in arguments:
        if argument in ("--build", "--docs"):
            next(arguments)
        else:
            yield argument


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    env.raise_limits()
    options.cpus = env.pin() if options.pin else None
    if not shutil.which("initdb") and not env.harness.find(
            "initdb", "/usr/lib/postgresql/*/bin"):
        env.install("postgresql")
    bench = Bench(options)
    try:
        result = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "command": " ".join(["run.py"] + list(shown(sys.argv[1:]))),
            "pinned": options.cpus,
            "seed": options.seed, "scale": options.scale, "time": options.time,
            "machine": env.machine(bench.cluster),
            "peers": {p.name: {"title": p.title, "publishes": p.publishes}
                      for p in peers.ALL},
            "scenarios": {},
        }
        for name in options.only:
            scenario = scenarios.SCENARIOS[name]
            say(f"{name}: {scenario.__doc__.splitlines()[0]}")
            result["scenarios"][name] = scenario(bench)
        result["skipped"] = bench.skipped
    finally:
        bench.close()
    if options.docs:
        os.makedirs(options.docs, exist_ok=True)
        report.write(result, options.docs)
        say(f"written to {options.docs}")
    else:
        json.dump(result, sys.stdout, indent=1)
        print()


if __name__ == "__main__":
    main()
