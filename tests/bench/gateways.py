"""What 1, 4, 16 and 64 gateways on one primary cost: the curve.

pgbench writes one row of 200 bytes per transaction while gateways follow the
database, each with a connection of its own over TCP and no streams. Measured
from the moment on that all gateways are awake, or after 20 s: more gateways than
the cores can serve fall asleep again and again.

    commits/s     of the writers
    gateway       processor time per event and gateway
    PostgreSQL    the same of the backends that the gateways listen with
    wake-ups      per second and gateway (voluntary context switches)
    bytes         that a gateway reads per event

gateways.py [--gateways 1 4 16 64] [--writers N] [--seconds S] [--docs FOLDER]
--docs writes gateways.md and gateways.svg there.
"""
import argparse
import contextlib
import os
import re
import subprocess
import sys

from benchlib import plot
from benchlib.env import BenchCluster, harness, machine, raise_limits, say

DATABASE = "gateways"
INSERT = "INSERT INTO pgfeed.event (topic, data) VALUES ('crowd', repeat('x', 200));\n"
INTRO = """# Many gateways on one primary

Written by `make bench-gateways`, on {cpus} CPUs ({cpu}), Linux {kernel}, fdatasync {fdatasync_us} us, {postgresql}.
All of it shares these CPUs, with other work of the machine: the load average before the run was {load}. {writers}
writers commit one row of 200 bytes per transaction; no gateway has streams.

![Commits per second](gateways.svg)

| gateways | awake at the end | commits/s | gateway's CPU per event | PostgreSQL's CPU per event and gateway | wake-ups/s per gateway | bytes read per event and gateway |
|---|---|---|---|---|---|---|
"""


class Cluster(BenchCluster):
    """Also at an address of its own, where ss counts the bytes."""

    def __init__(self):
        self.host = f"127.{77 + os.getpid() % 100}.{os.getpid() // 100 % 256}.1"
        super().__init__()

    SETTINGS = BenchCluster.SETTINGS + "\nmax_connections = 400"

    def _initialize(self):
        super()._initialize()
        with open(self.data + "/postgresql.conf", "a", encoding="ascii") as file:
            file.write(f"listen_addresses = '{self.host}'\n")


class Gateway(harness.Site):
    """One pgfeed-stream."""

    def __init__(self, cluster, number):
        self.cluster, self.database, self.processes = cluster, DATABASE, {}
        self.dir = f"{cluster.service_dir}/g{number}"
        harness.run(["mkdir", self.dir])
        self.configure(log_level="warning", stream_database=(
            f"host={cluster.host} port=5432 dbname={DATABASE} user=stream"))
        self.start("stream")


def cpu_ns(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0])


def wake_ups(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"\nvoluntary_ctxt_switches:\s*(\d+)", file.read())[1])


def bytes_read(cluster):
    """By all clients of the cluster's address, as far as they are there."""
    out = subprocess.run(["ss", "-tniH", "dst", cluster.host], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return sum(map(int, re.findall(r"bytes_received:(\d+)", out)))


def sample(cluster, gateways, backends):
    return {"gateway": sum(map(cpu_ns, gateways)), "backend": sum(map(cpu_ns, backends)),
            "wake_ups": sum(map(wake_ups, gateways)), "bytes": bytes_read(cluster),
            "events": cluster.sql("SELECT last_value FROM pgfeed.event_id_seq",
                                  DATABASE)[0][0]}


def backends_of(cluster, awake_only=False):
    """The backends that gateways listen with, by process id."""
    return [pid for pid, in cluster.sql(
        "SELECT pid FROM pgfeed.gateway WHERE NOT (asleep AND %s)", DATABASE,
        (awake_only,))]


def measure(cluster, gateways, writers, seconds):
    n = len(gateways)
    harness.eventually(lambda: len(backends_of(cluster)) == n, 60, "all gateways follow")
    path = os.path.join(cluster.service_dir, "script.sql")
    with open(path, "w", encoding="ascii") as file:
        file.write(INSERT)
    os.chmod(path, 0o644)
    command = [cluster.bin + "/pgbench", "-n", "-h", cluster.service_dir, "-U", "postgres",
               "-f", path, "-c", str(writers), "-j", "1", "-M", "prepared", DATABASE]
    crowd = subprocess.Popen(harness.as_service(command + ["-T", "3600"]),
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with contextlib.suppress(AssertionError):
            harness.eventually(lambda: len(backends_of(cluster, True)) == n, 20, "all awake")
        pids = [g.gateway_pid() for g in gateways]
        backends = backends_of(cluster)
        before = sample(cluster, pids, backends)
        with contextlib.suppress(subprocess.TimeoutExpired):
            crowd.wait(seconds)
        after = sample(cluster, pids, backends)
        awake = len(backends_of(cluster, True))
    finally:
        crowd.terminate()
        crowd.wait()
    d = {name: after[name] - before[name] for name in before}
    return {"awake": awake, "commits_per_s": round(d["events"] / seconds),
            "gateway_us": round(d["gateway"] / 1000 / d["events"] / n, 1),
            "backend_us": round(d["backend"] / 1000 / d["events"] / n, 1),
            "wake_ups_per_s": round(d["wake_ups"] / seconds / n),
            "bytes": round(d["bytes"] / d["events"] / n)}


def write(folder, info, writers, results):
    load = ", ".join(f"{x:.1f}" for x in info["load_average"])
    with open(os.path.join(folder, "gateways.md"), "w", encoding="utf-8") as file:
        file.write(INTRO.format(load=load, writers=writers, **info))
        for n, r in results.items():
            file.write(f"| {n} | {r['awake']} | {r['commits_per_s']:,} | {r['gateway_us']} us"
                       f" | {r['backend_us']} us | {r['wake_ups_per_s']} | {r['bytes']} |\n")
    series = {"pgfeed": ("commits", False,
                         [(n, r["commits_per_s"]) for n, r in results.items()])}
    with open(os.path.join(folder, "gateways.svg"), "w", encoding="ascii") as file:
        file.write(plot.lines("Commits per second", series, "gateways",
                              f"{writers} writers", ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gateways", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--docs", metavar="FOLDER")
    args = parser.parse_args()
    raise_limits()
    say(f"load {os.getloadavg()[0]:.1f}")
    cluster, gateways, results = Cluster(), [], {}
    try:
        info = machine(cluster)
        cluster.sql(f"CREATE DATABASE {DATABASE} TEMPLATE template", "postgres")
        for n in sorted(args.gateways):
            while len(gateways) < n:
                gateways.append(Gateway(cluster, len(gateways)))
            results[n] = measure(cluster, gateways, args.writers, args.seconds)
            print(f"{n} gateways: {results[n]}", flush=True)
    finally:
        for gateway in gateways:
            gateway.close()
        cluster.close()
    if args.docs:
        write(args.docs, info, args.writers, results)
    return 0


sys.exit(main())
